"""The rows of ``list=recentchanges`` and ``list=logevents``: each is checked before it is used. Pure.

A row that cannot be read is refused alone, with the reason, and the others are used.
Sources: MediaWiki documentation, API:RecentChanges and API:Logevents.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from wikistate.core.events.fields import FieldError, Fields, quote_value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Json = dict[str, Any]

SMALLEST_NAMESPACE = -2
"""The namespace of links to a file itself; -1 is that of special pages."""


class UnreadableRow(NamedTuple):
    """Row, or all that the wiki says about a change, that cannot be read.

    Attributes:
        identity: Text that differs for all rows: the same row has the same one when it is listed again.
        timestamp: Milliseconds since the epoch; None if the row does not state its time.
        value: The row as JSON.
        reason: The field that is missing or has another type, and the expected value.
    """

    identity: str
    timestamp: int | None
    value: bytes
    reason: str


class Rows(NamedTuple):
    """The rows of a list, and those that cannot be read."""

    readable: list[Json]
    unreadable: list[UnreadableRow]


def read_recent_changes(rows: Iterable[object]) -> Rows:
    """Check the rows of ``list=recentchanges``."""
    return _read(rows, "recentchanges", _check_recent_change)


def read_log_entries(rows: Iterable[object]) -> Rows:
    """Check the rows of ``list=logevents``."""
    return _read(rows, "logevents", _check_log_entry)


def refuse(row: object, reason: str) -> UnreadableRow:
    """Return a row as one that cannot be read."""
    try:
        value = orjson.dumps(row, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # nested too deep to be written again
        value = quote_value(row).encode()
    digest = hashlib.sha256(value).hexdigest()[:32]
    try:
        time = Fields(row).time("timestamp")
    except FieldError:
        time = None
    return UnreadableRow(f"unreadable:{digest}", time, value, reason)


def _read(rows: Iterable[object], name: str, check: Callable[[Fields], None]) -> Rows:
    found = Rows([], [])
    for row in rows:
        try:
            fields = Fields(row, name)
            check(fields)
            found.readable.append(dict(fields.values))
        except FieldError as error:
            found.unreadable.append(refuse(row, error.message))
    return found


def _check_recent_change(row: Fields) -> None:
    kind = row.text("type")
    row.integer("rcid")
    row.time("timestamp")
    _check_numbers(row, "old_revid", "pageid", "logid", "oldlen", "newlen")
    _check_author(row)
    if kind in ("edit", "new"):
        row.integer("revid", minimum=1)
        _check_page(row)
    else:
        _check_numbers(row, "revid")
        _check_titled_page(row)


def _check_log_entry(row: Fields) -> None:
    row.time("timestamp")
    _check_numbers(row, "logid", "logpage")
    _check_author(row)
    _check_titled_page(row)


def _check_numbers(row: Fields, *names: str) -> None:
    for name in names:
        row.get_integer(name)


def _check_author(row: Fields) -> None:
    """Check the user and the comment, which are missing if they are hidden."""
    row.get_integer("userid")
    row.get_text("user")
    row.get_text("comment")


def _check_titled_page(row: Fields) -> None:
    """Check the page of a log entry, which is missing if it is hidden."""
    if "title" in row.values:
        _check_page(row)


def _check_page(row: Fields) -> None:
    row.text("title")
    row.integer("ns", minimum=SMALLEST_NAMESPACE)
