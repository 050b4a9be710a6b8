"""What two graphs that should be the same do not have in common.

Compared by value where stores are known to write a value in another way: ``+1`` as ``1``, a time without its ``Z``.
Everything else must be the same to the letter.
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
    """What is not in both.

    Attributes:
        missing: Wanted, and not found.
        extra: Found, and not wanted.
    """

    missing: list[Triple]
    extra: list[Triple]

    def __bool__(self) -> bool:
        return bool(self.missing or self.extra)


def compare_graphs(wanted: Iterable[Triple], found: Iterable[Triple]) -> GraphDifference:
    """What two graphs do not have in common, each list in the order of its text."""
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
