"""SQLite files that one process has for itself, and that survive a crash whole."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def open_exclusive(path: Path) -> sqlite3.Connection:
    """A connection to a file, which is made, with its folder, when it is not there. What is committed is durable.

    Nobody else can open it meanwhile: the lock is taken by the first statement that reads or writes, and the kernel takes
    it off a process that is killed.

    Raises:
        sqlite3.Error: It cannot be used.
        OSError: The folder cannot be made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # The thread that uses it is not always the one that closes it after a failed start.
    connection = sqlite3.connect(path, isolation_level=None, timeout=1.0, check_same_thread=False)
    try:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All that is done meanwhile, or none of it."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
