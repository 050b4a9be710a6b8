"""Bootstrap of rdf-updater: it fills the state from a list of the entities and revisions in a loaded store.

The local runner keeps the state in a file; for Flink the revisions are sorted here, and `wikistate.runners.flink` loads them.

The list has a line ``entity,revision`` for each entity, without a header. It may be several files, and compressed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from wikistate.adapters.connectors.files.reader import LineReader
from wikistate.adapters.sorted_numbers import sort_numbers
from wikistate.core.events.integers import MAX_INTEGER, parse_integer
from wikistate.core.updater.entity_id import parse_page_entity
from wikistate.errors import InputError, SourceError
from wikistate.runners.local.state_file import StateFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

_MAX_LINE = 4096  # bytes; an entity id and a revision have some 40


class EntityRevision(NamedTuple):
    """Entity and its revision in the store."""

    entity: str
    revision: int


def fill_state(lists: Iterable[Path], state: Path) -> int:
    """Create the state file with which the first run of the job starts.

    Args:
        lists: Files of lines, plain or compressed; the largest revision of each entity counts.
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


def sort_revisions(lists: Sequence[Path]) -> Iterator[tuple[int, int]]:
    """Yield the key of each entity with its largest revision in the lists, in ascending order of the keys.

    Raises:
        InputError: A file cannot be read, one of its lines is not valid, or the lists name no entity.
        StateError: The temporary file cannot be written.
    """
    found = sort_numbers(_read_rows(lists))
    first = next(found, None)
    if first is None:
        names = ", ".join(map(str, lists))
        raise InputError(
            f"The list is empty: {names:.300}.",
            hint="Name files with a line ENTITY,REVISION for each entity of the store. An empty store needs no bootstrap.",
        )
    yield first
    yield from found


def _read_rows(lists: Iterable[Path]) -> Iterator[tuple[int, int]]:
    for path in lists:
        for entity, revision in read_revisions(path):
            yield parse_page_entity(entity).key, revision


def read_revisions(path: Path) -> Iterator[EntityRevision]:
    """Yield the lines of a list.

    Raises:
        InputError: The file cannot be read, or one of its lines is not valid.
    """
    reader = LineReader(path, bound=_MAX_LINE)
    try:
        reader.open()
        while (records := reader.read(wait=1.0)) is not None:
            for record in records:
                yield _parse_line((record.value or b"").decode(errors="backslashreplace"), path, record.offset + 1)
    except SourceError as error:
        raise InputError(error.message, hint=error.hint, **error.ids) from error
    finally:
        reader.close()


def _parse_line(line: str, path: Path, number: int) -> EntityRevision:
    entity, _, revision = line.strip().partition(",")
    if not (found := parse_integer(revision)):
        raise InputError(
            f"{path}, line {number}, is {line.strip()!r:.100}; a line must be an entity and its revision, as in Q42,1234. "
            f"The largest revision is {MAX_INTEGER}.",
            file=str(path),
            line=number,
        )
    return EntityRevision(entity, found)
