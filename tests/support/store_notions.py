"""Models of how triple stores hold terms: two terms with the same held form are one term in that store.

Embedded Oxigraph is the store itself. The others were tried with real servers; QLever and Virtuoso follow their documentation.
"""

from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import cache
from itertools import chain
from typing import TYPE_CHECKING, Final
from unicodedata import normalize

from pyoxigraph import Literal, NamedNode, Quad, Store

if TYPE_CHECKING:
    from collections.abc import Callable

XSD: Final = "http://www.w3.org/2001/XMLSchema#"
WKT: Final = "http://www.opengis.net/ont/geosparql#wktLiteral"
_NODE = NamedNode("urn:n")
_INTEGERS = frozenset(
    f"{XSD}{name}" for name in ("integer", "int", "long", "byte", "unsignedInt", "nonNegativeInteger", "short")
)
_FRACTIONS = frozenset(f"{XSD}{name}" for name in ("decimal", "double", "float"))
_MILLISECONDS_END = 2**63


def literal(text: str, datatype: str = "string") -> Literal:
    """Return a typed literal; the datatype is a local name of XML Schema or a whole IRI."""
    return Literal(text, datatype=NamedNode(datatype if ":" in datatype else XSD + datatype))


def _only_texts(term: Literal) -> Literal:
    """Hold each term as it is, as Fuseki does in memory; language tags are the same in any case."""
    return Literal(term.value, language=term.language.lower()) if term.language else term


@cache
def _oxigraph(term: Literal) -> Literal:
    store = Store()
    store.add(Quad(_NODE, _NODE, term))
    (held,) = store
    assert isinstance(held.object, Literal)
    return held.object


def _read_number(text: str) -> Decimal | None:
    try:
        return Decimal(text.strip())
    except InvalidOperation:
        return None


def _fold_float(term: Literal) -> Literal | None:
    datatype = term.datatype.value
    if datatype not in (f"{XSD}double", f"{XSD}float"):
        return None
    try:
        number = float(term.value.replace("INF", "inf"))
        if datatype.endswith("float"):
            number = struct.unpack("f", struct.pack("f", number))[0]
    except ValueError:
        return None
    except OverflowError:
        number = float("inf")
    return Literal(str(number), datatype=term.datatype)


def _tdb2(term: Literal) -> Literal:
    """Hold numbers and booleans by value, and times with zeros removed from the fraction."""
    datatype, number = term.datatype.value, _read_number(term.value)
    if floating := _fold_float(term):
        return floating
    if datatype in _INTEGERS and number is not None and number.is_finite() and abs(number) < 2**55:
        return Literal(str(int(number)), datatype=term.datatype)
    if datatype == f"{XSD}boolean":
        return Literal({"1": "true", "0": "false"}.get(term.value.strip(), term.value.strip()), datatype=term.datatype)
    if datatype == f"{XSD}dateTime" and "." in term.value:
        time, _, rest = term.value.partition(".")
        digits = rest.rstrip("Z")
        return Literal(f"{time}.{digits.rstrip('0')}".rstrip(".") + rest[len(digits) :], datatype=term.datatype)
    return _only_texts(term)


def _blazegraph(term: Literal) -> Literal:
    """Hold numbers by value, and texts by collation."""
    datatype, number = term.datatype.value, _read_number(term.value)
    if floating := _fold_float(term):
        return Literal(floating.value.replace("-0.0", "0.0"), datatype=floating.datatype)
    if datatype in _INTEGERS | {f"{XSD}decimal"} and number is not None and number.is_finite():
        return Literal(f"{number.normalize() + 0:f}", datatype=term.datatype)
    if datatype == f"{XSD}boolean":
        return Literal({"1": "true", "0": "false"}.get(term.value, term.value), datatype=term.datatype)
    text = normalize("NFC", "".join(each for each in term.value if each not in "\x01\u200d\ufe0f\ufeff\u034f"))
    return Literal(text, language=term.language.lower()) if term.language else Literal(text, datatype=term.datatype)


def _blazegraph_times(term: Literal) -> Literal:
    """Hold times as milliseconds too, as Blazegraph does by default; 64 bits of them overflow."""
    if term.datatype.value != f"{XSD}dateTime" or "T" not in term.value:
        return _blazegraph(term)
    date, _, _ = term.value.partition("T")
    negative, year = date.startswith("-"), date.lstrip("+-").partition("-")[0]
    if not negative and len(year) == 4 and year != "0000":
        try:
            moment = datetime.fromisoformat(term.value.lstrip("+").replace("T24:00:00", "T00:00:00"))
        except ValueError:
            return term
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        days = 1 if "T24:00:00" in term.value else 0
        moment = moment.astimezone(UTC) + timedelta(days=days)
        return literal(moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"), "dateTime")
    number = int(f"{'-' if negative else ''}{year}")
    milliseconds = number * 31_556_952_000
    wrapped = (milliseconds + _MILLISECONDS_END) % (2 * _MILLISECONDS_END) - _MILLISECONDS_END
    rest = term.value[len(date) - 6 :].removesuffix("Z").removesuffix("+00:00")
    if wrapped != milliseconds:
        return literal(f"{wrapped // 31_556_952_000}-09-02T04:51:43.232Z", "dateTime")
    return literal(f"{number:0{4 + negative}}{rest}.000Z", "dateTime")


def _qlever(term: Literal) -> Literal:
    """Hold all integers as one type, fractions as one type with 13 digits, far years alone, and points in 30 bits."""
    datatype, number = term.datatype.value, _read_number(term.value)
    if datatype in _INTEGERS and number is not None and number.is_finite():
        return literal(str(int(number)) if abs(number) < 2**59 else "-1", "int")
    if datatype in _FRACTIONS and (floating := _fold_float(literal(term.value, "double"))):
        return literal(f"{float(floating.value):.12e}", "decimal")
    if datatype == f"{XSD}dateTime" and "T" in term.value:
        return _qlever_time(term)
    if datatype == WKT and term.value.lower().startswith("point("):
        numbers = term.value[6:].rstrip(")").split()
        return literal("POINT({})".format(" ".join(f"{float(each):.6f}" for each in numbers)), WKT)
    return term


def _qlever_time(term: Literal) -> Literal:
    date, _, time = term.value.partition("T")
    if date.startswith("+") or time.startswith("24"):
        return literal(term.value)
    year, month, _ = date.rsplit("-", 2)
    if month == "00":
        return literal(f"{year}Z", "gYear")
    if abs(int(year)) > 9999:
        limit = 18 * 10**15
        return literal(f"{max(-limit, min(limit, int(year)))}-01-01T00:00:00", "dateTime")
    return literal(f"{int(year):0{5 if int(year) < 0 else 4}}-{date[-5:]}T{time}", "dateTime")


def _virtuoso(term: Literal) -> Literal:
    """Hold numbers by value in one of three types, and times as moments."""
    datatype = term.datatype.value
    if floating := _fold_float(term):
        return floating
    if datatype in _INTEGERS | {f"{XSD}decimal"}:
        return _blazegraph(literal(term.value, "integer" if datatype in _INTEGERS else "decimal"))
    return _blazegraph_times(term) if datatype == f"{XSD}dateTime" else term


NOTIONS: Final[dict[str, Callable[[Literal], Literal]]] = {
    "texts": _only_texts,
    "oxigraph": _oxigraph,
    "tdb2": _tdb2,
    "blazegraph": _blazegraph,
    "blazegraph-times": _blazegraph_times,
    "qlever": _qlever,
    "virtuoso": _virtuoso,
}
"""Functions that return the form in which a store holds a literal, by the name of the store."""

_NUMBERS = ("1", "+1", "1.0", "+1.00", "01", "1.5", "-0", "0", "0.0", "2", "1000000000000001", "1000000000000002")
_LARGE = ("100000000000000000000000000", "+100000000000000000000000000", "1152921504606846976", "1152921504606846977")
_FLOATS = ("1e0", "1E0", "NaN", "INF", "+INF", "-INF", "1E400", "1E999", "1E-400", "0.1", "0.1000000000000000055")
_TIMES = (
    "2000-01-01T00:00:00Z",
    "2000-01-01T00:00:00+00:00",
    "2000-01-01T00:00:00-00:00",
    "2000-01-01T00:00:00",
    "2000-01-01T00:00:00.000Z",
    "2000-01-01T02:00:00+02:00",
    "+2000-01-01T00:00:00Z",
    "1999-12-31T24:00:00Z",
    "2001-00-00T00:00:00Z",
    "2001-01-00T00:00:00Z",
    "0000-01-01T00:00:00Z",
    "-0000-01-01T00:00:00Z",
    "-0050-01-01T00:00:00Z",
    "12000-01-01T00:00:00Z",
    "12000-06-15T00:00:00Z",
    "-50000-06-15T00:00:00Z",
    "-50000-06-15T00:00:00",
    "-13798000000-01-01T00:00:00Z",
    "-13798000000-01-01T00:00:00+00:00",
    "-99999999999999999-01-01T00:00:00Z",
    "-99999999999999998-01-01T00:00:00Z",
    "no time",
)
_POINTS = (
    "Point(13.3833333333 52.5)",
    "POINT(13.383333 52.500000)",
    "Point(13.3833332 52.5)",
    "Point(14 52.5)",
    "<http://www.wikidata.org/entity/Q111> Point(1 2)",
    "Polygon((0 0))",
)
_TEXTS = ("a", "a\ufe0f", "a\x01", "\u00e9", "e\u0301", "1", "true", "2000-01-01T00:00:00Z")

POOLS: Final[dict[str, tuple[Literal, ...]]] = {
    "numbers": (
        *(literal(text, kind) for kind in ("decimal", "double", "float") for text in _NUMBERS + _LARGE),
        *(literal(text, kind) for kind in ("double", "float") for text in _FLOATS),
        *(literal(text, kind) for kind in ("integer", "int") for text in (*_LARGE, "1", "+1", "01", "-1")),
        *(literal("no number", kind) for kind in ("integer", "decimal", "double")),
    ),
    "times": tuple(literal(text, "dateTime") for text in _TIMES),
    "booleans": tuple(literal(text, "boolean") for text in ("true", "1", "false", "0")),
    "points": tuple(literal(text, WKT) for text in _POINTS),
    "texts": tuple(literal(text) for text in _TEXTS),
    "texts in a language": (
        *(Literal("a", language=tag) for tag in ("en", "EN", "en-GB", "en-gb", "de")),
        *(Literal(text, language="en") for text in ("\u2764", "\u2764\ufe0f", "\u00e9", "e\u0301")),
    ),
}
"""Literals in which stores differ, valid and not. A property has values from one of the pools."""

FORMS: Final = tuple(chain.from_iterable(POOLS.values()))
