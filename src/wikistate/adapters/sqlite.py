"""SQLite files that one process opens exclusively and that a crash does not damage."""

from __future__ import annotations

import errno
import os
import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, NamedTuple

from wikistate.adapters.durable_files import rename_durably
from wikistate.adapters.private_files import create_private, make_private_folder, protect_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LOGS = ("-wal", "-journal")
"""Endings of the logs of SQLite beside a file. Committed transactions of a killed process are in them only."""

FILE_ERRORS = (sqlite3.Error, OSError, UnicodeDecodeError)
"""Errors of a file that cannot be used. A damaged schema makes SQLite quote bytes that are not UTF-8, which Python cannot decode."""

_LOCKED = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_PERMISSIONS = frozenset({sqlite3.SQLITE_PERM, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_AUTH})
_PERMISSION_ERRNOS = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_FULL_ERRNOS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class DamagedFileError(sqlite3.DatabaseError):
    """File that is not what its last writer left: empty, or with values of a wrong type."""


class Explanation(NamedTuple):
    """Reason of a failure, and the next step."""

    reason: str
    hint: str


def open_exclusive(path: Path) -> sqlite3.Connection:
    """Open a connection to a file. Commits are durable.

    The file and its folder are created if they do not exist, for this user only. A new file gets its name when it is
    complete, so that an empty file is a damaged one.

    No other process can use the file meanwhile: the first statement that reads or writes acquires the lock, and the kernel
    releases it if the process is killed.

    Raises:
        sqlite3.Error: The file cannot be used.
        UnicodeDecodeError: The file is damaged; see `FILE_ERRORS`.
        OSError: The folder cannot be created, or the file is refused.
    """
    make_private_folder(path.parent)
    if not os.path.lexists(path):
        _create(path)
    protect_file(path)
    if not path.stat().st_size:
        raise DamagedFileError("it is empty: it was cut to no length after it was written")
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


def _create(path: Path) -> None:
    for ending in _LOGS:
        if (log := path.with_name(path.name + ending)).exists():
            raise DamagedFileError(
                f"it does not exist, but its log {log} does; restore it, or remove the log to start without it"
            )
    draft = path.with_name(f"{path.name}.draft")
    for ending in ("", "-shm", *_LOGS):
        draft.with_name(draft.name + ending).unlink(missing_ok=True)
    os.close(create_private(draft))
    with closing(sqlite3.connect(draft, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    rename_durably({draft: path})


def explain_failure(error: Exception, *, restart: str) -> Explanation:
    """Return the reason of a failed use of a file, and the next step.

    Args:
        error: Error of SQLite or of the operating system.
        restart: Sentence about a start without the file, for a damaged one.
    """
    # The low byte is the primary code, for example SQLITE_IOERR of SQLITE_IOERR_WRITE.
    code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
    number = error.errno if isinstance(error, OSError) else None
    if code in _LOCKED:
        return Explanation(
            str(error), "Another process runs this job: each process needs a separate state folder (--state)."
        )
    if code in _DAMAGED or isinstance(error, DamagedFileError | UnicodeDecodeError):
        return Explanation(
            str(error),
            f"The file is damaged, or another program wrote it; nothing was changed. Restore it from a copy, or move it "
            f"and the files that begin with its name away. {restart}",
        )
    if code == sqlite3.SQLITE_FULL or number in _FULL_ERRNOS:
        return Explanation(
            str(error), "The disk or the quota is full: make room, then start again; the last checkpoint is intact."
        )
    if code in _PERMISSIONS or number in _PERMISSION_ERRNOS:
        return Explanation(
            str(error),
            "Check the owner and the permissions of the file and its folder, and that the file system is writable.",
        )
    return Explanation(str(error), "Check the path and the disk. Each process needs a separate state folder (--state).")


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Commit all statements of the block together, or none of them if it raises."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        if connection.in_transaction:  # a full disk has ended it already
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
