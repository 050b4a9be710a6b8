"""The package or archive of a version of a job: the kind decides how ``flink run`` ships it."""

from __future__ import annotations

import tarfile
import zipfile
from typing import TYPE_CHECKING

from wikistate.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

MAX_MEMBERS = 500_000
"""Members of an archive that are looked at. An environment with Flink has some 30,000."""

_PYTHON = ("bin/python", "bin/python3")
_ALLOWED = (
    "allowed are a wheel, a zip file or a module (.whl, .zip, .py) that is imported before the installed packages, and a "
    "packed virtual environment (.zip, .tar.gz, .tgz) with bin/python"
)


def check_package(path: Path) -> None:
    """Check a package before anything is stopped.

    Raises:
        ConfigError: It does not exist, or is of another kind.
    """
    package_options(path)


def package_options(path: Path) -> list[str]:
    """Return the options of ``flink run`` that ship a package.

    Raises:
        ConfigError: It does not exist, or is of another kind.
    """
    if not path.is_file():
        raise ConfigError(f"--jar {path}: there is no such file.", hint="Name a package or an archive.", key="--jar")
    name = path.name
    if name.endswith((".whl", ".py")):
        return ["-pyfs", str(path)]
    if name.endswith(".jar"):
        raise ConfigError(
            f"--jar {path} is a Java archive, and the jobs of wikistate are Python.",
            hint=f"Here {_ALLOWED}.",
            key="--jar",
        )
    if name.endswith((".zip", ".tar.gz", ".tgz")):
        prefix = _find_environment(path)
        if prefix is not None:
            return ["-pyarch", f"{path}#environment", "-pyexec", f"environment/{prefix}bin/python"]
        if name.endswith(".zip"):
            return ["-pyfs", str(path)]
        raise ConfigError(f"--jar {path} has no bin/python, so it is not a packed virtual environment.", key="--jar")
    raise ConfigError(f"--jar {path} is of an unknown kind; {_ALLOWED}.", key="--jar")


def _find_environment(path: Path) -> str | None:
    """Return the folder of a virtual environment in an archive: empty, or with a slash at its end; None without one."""
    try:
        return next((found for found in map(_prefix_of, _members(path)) if found is not None), None)
    except (OSError, zipfile.BadZipFile, tarfile.TarError, EOFError) as error:
        raise ConfigError(f"--jar {path} cannot be read: {error}.", hint="Pack it again.", key="--jar") from None


def _members(path: Path) -> Iterable[str]:
    if path.name.endswith(".zip"):
        with zipfile.ZipFile(path) as archive:
            yield from archive.namelist()[:MAX_MEMBERS]
        return
    with tarfile.open(path) as packed:
        for _, member in zip(range(MAX_MEMBERS), packed, strict=False):
            yield member.name


def _prefix_of(member: str) -> str | None:
    name = member.removeprefix("./")
    for python in _PYTHON:
        prefix = name.removesuffix(python)
        if prefix != name and prefix.count("/") == bool(prefix):
            return prefix
    return None
