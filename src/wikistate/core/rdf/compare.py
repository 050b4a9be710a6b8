"""Comparison of two graphs that should be equal.

Literals are compared by value where stores are known to write a value differently: ``+1`` as ``1``, a time without ``Z``.
All other terms must be identical.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, NamedTuple

from pyoxigraph import Literal

from wikistate.core.rdf.vocabulary import DATE_TIME, DECIMAL, DOUBLE, INTEGER

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pyoxigraph import Triple

_NUMBERS = frozenset({DECIMAL, INTEGER, DOUBLE})
_TIME = re.compile(r"(?P<moment>[+-]?\d+-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.0+)?(?:Z|\+00:00)?", re.ASCII)


class GraphDifference(NamedTuple):
    """Triples that are not in both graphs.

    Attributes:
        missing: Expected triples that were not found.
        extra: Found triples that were not expected.
    """

    missing: list[Triple]
    extra: list[Triple]

    def __bool__(self) -> bool:
        return bool(self.missing or self.extra)


def compare_graphs(wanted: Iterable[Triple], found: Iterable[Triple]) -> GraphDifference:
    """Return the triples that are in one graph alone, each list sorted by the text of the triples."""
    left, right = ({_comparison_key(triple): triple for triple in graph} for graph in (wanted, found))
    missing = [triple for value, triple in left.items() if value not in right]
    extra = [triple for value, triple in right.items() if value not in left]
    return GraphDifference(sorted(missing, key=str), sorted(extra, key=str))


def _comparison_key(triple: Triple) -> tuple[object, ...]:
    return (
        triple.subject,
        triple.predicate,
        _literal_key(triple.object) if isinstance(triple.object, Literal) else triple.object,
    )


def _literal_key(literal: Literal) -> object:
    if literal.datatype in _NUMBERS:
        try:
            return literal.datatype, Decimal(literal.value)
        except InvalidOperation:
            return literal
    if literal.datatype == DATE_TIME and (found := _TIME.fullmatch(literal.value)):
        return literal.datatype, found["moment"].removeprefix("+")
    return literal
