"""Programs from packages of Debian or Ubuntu."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from wikistate.errors import PartError

if TYPE_CHECKING:
    from collections.abc import Sequence

# Another package tool may be running: the set-up of an image, or a second test run.
_APT = ("apt-get", "-qq", "-o", "DPkg::Lock::Timeout=300")


def install(packages: Sequence[str]) -> None:
    """Install packages without their recommended packages.

    Raises:
        PartError: The system is not Debian or Ubuntu, the user is not root, or the package tool fails; has the command.
    """
    command = shlex.join(["apt-get", "install", "--no-install-recommends", *packages])
    if os.geteuid() != 0:
        raise PartError(f"{', '.join(packages)} must be installed by root.", hint=f"As root: {command}")
    _run_with_update([*_APT, "install", "-y", "--no-install-recommends", *packages])


def download(packages: Sequence[str], folder: Path) -> list[Path]:
    """Download packages into `folder` without installing them, which does not require root.

    Raises:
        PartError: The system is not Debian or Ubuntu, or the packages are not available.
    """
    _run_with_update([*_APT, "download", *packages], folder=folder)
    return sorted(folder.glob("*.deb"))


def unpack(package: Path, folder: Path) -> None:
    """Unpack the files of a package into `folder`. Raises `PartError` when it is not readable."""
    _run(["dpkg-deb", "-x", str(package), str(folder)])


def candidate_version(package: str) -> str:
    """Return the version that would be installed. Raises `PartError` when there is no such package."""
    lines = _run_with_update(["apt-cache", "show", "--no-all-versions", package]).splitlines()
    found = next((line for line in lines if line.startswith("Version: ")), None)
    if found is None:
        raise PartError(f"The package sources of this machine have no {package}.")
    return found.removeprefix("Version: ")


def list_dependencies(packages: Sequence[str]) -> set[str]:
    """Return the packages, and those on which they depend directly or not. Raises `PartError`."""
    left_out = ("recommends", "suggests", "conflicts", "breaks", "replaces", "enhances")
    options = ["--recurse", *(f"--no-{relation}" for relation in left_out)]
    lines = _run_with_update(["apt-cache", "depends", *options, *packages]).splitlines()
    return {line for line in lines if line and not line[0].isspace() and not line.startswith("<")}


def find_program(name: str, *, package: str) -> Path:
    """Return the path of a program; install its package if it is missing. Raises `PartError`."""
    if shutil.which(name) is None:
        install([package])
    found = shutil.which(name)
    if found is None:
        raise PartError(f"The package {package} is installed, but there is no program {name!r} on PATH.")
    return Path(found)


def _run_with_update(command: Sequence[str], *, folder: Path | None = None) -> str:
    """Run a command; if it fails, update the package lists (missing in a fresh image, stale in an old one) and retry."""
    try:
        return _run(command, folder=folder)
    except PartError:
        if os.geteuid() != 0:
            raise
        _run([*_APT, "update"])
        return _run(command, folder=folder)


def _run(command: Sequence[str], *, folder: Path | None = None) -> str:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    try:
        done = subprocess.run(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
    except FileNotFoundError as error:
        raise PartError(f"There is no {command[0]} here.", hint="This part comes as a Debian package.") from error
    if done.returncode != 0:
        raise PartError(f"{shlex.join(command)} failed (status {done.returncode}):\n{done.stderr.strip()}")
    return done.stdout
