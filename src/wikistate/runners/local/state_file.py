"""State, timers and positions of a keyed job: one SQLite file, changed in one transaction for each checkpoint.

Most keys have only a row of two integers: 120 million of them take some 2 GB.
"""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from wikistate.adapters.sqlite import open_exclusive, transaction
from wikistate.errors import StateError
from wikistate.streaming.keyed_job import EMPTY_STATE, KeyedState
from wikistate.streaming.record import Partition

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from pathlib import Path

_TABLES = """
CREATE TABLE IF NOT EXISTS numbers (key INTEGER PRIMARY KEY, number INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS rests (key INTEGER PRIMARY KEY, rest BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS wakes (key INTEGER PRIMARY KEY, time INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS partitions (
    topic TEXT, number INTEGER, offset INTEGER NOT NULL, time INTEGER, PRIMARY KEY (topic, number)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS clock (only INTEGER PRIMARY KEY CHECK (only = 0), watermark INTEGER NOT NULL);
"""

FORMAT = 1
"""The layout of the file; a file with another number is rejected."""

_KEYS_PER_QUERY = 500
"""Keys in one query: SQLite bounds the number of parameters."""


class PartitionProgress(NamedTuple):
    """The progress of a partition.

    Attributes:
        offset: The first offset that was not read.
        time: The largest event time that was read, milliseconds since the epoch; None if no record stated one.
    """

    offset: int
    time: int | None


class CheckpointData(NamedTuple):
    """The content of a checkpoint, made durable completely or not at all.

    Attributes:
        states: State by key; `EMPTY_STATE` deletes a key.
        timers: Event time of the timer by key; None deletes the timer.
        progress: The progress of each partition.
        watermark: The watermark; None before the first record.
    """

    states: Mapping[int, KeyedState]
    timers: Mapping[int, int | None]
    progress: Mapping[Partition, PartitionProgress]
    watermark: int | None


class StateFile:
    """The state file. Its methods block, and one thread may use it at a time.

    One process may use it at a time: it is locked while it is open, and the kernel releases the lock of a killed process.

    Args:
        path: The path of the file. A missing file is created, with its folder.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None

    def open(self) -> None:
        """Open and lock the file. Raises `StateError` when it cannot be used, or another process uses it."""
        with self._wrap_errors("opened"):
            self._connection = connection = open_exclusive(self._path)
            self._check_format(connection)
            connection.executescript(f"BEGIN IMMEDIATE; {_TABLES} PRAGMA user_version = {FORMAT}; COMMIT;")

    def read(self, keys: Collection[int]) -> dict[int, KeyedState]:
        """Return the state of each of these keys."""
        found = dict.fromkeys(keys, EMPTY_STATE)
        with self._wrap_errors("read") as connection:
            ordered = sorted(keys)
            for start in range(0, len(ordered), _KEYS_PER_QUERY):
                some = ordered[start : start + _KEYS_PER_QUERY]
                marks = ",".join("?" * len(some))
                for key, number in connection.execute(f"SELECT key, number FROM numbers WHERE key IN ({marks})", some):  # noqa: S608  (question marks)
                    found[key] = KeyedState(number)
                for key, rest in connection.execute(f"SELECT key, rest FROM rests WHERE key IN ({marks})", some):  # noqa: S608  (question marks)
                    found[key] = found[key]._replace(blob=rest)
        return found

    def timers(self) -> dict[int, int]:
        """Return the event time of each timer, by key."""
        with self._wrap_errors("read") as connection:
            return dict(_require_integers(connection.execute("SELECT key, time FROM wakes").fetchall()))

    def progress(self) -> dict[Partition, PartitionProgress]:
        """Return the progress of each partition."""
        with self._wrap_errors("read") as connection:
            rows = connection.execute("SELECT topic, number, offset, time FROM partitions").fetchall()
            _require_integers([each for each in row[1:] if each is not None] for row in rows)
        return {Partition(topic, number): PartitionProgress(offset, moment) for topic, number, offset, moment in rows}

    def watermark(self) -> int | None:
        """Return the watermark."""
        with self._wrap_errors("read") as connection:
            row: tuple[int] | None = connection.execute("SELECT watermark FROM clock").fetchone()
            _require_integers([] if row is None else [row])
        return None if row is None else row[0]

    def commit(self, checkpoint: CheckpointData) -> None:
        """Make all changes of a checkpoint durable, or none of them."""
        with self._wrap_errors("written") as connection, transaction(connection):
            _upsert(connection, "numbers", "number", {key: state.number for key, state in checkpoint.states.items()})
            _upsert(connection, "rests", "rest", {key: state.blob or None for key, state in checkpoint.states.items()})
            _upsert(connection, "wakes", "time", checkpoint.timers)
            progress = [(*partition, *progress) for partition, progress in checkpoint.progress.items()]
            connection.executemany("INSERT OR REPLACE INTO partitions VALUES (?, ?, ?, ?)", progress)
            if checkpoint.watermark is not None:
                connection.execute("INSERT OR REPLACE INTO clock VALUES (0, ?)", (checkpoint.watermark,))

    def fill(self, numbers: Iterable[tuple[int, int]]) -> int:
        """Fill an empty file from keys in any order; for a repeated key the larger number counts.

        Returns:
            The number of keys in the file.

        Raises:
            StateError: The file already holds state, which would be mixed with the new one.
        """
        with self._wrap_errors("filled") as connection, transaction(connection):
            if connection.execute("SELECT EXISTS (SELECT 1 FROM numbers)").fetchone()[0]:
                raise self._not_empty_error()
            # Sorted first: rows that are appended in order fill their pages, and each page is written once.
            connection.execute("CREATE TEMP TABLE unsorted (key INTEGER, number INTEGER)")
            connection.executemany("INSERT INTO unsorted VALUES (?, ?)", numbers)
            connection.execute("INSERT INTO numbers SELECT key, max(number) FROM unsorted GROUP BY key ORDER BY key")
            count = int(connection.execute("SELECT count(*) FROM numbers").fetchone()[0])
        with self._wrap_errors("filled") as connection:
            connection.execute("DROP TABLE unsorted")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return count

    def close(self) -> None:
        """Close and unlock the file. May be called when `open` failed, and twice."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _check_format(self, connection: sqlite3.Connection) -> None:
        found = connection.execute("PRAGMA user_version").fetchone()[0]
        if found not in (0, FORMAT):
            raise StateError(
                f"The state file {self._path} has the format {found}; this version reads {FORMAT}.",
                hint="Use the version that wrote it, or start with an empty state folder.",
                file=str(self._path),
            )

    def _not_empty_error(self) -> StateError:
        return StateError(
            f"The state file {self._path} already holds state.",
            hint="Remove the file, or name another state folder.",
            file=str(self._path),
        )

    @contextmanager
    def _wrap_errors(self, action: str) -> Iterator[sqlite3.Connection]:
        """Yield the connection, and raise its errors as `StateError`."""
        try:
            # While the file is opened there is no connection yet, and the caller does not use it.
            yield self._connection  # type: ignore[misc]
        except (sqlite3.Error, OSError, ValueError) as error:
            raise StateError(
                f"The state file {self._path} cannot be {action}: {error}.",
                hint="If it is locked, another process runs this job: each process needs its own state folder (--state).",
                file=str(self._path),
            ) from error


_Rows = TypeVar("_Rows", bound="Iterable[Iterable[object]]")


def _require_integers(rows: _Rows) -> _Rows:
    """Return the rows. Raise `ValueError` if one holds another value: SQLite stores any type in any column."""
    for row in rows:
        for value in row:
            if type(value) is not int:
                raise ValueError(f"it holds {value!r:.60} where a number is expected")
    return rows


def _upsert(connection: sqlite3.Connection, table: str, column: str, values: Mapping[int, int | bytes | None]) -> None:
    """Set values by key, in the order of the keys so that each page is written once; None deletes."""
    rows = [(key, values[key]) for key in sorted(values) if values[key] is not None]
    deleted = [(key,) for key in sorted(values) if values[key] is None]
    connection.executemany(f"INSERT OR REPLACE INTO {table} (key, {column}) VALUES (?, ?)", rows)  # noqa: S608  (our own names)
    connection.executemany(f"DELETE FROM {table} WHERE key = ?", deleted)  # noqa: S608  (our own names)
