"""Download of artifacts from Maven Central: ``python -m wikistate.ops.maven FOLDER COORDINATE...``.

It uses `jgo`, a Maven client in pure Python that needs neither Maven nor Java, so that it works on every machine. It runs
in a separate process, because after a failure `jgo` leaves connections open, and Python would report them later.
"""

from __future__ import annotations

import os
import ssl
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from wikistate.adapters.durable_files import rename_durably
from wikistate.errors import PartError

if TYPE_CHECKING:
    from collections.abc import Sequence

_MAX_ATTEMPTS = 3
_TIMEOUT_SECONDS = 60  # seconds without a byte after which an attempt fails


def download(coordinates: Sequence[str], folder: Path) -> None:
    """Download artifacts into a folder, each as ``artifact-version.jar`` or ``artifact-version-classifier.jar``.

    Args:
        coordinates: Maven coordinates, each ``group:artifact:version`` or ``group:artifact:version:classifier``.
        folder: Target folder; it must exist.

    Raises:
        PartError: An artifact cannot be downloaded.
    """
    if find_spec("jgo") is None:
        raise PartError(
            f"{', '.join(coordinates)} cannot be downloaded: the package jgo is not installed.",
            hint="Install wikistate with its extra `flink`; in a checkout, run `make flink` or `make parts`.",
        )
    process = subprocess.run(  # noqa: S603 (a module of this package; coordinates are declared in this repository)
        [sys.executable, "-m", "wikistate.ops.maven", str(folder), *coordinates],
        env={**_trust_environment(), **os.environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if process.returncode != 0:
        raise PartError(
            f"The download from Maven Central failed: {' '.join(process.stderr.split())}.",
            hint="Check that Maven Central is reachable. HTTPS_PROXY applies.",
        )


def main(folder: Path, coordinates: Sequence[str]) -> int:
    """Download four artifacts at a time until the first failure, and write it to standard error. Return the exit status."""
    with ThreadPoolExecutor(4) as pool:
        for failure in pool.map(lambda name: _download_with_retries(name, folder), coordinates):
            if failure is not None:
                pool.shutdown(wait=False, cancel_futures=True)
                sys.stderr.write(f"{failure}\n")
                return 1
    return 0


def _trust_environment() -> dict[str, str]:
    """Return the environment with which `jgo` trusts the certificate authorities of the machine.

    By default it trusts only those of a Python package, and fails behind a proxy with its own authority.
    """
    paths = ssl.get_default_verify_paths()
    if paths.cafile is not None:
        return {"REQUESTS_CA_BUNDLE": paths.cafile}
    if paths.capath is not None and any(Path(paths.capath).iterdir()):
        return {"REQUESTS_CA_BUNDLE": paths.capath}
    return {}


def _download_with_retries(coordinate: str, folder: Path) -> str | None:
    """Download one artifact. Return the reason of a failure, else None."""
    failure = None
    for _ in range(_MAX_ATTEMPTS):
        # Each attempt has its folder: a partial file of a broken connection would pass for the whole file.
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            try:
                found = _resolve(coordinate, Path(scratch))
            except (RuntimeError, OSError) as error:
                failure = f"{coordinate}: {error}"
            else:
                rename_durably({found: folder / found.name})
                return None
    return failure


def _resolve(coordinate: str, scratch: Path) -> Path:
    from jgo.maven import MavenContext  # noqa: PLC0415 (of an extra, and needed by this process alone)

    group, artifact, version, *classifier = coordinate.split(":")
    central = MavenContext(repo_cache=scratch, local_repos=[], timeout=_TIMEOUT_SECONDS)
    return central.project(group, artifact).at_version(version).artifact(*classifier).resolve()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
