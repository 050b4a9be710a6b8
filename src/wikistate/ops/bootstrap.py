"""Fills the state of rdf-updater from a list of entities and their revisions: what a store that was loaded holds.

The list has a line ``entity,revision`` for each entity, without a header; it may be spread over files and compressed.
"""

from __future__ import annotations

import bz2
import gzip
import io
from typing import TYPE_CHECKING, NamedTuple

import zstandard

from wikistate.core.updater.entity_id import parse_page_entity
from wikistate.errors import InputError
from wikistate.runners.local.state_file import StateFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from typing import IO


class EntityRevision(NamedTuple):
    """An entity and the revision that the store holds."""

    entity: str
    revision: int


def fill_state(lists: Iterable[Path], state: Path) -> int:
    """Make a state file of which the first run of the job begins.

    Args:
        lists: Files of lines, plain or ``.bz2``, ``.gz``, ``.zst``; each entity counts with its largest revision.
        state: The file to make.

    Returns:
        How many entities it has.

    Raises:
        InputError: A file cannot be read, or a line of it is not what it must be.
        StateError: The file holds state already, or cannot be written.
    """
    file = StateFile(state)
    file.open()
    try:
        return file.fill(_read_rows(lists))
    finally:
        file.close()


def _read_rows(lists: Iterable[Path]) -> Iterator[tuple[int, int]]:
    for path in lists:
        for entity, revision in read_revisions(path):
            yield parse_page_entity(entity).key, revision


def read_revisions(path: Path) -> Iterator[EntityRevision]:
    """The lines of a list.

    Raises:
        InputError: It cannot be read, or a line of it is not what it must be.
    """
    try:
        with _open(path) as lines:
            for number, line in enumerate(lines, start=1):
                yield _parse_line(line, path, number)
    except (OSError, EOFError, zstandard.ZstdError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}.", file=str(path)) from error


def _parse_line(line: str, path: Path, number: int) -> EntityRevision:
    entity, _, revision = line.strip().partition(",")
    if not (revision.isascii() and revision.isdecimal() and int(revision)):
        raise InputError(
            f"{path}, line {number}, is {line.strip()!r:.100}, but a line is an entity and its revision, as in Q42,1234.",
            file=str(path),
            line=number,
        )
    return EntityRevision(entity, int(revision))


def _open(path: Path) -> IO[str]:
    match path.suffix:
        case ".bz2":
            return bz2.open(path, "rt", encoding="utf-8")
        case ".gz":
            return gzip.open(path, "rt", encoding="utf-8")
        case ".zst":
            return io.TextIOWrapper(zstandard.open(path, "rb"), encoding="utf-8")
        case _:
            return path.open(encoding="utf-8")
