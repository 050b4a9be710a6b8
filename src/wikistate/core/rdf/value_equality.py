"""Value equality: the terms that some triple store may hold as one term.

A store may keep a literal by its value and not by its lexical form. Then ``"+1"`` and ``"+1.0"`` are one term there, and a
deletion of one of them deletes both. Each store decides this differently, so no rule here is that of one store. The rules
are wide: they find every pair that a store is known to hold as one term, and some pairs that no store does.

Sources: tests of Oxigraph, Apache Jena (TDB2) and Blazegraph, and the documentation of QLever and Virtuoso. Texts: Unicode
Standard Annex 15 (canonical equivalence), and the default ignorable code points, as Blazegraph compares texts by collation.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Final
from unicodedata import normalize

from pyoxigraph import Literal, Triple

from wikistate.core.rdf.vocabulary import WKT_LITERAL, XSD

if TYPE_CHECKING:
    from collections.abc import Hashable

    from wikistate.core.rdf.normalize import Node

BEYOND_RANGE: Final = 1e300
"""Distance of values that are not near each other, and that a store may hold as one because both are beyond its range."""

_INTEGERS: Final = frozenset(
    XSD + name
    for name in (
        "integer",
        "long",
        "int",
        "short",
        "byte",
        "nonNegativeInteger",
        "positiveInteger",
        "nonPositiveInteger",
        "negativeInteger",
        "unsignedLong",
        "unsignedInt",
        "unsignedShort",
        "unsignedByte",
    )
)

_KINDS: Final = (
    {WKT_LITERAL.value: "point", XSD + "boolean": "boolean"}
    | dict.fromkeys((*_INTEGERS, XSD + "decimal", XSD + "double", XSD + "float"), "number")
    | dict.fromkeys((XSD + name for name in ("dateTime", "dateTimeStamp", "date", "gYearMonth", "gYear")), "time")
    | dict.fromkeys((XSD + name for name in ("duration", "dayTimeDuration", "yearMonthDuration")), "duration")
    | dict.fromkeys((XSD + name for name in ("time", "gMonthDay", "gMonth", "gDay")), "recurring time")
)
"""Kinds of values by datatype. Values of two kinds are never one term. All other literals are compared as texts."""

_IGNORABLE: Final = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff]"
)

_MOMENT: Final = re.compile(
    r"(?P<year>[+-]?\d{1,30})"
    r"(?:-(?P<month>\d\d)(?:-(?P<day>\d\d)(?:T(?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d(?:\.\d+)?))?)?)?"
    r"(?:Z|(?P<sign>[+-])(?P<hours>\d\d):(?P<minutes>\d\d))?",
    re.ASCII,
)
_POINT: Final = re.compile(r"(?:<(?P<system>[^>]*)>)?\s*POINT\s*\((?P<numbers>[^()]*+)\)", re.IGNORECASE)

_RELATIVE_TOLERANCE: Final = 1e-6
"""A float has 24 bits: numbers that differ by less than 6e-8 may be one. QLever keeps 13 digits of every number."""

_SMALLEST: Final = 1e-37
"""Numbers below are 0 as a float."""

_LARGEST: Final = 3.4e38
"""Numbers above are infinite as a float."""


_LARGE_INTEGER: Final = 2.0**59
"""QLever holds larger integers as another number."""

_PRECISE_YEARS: Final = 9999
"""Some stores hold other years without their day, or reduce them to the range of 64 bits of milliseconds."""

_COORDINATE_TOLERANCE: Final = 1e-5
"""QLever divides the circle into 2 to the power of 30 parts."""


def value_group(term: Node | Triple) -> Hashable:
    """Return a key that two terms have in common if any store may hold them as one term."""
    if isinstance(term, Triple):  # a term of RDF 1.2, which no store compares by value
        return term
    if not isinstance(term, Literal):
        return type(term), fold_text(term.value)
    if term.language is not None:
        return term.language.lower(), fold_text(term.value)
    return _KINDS.get(term.datatype.value) or ("", fold_text(term.value))


def value_distance(one: Node | Triple, other: Node | Triple) -> float:
    """Return how far two terms are apart by value: 0 for equal values, infinity if no store holds them as one term.

    The numbers between only order the pairs: the nearer two values are, the more likely a store holds them as one.

    It is symmetric, and 0 for a term and itself, whatever the lexical form is: also for ``NaN``, and for forms that are not
    valid.
    """
    if one == other:
        return 0
    if value_group(one) != value_group(other):
        return math.inf
    if not isinstance(one, Literal) or not isinstance(other, Literal):
        return 0
    texts = one.value.strip(), other.value.strip()
    match _KINDS.get(one.datatype.value):
        case "number":
            distance = _number_distance(*texts, integers={one.datatype.value, other.datatype.value} <= _INTEGERS)
        case "time":
            distance = _time_distance(*texts)
        case "point":
            distance = _point_distance(*texts)
        case "boolean":
            distance = 0 if _read_boolean(texts[0]) == _read_boolean(texts[1]) else math.inf
        case _:  # texts of one group, and kinds that no Wikibase writes
            distance = 0
    return 0 if fold_text(texts[0]) == fold_text(texts[1]) else distance


def fold_text(text: str) -> str:
    """Return the common form of all texts that a store may take for this one."""
    return text if text.isascii() and text.isprintable() else normalize("NFC", _IGNORABLE.sub("", text))


def _number_distance(one: str, other: str, *, integers: bool) -> float:
    try:
        first, second = float(one), float(other)
    except ValueError:
        return math.inf
    if math.isnan(first) or math.isnan(second):
        return 0 if math.isnan(first) and math.isnan(second) else math.inf
    if first == second:
        return 0
    if math.isclose(first, second, rel_tol=_RELATIVE_TOLERANCE, abs_tol=_SMALLEST):
        return abs(first - second)
    is_beyond_integers = integers and max(abs(first), abs(second)) >= _LARGE_INTEGER
    is_beyond_floats = min(abs(first), abs(second)) > _LARGEST and (first > 0) == (second > 0)
    return BEYOND_RANGE if is_beyond_integers or is_beyond_floats else math.inf


def _time_distance(one: str, other: str) -> float:
    first, second = _read_moment(one), _read_moment(other)
    if first is None or second is None:
        return math.inf
    (year, seconds), (other_year, other_seconds) = first, second
    if seconds is not None and other_seconds is not None:
        distance = abs(seconds - other_seconds)
        return distance if distance <= 1 else math.inf
    if year == other_year:
        return 1
    return BEYOND_RANGE if min(abs(year), abs(other_year)) >= _PRECISE_YEARS else math.inf


def _read_moment(text: str) -> tuple[int, float | None] | None:
    """Return the year and the time in seconds. The latter is None for far years and times without a month or day."""
    found = _MOMENT.fullmatch(text)
    if found is None:
        return None
    year, month, day = int(found["year"]), int(found["month"] or 0), int(found["day"] or 0)
    if abs(year) > _PRECISE_YEARS or not month or not day:
        return year, None
    seconds = _count_days(year, month, day) * 86_400 + int(found["hour"] or 0) * 3600 + int(found["minute"] or 0) * 60
    offset = (int(found["hours"] or 0) * 60 + int(found["minutes"] or 0)) * 60
    return year, seconds + float(found["second"] or 0) - (offset if found["sign"] == "+" else -offset)


def _count_days(year: int, month: int, day: int) -> int:
    """Return the number of days since a fixed one, in the Gregorian calendar. Days beyond the month are those of the next."""
    from_march = (month - 3) % 12
    year -= month < 3  # noqa: PLR2004  # the year of this count begins in March
    return 365 * year + year // 4 - year // 100 + year // 400 + (153 * from_march + 2) // 5 + day


def _point_distance(one: str, other: str) -> float:
    first, second = _read_point(one), _read_point(other)
    if first is None or second is None or first[0] != second[0] or len(first[1]) != len(second[1]):
        return math.inf
    distance = max((abs(a - b) for a, b in zip(first[1], second[1], strict=True)), default=0.0)
    return distance if distance <= _COORDINATE_TOLERANCE else math.inf


def _read_point(text: str) -> tuple[str, list[float]] | None:
    """Return the coordinate system and the coordinates of a point; None for another geometry."""
    found = _POINT.fullmatch(text)
    try:
        return found and (found["system"] or "", list(map(float, found["numbers"].split())))
    except ValueError:
        return None


def _read_boolean(text: str) -> str:
    return {"1": "true", "0": "false"}.get(text, text.lower())
