"""State, wake-up times and positions of a job that keeps state: one SQLite file, changed in one transaction a checkpoint.

Most keys have a row of two integers and nothing else: 120 million of them take some 2 GB.
"""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

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
"""The layout of the file; another number in it is refused."""

_KEYS_PER_QUERY = 500
"""Keys in one question: SQLite takes a bounded number of parameters."""


class PartitionProgress(NamedTuple):
    """How far a partition was read.

    Attributes:
        offset: The first one that was not read.
        time: The largest event time that was read, milliseconds since the epoch; None where no record stated one.
    """

    offset: int
    time: int | None


class CheckpointData(NamedTuple):
    """What a checkpoint makes durable, all of it or nothing.

    Attributes:
        states: State by key; `EMPTY_STATE` forgets a key.
        timers: When keys want to be woken; None for never.
        progress: How far each partition was read.
        watermark: Up to where event time has come; None before the first record.
    """

    states: Mapping[int, KeyedState]
    timers: Mapping[int, int | None]
    progress: Mapping[Partition, PartitionProgress]
    watermark: int | None


class StateFile:
    """The file. Blocking; for use by one thread at a time.

    One process at a time: it is locked as long as it is open, and the kernel takes the lock off a process that is killed.

    Args:
        path: Of the file. Made, with its folder, when it is not there.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None

    def open(self) -> None:
        """Raises `StateError` when it cannot be used, or another process uses it."""
        with self._wrap_errors("opened"):
            self._connection = connection = open_exclusive(self._path)
            self._check_format(connection)
            connection.executescript(f"BEGIN IMMEDIATE; {_TABLES} PRAGMA user_version = {FORMAT}; COMMIT;")

    def read(self, keys: Collection[int]) -> dict[int, KeyedState]:
        """What is remembered of each of these keys."""
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
        """When keys want to be woken."""
        with self._wrap_errors("read") as connection:
            return dict(connection.execute("SELECT key, time FROM wakes"))

    def progress(self) -> dict[Partition, PartitionProgress]:
        """How far each partition was read."""
        with self._wrap_errors("read") as connection:
            rows = connection.execute("SELECT topic, number, offset, time FROM partitions").fetchall()
        return {Partition(topic, number): PartitionProgress(offset, moment) for topic, number, offset, moment in rows}

    def watermark(self) -> int | None:
        """Up to where event time had come."""
        with self._wrap_errors("read") as connection:
            row = connection.execute("SELECT watermark FROM clock").fetchone()
        return None if row is None else int(row[0])

    def commit(self, checkpoint: CheckpointData) -> None:
        """Make changes durable, all of them or none."""
        with self._wrap_errors("written") as connection, transaction(connection):
            _upsert(connection, "numbers", "number", {key: kept.number for key, kept in checkpoint.states.items()})
            _upsert(connection, "rests", "rest", {key: kept.blob or None for key, kept in checkpoint.states.items()})
            _upsert(connection, "wakes", "time", checkpoint.timers)
            progress = [(*partition, *progress) for partition, progress in checkpoint.progress.items()]
            connection.executemany("INSERT OR REPLACE INTO partitions VALUES (?, ?, ?, ?)", progress)
            if checkpoint.watermark is not None:
                connection.execute("INSERT OR REPLACE INTO clock VALUES (0, ?)", (checkpoint.watermark,))

    def fill(self, numbers: Iterable[tuple[int, int]]) -> int:
        """Fill an empty file, from keys in any order; of a key that comes twice the larger number counts.

        Returns:
            How many keys it has now.

        Raises:
            StateError: The file holds state already, which would be mixed with another.
        """
        with self._wrap_errors("filled") as connection, transaction(connection):
            if connection.execute("SELECT EXISTS (SELECT 1 FROM numbers)").fetchone()[0]:
                raise self._not_empty_error()
            # Sorted first: rows that are appended in order fill their pages, and no page is visited twice.
            connection.execute("CREATE TEMP TABLE unsorted (key INTEGER, number INTEGER)")
            connection.executemany("INSERT INTO unsorted VALUES (?, ?)", numbers)
            connection.execute("INSERT INTO numbers SELECT key, max(number) FROM unsorted GROUP BY key ORDER BY key")
            count = int(connection.execute("SELECT count(*) FROM numbers").fetchone()[0])
        with self._wrap_errors("filled") as connection:
            connection.execute("DROP TABLE unsorted")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return count

    def close(self) -> None:
        """Let go. May be called when `open` failed, and twice."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _check_format(self, connection: sqlite3.Connection) -> None:
        found = connection.execute("PRAGMA user_version").fetchone()[0]
        if found not in (0, FORMAT):
            raise StateError(
                f"The state file {self._path} has the format {found}; this version reads {FORMAT}.",
                hint="Use the version that wrote it, or begin anew with another state folder.",
                file=str(self._path),
            )

    def _not_empty_error(self) -> StateError:
        return StateError(
            f"The state file {self._path} holds state already.",
            hint="Fill a new one: remove it, or name another state folder.",
            file=str(self._path),
        )

    @contextmanager
    def _wrap_errors(self, action: str) -> Iterator[sqlite3.Connection]:
        """Hands out the connection, and turns what goes wrong with it into our error."""
        try:
            # While it is being opened there is none yet, and nobody uses it.
            yield self._connection  # type: ignore[misc]
        except (sqlite3.Error, OSError) as error:
            raise StateError(
                f"The state file {self._path} cannot be {action}: {error}.",
                hint="If it is locked, another process runs this job: each needs a state folder of its own (--state).",
                file=str(self._path),
            ) from error


def _upsert(connection: sqlite3.Connection, table: str, column: str, values: Mapping[int, int | bytes | None]) -> None:
    """Sets values by key, in the order of the keys, so that a page is visited once; None removes."""
    rows = [(key, values[key]) for key in sorted(values) if values[key] is not None]
    gone = [(key,) for key in sorted(values) if values[key] is None]
    connection.executemany(f"INSERT OR REPLACE INTO {table} (key, {column}) VALUES (?, ?)", rows)  # noqa: S608  (our own names)
    connection.executemany(f"DELETE FROM {table} WHERE key = ?", gone)  # noqa: S608  (our own names)
