"""Timestamps of events: RFC 3339 text on the wire, milliseconds since the epoch inside."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Literal, TypeAlias

from wikistate.core.events.integers import MAX_TIME, MIN_TIME

Precision: TypeAlias = Literal["seconds", "milliseconds"]
"""Smallest unit in a timestamp."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_MAX_LENGTH = 64  # characters; whole seconds take 20, and longer texts must not fill the cache

_RFC3339 = re.compile(
    r"(?P<date>\d{4}-\d{2}-\d{2})[Tt](?P<minute>[01]\d:[0-5]\d|2[0-3]:[0-5]\d):(?P<second>[0-5]\d|60)"
    r"(?:\.(?P<fraction>\d+))?(?P<offset>[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)",
    re.ASCII,
)
_COMMON_FORM = re.compile(r"\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\dZ", re.ASCII)
"""The form of nearly all events. `datetime` parses it without this module, in a third of the time."""


def parse_timestamp(text: str) -> int | None:
    """Return the milliseconds since the epoch of an RFC 3339 timestamp; None if the text is not a timestamp.

    A fraction is cut to milliseconds. A leap second counts as the second after it. Python does not support the year 0.
    """
    return _parse(text) if len(text) <= _MAX_LENGTH else None


# Events arrive in the order of time, so many in a row have the same second.
@lru_cache(maxsize=1024)
def _parse(text: str) -> int | None:
    try:
        return (
            (datetime.fromisoformat(text) - _EPOCH) // _MILLISECOND
            if _COMMON_FORM.fullmatch(text)
            else _parse_rfc3339(text)
        )
    except ValueError:
        return None


def _parse_rfc3339(text: str) -> int | None:
    found = _RFC3339.fullmatch(text)
    if found is None:
        return None
    date, minute, second, fraction, offset = found.groups()
    start = datetime.fromisoformat(f"{date}T{minute}:00{offset.upper()}")
    return _bound((start - _EPOCH) // _MILLISECOND + int(second) * 1000 + int((fraction or "")[:3].ljust(3, "0")))


def parse_iso_time(text: str, *, needs_zone: bool = False) -> int | None:
    """Return the milliseconds since the epoch of a time in ISO 8601; None if the text is not one or is out of bounds.

    Args:
        text: The text.
        needs_zone: Whether a time without a zone is refused. Else it is in UTC.
    """
    try:
        moment = datetime.fromisoformat(text) if len(text) <= _MAX_LENGTH else None
    except ValueError:
        return None
    if moment is None or (needs_zone and moment.tzinfo is None):
        return None
    return _bound(((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH) // _MILLISECOND)


def parse_http_date(text: str) -> int | None:
    """Return the milliseconds since the epoch of the date in a header of HTTP; None if it is not a date or out of bounds."""
    try:
        moment = parsedate_to_datetime(text[:_MAX_LENGTH])
        return _bound(((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH) // _MILLISECOND)
    except (ValueError, OverflowError, TypeError, IndexError):  # the parser of the library raises all of them
        return None


def _bound(time: int) -> int | None:
    """Return a time if RFC 3339 can state it in UTC: a zone moves the first and the last hours beyond the years 1 to 9999."""
    return time if MIN_TIME <= time <= MAX_TIME else None


@lru_cache(maxsize=1024)
def format_timestamp(milliseconds: int, precision: Precision = "milliseconds") -> str:
    """Return an RFC 3339 timestamp in UTC with a trailing ``Z``, for the years 1 to 9999."""
    moment = _EPOCH + milliseconds * _MILLISECOND
    return moment.isoformat(timespec=precision).removesuffix("+00:00") + "Z"
