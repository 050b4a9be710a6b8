"""Continuations of the lists of a wiki. Pure.

A wiki answers a long list in parts, each with the parameters of the next one (MediaWiki manual, API:Continue). The parameters
must not change the query: its action, its titles or its format. A list that does not advance is an error, and not a loop: a
proxy that caches answers, or a wiki that is not what it seems, may name the same parts again and again, or parts without end.
"""

from __future__ import annotations

import hashlib
from typing import Any

MAX_EMPTY_PARTS = 1000
"""Parts without a row in a row. MediaWiki sends such parts where it filters a list after it has read it."""

MAX_CONTINUATION = 20_000
"""Characters of the names and values of one continuation; each request repeats them."""

_MAX_REMEMBERED = 20_000
"""Continuations that are compared to find one that repeats, as digests of 8 bytes; the oldest is forgotten first."""

_ENDING = "continue"
_MAX_LENGTH = 10_000
"""Characters of a value. The longest known ones have a title of 255 bytes for each of 50 pages."""

_MAX_PARAMETERS = 20


def find_odd_continuation(found: object) -> str:
    """Return what is wrong with the field ``continue`` of an answer, as a clause; empty for a valid or a missing one."""
    if found is None:
        return ""
    if not isinstance(found, dict) or len(found) > _MAX_PARAMETERS:
        return f"its field continue is not an object of at most {_MAX_PARAMETERS} parameters"
    for name, value in found.items():
        if not name.endswith(_ENDING):
            return f"its field continue has the parameter {name!r:.60}, which does not continue a list"
        if not isinstance(value, str | int) or len(str(value)) > _MAX_LENGTH:
            return f"its field continue has the value {value!r:.60}"
    return ""


class ListProgress:
    """Progress of one list. Call `check` with each of its parts.

    Args:
        max_rows: The most rows of a list that is held in memory as a whole; None for a list that is read part by part.
    """

    def __init__(self, *, max_rows: int | None = None) -> None:
        self._max_rows = max_rows
        self._rows = 0
        self._empty_parts = 0
        self._known: dict[bytes, None] = {}

    def check(self, continuation: object, rows: int) -> str:
        """Return the reason for which a list must not be continued; empty if it may be, or is at its end.

        Args:
            continuation: The member ``continue`` of the answer; None at the end of the list.
            rows: The number of rows of the part.
        """
        self._rows += rows
        self._empty_parts = 0 if rows else self._empty_parts + 1
        if self._max_rows is not None and self._rows > self._max_rows:
            return f"it answers with more than the allowed {self._max_rows} rows for one query"
        if continuation is None:
            return ""
        if not isinstance(continuation, dict):
            return f"it answers with a continuation that is not an object, but {type(continuation).__name__}"
        if self._empty_parts > MAX_EMPTY_PARTS:
            return f"it continues a list with more than {MAX_EMPTY_PARTS} parts without a row"
        return self._check_advance(continuation)

    def _check_advance(self, continuation: dict[str, Any]) -> str:
        text = repr(sorted(continuation.items()))
        if len(text) > MAX_CONTINUATION:
            return f"it answers with a continuation of more than {MAX_CONTINUATION} characters"
        digest = hashlib.blake2b(text.encode(errors="backslashreplace"), digest_size=8).digest()
        if digest in self._known:
            return f"its list does not advance at {', '.join(map(repr, continuation.values())):.200}"
        self._known[digest] = None
        if len(self._known) > _MAX_REMEMBERED:
            del self._known[next(iter(self._known))]
        return ""
