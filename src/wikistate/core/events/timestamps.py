"""Timestamps of events: RFC 3339 text on the wire, milliseconds since the epoch inside."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

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
    return (start - _EPOCH) // _MILLISECOND + int(second) * 1000 + int((fraction or "")[:3].ljust(3, "0"))


@lru_cache(maxsize=1024)
def format_timestamp(milliseconds: int) -> str:
    """Return an RFC 3339 timestamp in UTC with milliseconds and a trailing ``Z``, for the years 1 to 9999."""
    moment = _EPOCH + milliseconds * _MILLISECOND
    return moment.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
