"""The checkpoint of a source whose server stores no position: one small SQLite file in the state folder of the job.

The offsets of the port are integers. If the position of a source is more than an offset, the checkpoint maps the committed
offset to a resume token, which only the source understands.
"""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from wikistate.adapters.sqlite import open_exclusive, transaction
from wikistate.core.events.integers import is_integer
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
    """The committed position of a partition.

    Attributes:
        offset: All records before it are done.
        token: The resume token of the source.
    """

    offset: int
    token: str


class Checkpoint:
    """The positions and the metadata of one source. Blocking; for use by one thread.

    One process at a time: two runs on one checkpoint would each skip the records that the other has read.

    Args:
        path: The file, which several sources may share. It is created with its folder if it does not exist.
        source: The identity of the source among those in the file, for example its URL.
    """

    def __init__(self, path: Path, source: str) -> None:
        self._path = path
        self._source = source
        self._connection: sqlite3.Connection | None = None

    def open(self) -> None:
        """Open the file. Raises `SourceError` if it cannot be used, or if another process uses it."""
        with self._convert_errors("opened"):
            self._connection = connection = open_exclusive(self._path)
            connection.executescript(f"BEGIN IMMEDIATE; {_TABLES} COMMIT;")

    def load_positions(self) -> dict[Partition, ResumePosition]:
        """Return the positions that were committed last, by partition."""
        query = "SELECT topic, number, offset, token FROM places WHERE source = ?"
        with self._convert_errors("read") as connection:
            rows = connection.execute(query, (self._source,)).fetchall()
        for topic, number, offset, token in rows:
            if not (isinstance(topic, str) and is_integer(number) and is_integer(offset) and isinstance(token, str)):
                raise SourceError(
                    f"The checkpoint {self._path} cannot be read: the position of {topic!r:.60} is not valid.",
                    hint="Restore it from a backup, or remove it and set the start of the source.",
                    file=str(self._path),
                )
        return {Partition(topic, number): ResumePosition(offset, token) for topic, number, offset, token in rows}

    def commit(self, positions: Mapping[Partition, ResumePosition]) -> None:
        """Store positions, all or none of them. Returns when they are durable."""
        rows = [(self._source, *partition, *position) for partition, position in positions.items()]
        with self._convert_errors("written") as connection, transaction(connection):
            connection.executemany("INSERT OR REPLACE INTO places VALUES (?, ?, ?, ?, ?)", rows)

    def load_metadata(self, names: Iterable[str]) -> dict[str, str]:
        """Return the metadata with these names; names without a value are left out."""
        query = "SELECT note FROM notes WHERE source = ? AND name = ?"
        with self._convert_errors("read") as connection:
            found = {name: connection.execute(query, (self._source, name)).fetchone() for name in names}
        return {name: row[0] for name, row in found.items() if row is not None}

    def save_metadata(self, values: Mapping[str, str]) -> None:
        """Store metadata; each value replaces the earlier one of its name. Returns when it is durable."""
        rows = [(self._source, name, note) for name, note in values.items()]
        with self._convert_errors("written") as connection, transaction(connection):
            connection.executemany("INSERT OR REPLACE INTO notes VALUES (?, ?, ?)", rows)

    def close(self) -> None:
        """Close the file. May be called when `open` failed, and twice."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @contextmanager
    def _convert_errors(self, what: str) -> Iterator[sqlite3.Connection]:
        """Yield the connection, and convert its errors to `SourceError`."""
        try:
            # While it is being opened, it is None and not used.
            yield self._connection  # type: ignore[misc]
        except (sqlite3.Error, OSError) as error:
            raise SourceError(
                f"The checkpoint {self._path} cannot be {what}: {error}.",
                hint="If it is locked, another process runs this job: each process needs a separate state folder (--state).",
                file=str(self._path),
            ) from error
