"""The environments of the peers under ``.cache/peers``, each made at first use from a lock beside this file."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

from wikistate.errors import PartError

HERE = Path(__file__).parent
ROOT = HERE.parents[1]

_ENVIRONMENTS = ROOT / ".cache" / "peers"
_INSTALL = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--root-user-action=ignore")
_LOCK_DIGEST = ".locked"


def prepare_python(peer: str) -> Path:
    """Return the Python of the environment of a peer, which does not contain wikistate.

    Raises:
        PartError: The environment cannot be made; shows the output of pip.
    """
    folder, lock = _ENVIRONMENTS / peer, HERE / f"{peer}.lock"
    python, lock_digest = folder / "bin" / "python", folder / _LOCK_DIGEST
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()
    if not lock_digest.exists() or lock_digest.read_text() != digest:
        print(f"Installing {lock.relative_to(ROOT)} into {folder.relative_to(ROOT)} ...", flush=True)
        _run([sys.executable, "-m", "venv", "--clear", folder])
        _run([python, *_INSTALL, "--require-hashes", "--requirement", lock])
        lock_digest.write_text(digest)
    return python


def find_flink_python() -> Path:
    """Return the Python of the environment with Flink and wikistate.

    Raises:
        PartError: The environment does not exist yet.
    """
    python = ROOT / ".venv-flink" / "bin" / "python"
    if not python.exists():
        raise PartError("The environment .venv-flink is missing.", hint="Make it: make flink")
    return python


def _run(command: list[str | Path]) -> None:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise PartError(f"{' '.join(map(str, command[1:4]))} ended with status {done.returncode}:\n{done.stdout}")
