"""Bounds of the numbers that come from outside: ids, offsets, counts and times.

JSON, CSV and RDF hold numbers of any size; SQLite, Kafka and the stores hold 64 bits with a sign. A number is therefore
checked where it is read.
"""

from __future__ import annotations

from typing import TypeGuard

MAX_INTEGER = 2**63 - 1
"""The largest number that is read."""

MIN_TIME = -62_135_596_800_000
"""Milliseconds since the epoch of the beginning of the year 1, the first that Python can state."""

MAX_TIME = 253_402_300_799_999
"""Milliseconds since the epoch of the end of the year 9999, the last that RFC 3339 can state."""

_MAX_DIGITS = len(str(MAX_INTEGER))


def is_integer(value: object, *, minimum: int = 0, maximum: int = MAX_INTEGER) -> TypeGuard[int]:
    """Return whether a value is an integer within the bounds. A bool is not an integer."""
    return type(value) is int and minimum <= value <= maximum


def read_integer(value: object) -> int | None:
    """Return the integer of a JSON value that is a number or a text of digits; None if it is neither, or out of bounds."""
    if isinstance(value, str):
        return parse_integer(value)
    return value if is_integer(value) else None


def parse_integer(text: str) -> int | None:
    """Return the integer in a text of ASCII digits; None if it has another form or is above `MAX_INTEGER`."""
    if not (text.isascii() and text.isdecimal()):
        return None
    digits = text.lstrip("0") or "0"
    # The length comes first: Python does not convert texts of thousands of digits.
    number = int(digits) if len(digits) <= _MAX_DIGITS else None
    return number if number is not None and number <= MAX_INTEGER else None
