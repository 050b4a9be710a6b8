"""SQLite files that one process opens exclusively and that a crash does not damage."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def open_exclusive(path: Path) -> sqlite3.Connection:
    """Open a connection to a file. Commits are durable. The file and its folder are created if they do not exist.

    No other process can use the file meanwhile: the first statement that reads or writes acquires the lock, and the kernel
    releases it if the process is killed.

    Raises:
        sqlite3.Error: The file cannot be used.
        OSError: The folder cannot be created.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # After a failed start, another thread than the one that used the connection may close it.
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
    """Commit all statements of the block together, or none of them if it raises."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
