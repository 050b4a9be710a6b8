"""Downloads artifacts from Maven Central: ``python -m wikistate.ops.maven FOLDER COORDINATE...``.

By `jgo`, a Maven client in pure Python: it needs neither Maven nor Java, so there is one way for every machine. In a
process of its own, because after a failure it leaves connections open, which Python would report in the middle of
whatever comes next.
"""

from __future__ import annotations

import os
import shutil
import ssl
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from wikistate.errors import PartError

if TYPE_CHECKING:
    from collections.abc import Sequence

_MAX_ATTEMPTS = 3
_TIMEOUT_SECONDS = 60  # seconds without a byte after which an attempt is given up


def download(coordinates: Sequence[str], folder: Path) -> None:
    """Put artifacts into `folder`, each as ``artifact-version.jar``.

    Args:
        coordinates: Each ``group:artifact:version``.
        folder: Must exist.

    Raises:
        PartError: One of them cannot be had.
    """
    if find_spec("jgo") is None:
        raise PartError(
            f"{', '.join(coordinates)} cannot be fetched: the package jgo is not installed.",
            hint="Install wikistate with its extra `flink`; in a checkout, `make flink` or `make parts` does.",
        )
    done = subprocess.run(  # noqa: S603 (our own module; coordinates are declared in this repository)
        [sys.executable, "-m", "wikistate.ops.maven", str(folder), *coordinates],
        env={**_trust_environment(), **os.environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise PartError(
            f"Maven Central did not give what was asked for:\n{done.stderr.strip()}\n",
            hint="It must be reachable; HTTPS_PROXY is heeded.",
        )


def main(folder: Path, coordinates: Sequence[str]) -> int:
    """Download, four at a time, up to the first failure, which is said on standard error. Returns the exit status."""
    with ThreadPoolExecutor(4) as pool:
        for failure in pool.map(lambda name: _download_with_retries(name, folder), coordinates):
            if failure is not None:
                pool.shutdown(wait=False, cancel_futures=True)
                sys.stderr.write(f"{failure}\n")
                return 1
    return 0


def _trust_environment() -> dict[str, str]:
    """Let `jgo` trust the authorities that the machine trusts, as its other programs do, where it has any.

    By itself it knows only those that come with a Python package, and fails behind a proxy that signs by itself.
    """
    paths = ssl.get_default_verify_paths()
    if paths.cafile is not None:
        return {"REQUESTS_CA_BUNDLE": paths.cafile}
    if paths.capath is not None and any(Path(paths.capath).iterdir()):
        return {"REQUESTS_CA_BUNDLE": paths.capath}
    return {}


def _download_with_retries(coordinate: str, folder: Path) -> str | None:
    """Download one artifact. Returns why that failed."""
    failure = None
    for _ in range(_MAX_ATTEMPTS):
        # A folder for each attempt: what a broken connection left would be taken for the whole file.
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            try:
                found = _resolve(coordinate, Path(scratch))
            except (RuntimeError, OSError) as error:
                failure = f"{coordinate}: {error}"
            else:
                shutil.move(found, folder / found.name)
                return None
    return failure


def _resolve(coordinate: str, scratch: Path) -> Path:
    from jgo.maven import MavenContext  # noqa: PLC0415 (of an extra, and wanted by this process alone)

    group, artifact, version = coordinate.split(":")
    central = MavenContext(repo_cache=scratch, local_repos=[], timeout=_TIMEOUT_SECONDS)
    return central.project(group, artifact).at_version(version).artifact().resolve()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
