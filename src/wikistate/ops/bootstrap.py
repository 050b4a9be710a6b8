"""Bootstrap of rdf-updater: it fills the state from a list of the entities and revisions in a loaded store.

The list has a line ``entity,revision`` for each entity, without a header. It may be several files, and compressed.
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
    """Entity and its revision in the store."""

    entity: str
    revision: int


def fill_state(lists: Iterable[Path], state: Path) -> int:
    """Create the state file with which the first run of the job starts.

    Args:
        lists: Files of lines, plain or ``.bz2``, ``.gz``, ``.zst``; the largest revision of each entity counts.
        state: Path of the state file.

    Returns:
        The number of entities.

    Raises:
        InputError: A file cannot be read, or one of its lines is not valid.
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
    """Yield the lines of a list.

    Raises:
        InputError: The file cannot be read, or one of its lines is not valid.
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
            f"{path}, line {number}, is {line.strip()!r:.100}; a line must be an entity and its revision, as in Q42,1234.",
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
