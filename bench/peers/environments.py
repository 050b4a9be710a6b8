"""The peers' own environments under ``.cache/peers``, each from a lock beside this file; made on first use."""

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
_MARK = ".locked"


def prepare_python(peer: str) -> Path:
    """The Python that has a peer and nothing of ours.

    Raises:
        PartError: The environment cannot be made; shows what pip said.
    """
    folder, lock = _ENVIRONMENTS / peer, HERE / f"{peer}.lock"
    python, mark = folder / "bin" / "python", folder / _MARK
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()
    if not mark.exists() or mark.read_text() != digest:
        print(f"Installing {lock.relative_to(ROOT)} into {folder.relative_to(ROOT)} ...", flush=True)
        _run([sys.executable, "-m", "venv", "--clear", folder])
        _run([python, *_INSTALL, "--require-hashes", "--requirement", lock])
        mark.write_text(digest)
    return python


def find_flink_python() -> Path:
    """The Python that has Flink, and wikistate beside it.

    Raises:
        PartError: Nobody has made it yet.
    """
    python = ROOT / ".venv-flink" / "bin" / "python"
    if not python.exists():
        raise PartError("The environment .venv-flink is missing.", hint="Make it: make flink")
    return python


def _run(words: list[str | Path]) -> None:
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise PartError(f"{' '.join(map(str, words[1:4]))} ended with status {done.returncode}:\n{done.stdout}")
