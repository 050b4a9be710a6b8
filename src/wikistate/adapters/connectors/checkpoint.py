"""Where a source that keeps no position of its own is to go on: one small SQLite file in the job's state folder.

The offsets of the port are integers. Where a source's own position is richer, the checkpoint maps the committed offset
to a resume token, which only the source understands.
"""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from wikistate.adapters.sqlite import open_exclusive, transaction
from wikistate.errors import SourceError
from wikistate.streaming.record import Partition

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

_TABLES = """
CREATE TABLE IF NOT EXISTS places (
    source TEXT, topic TEXT, number INTEGER, offset INTEGER NOT NULL, token TEXT NOT NULL,
    PRIMARY KEY (source, topic, number)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS notes (source TEXT, name TEXT, note TEXT NOT NULL, PRIMARY KEY (source, name)) WITHOUT ROWID;
"""


class ResumePosition(NamedTuple):
    """How far a partition is done.

    Attributes:
        offset: Everything before it is done.
        token: What the source makes of it when it goes on.
    """

    offset: int
    token: str


class Checkpoint:
    """Places and notes of one source. Blocking; for use by one thread.

    One process at a time: two runs on one checkpoint would each skip what the other has done.

    Args:
        path: Of the file, which several sources may share. Made, with its folder, when it is not there.
        source: Tells its sources apart, for example by their URL.
    """

    def __init__(self, path: Path, source: str) -> None:
        self._path = path
        self._source = source
        self._connection: sqlite3.Connection | None = None

    def open(self) -> None:
        """Raises `SourceError` when it cannot be used, or another process uses it."""
        with self._convert_errors("opened"):
            self._connection = connection = open_exclusive(self._path)
            connection.executescript(f"BEGIN IMMEDIATE; {_TABLES} COMMIT;")

    def load_positions(self) -> dict[Partition, ResumePosition]:
        """What was committed last, by partition."""
        query = "SELECT topic, number, offset, token FROM places WHERE source = ?"
        with self._convert_errors("read") as connection:
            rows = connection.execute(query, (self._source,)).fetchall()
        return {Partition(topic, number): ResumePosition(offset, token) for topic, number, offset, token in rows}

    def commit(self, positions: Mapping[Partition, ResumePosition]) -> None:
        """Keep places, all or none of them. Returns when that is durable."""
        rows = [(self._source, *partition, *place) for partition, place in positions.items()]
        with self._convert_errors("written") as connection, transaction(connection):
            connection.executemany("INSERT OR REPLACE INTO places VALUES (?, ?, ?, ?, ?)", rows)

    def load_metadata(self, names: Iterable[str]) -> dict[str, str]:
        """What was noted under these names; those without a note are left out."""
        query = "SELECT note FROM notes WHERE source = ? AND name = ?"
        with self._convert_errors("read") as connection:
            found = {name: connection.execute(query, (self._source, name)).fetchone() for name in names}
        return {name: row[0] for name, row in found.items() if row is not None}

    def save_metadata(self, values: Mapping[str, str]) -> None:
        """Keep notes, each in the place of an earlier one of its name. Returns when they are durable."""
        rows = [(self._source, name, note) for name, note in values.items()]
        with self._convert_errors("written") as connection, transaction(connection):
            connection.executemany("INSERT OR REPLACE INTO notes VALUES (?, ?, ?)", rows)

    def close(self) -> None:
        """Let go. May be called when `open` failed, and twice."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @contextmanager
    def _convert_errors(self, what: str) -> Iterator[sqlite3.Connection]:
        """Hands out the connection, and turns what goes wrong with it into our error."""
        try:
            # While it is being opened there is none yet, and nobody uses it.
            yield self._connection  # type: ignore[misc]
        except (sqlite3.Error, OSError) as error:
            raise SourceError(
                f"The checkpoint {self._path} cannot be {what}: {error}.",
                hint="If it is locked, another process runs this job: each needs a state folder of its own (--state).",
                file=str(self._path),
            ) from error
