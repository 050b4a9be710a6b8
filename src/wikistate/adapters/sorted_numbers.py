"""Sorting of more pairs of numbers than fit into memory."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from wikistate.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_TUNING = "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -65536; BEGIN;"
"""Nothing outlives the process, so nothing is made durable; 64 MiB of cache save passes over the disk."""


def sort_numbers(pairs: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield a pair for each first number, in ascending order, with the largest of its second numbers.

    The pairs are in a temporary file without a name, which the system removes when the process ends. ``SQLITE_TMPDIR`` or
    ``TMPDIR`` names its folder.

    Args:
        pairs: Integers of 64 bits with a sign, in any order. Its errors pass.

    Raises:
        StateError: The temporary file cannot be written.
    """
    try:
        with closing(sqlite3.connect("", isolation_level=None)) as connection:
            connection.executescript(f"{_TUNING} CREATE TABLE pairs (first INTEGER, second INTEGER);")
            connection.executemany("INSERT INTO pairs VALUES (?, ?)", pairs)
            yield from connection.execute("SELECT first, max(second) FROM pairs GROUP BY first ORDER BY first")
    except sqlite3.Error as error:
        raise StateError(
            f"The temporary file in which numbers are sorted cannot be used: {error}.",
            hint="It needs some 50 bytes of disk a number. Make room, or name another folder in SQLITE_TMPDIR.",
        ) from error
