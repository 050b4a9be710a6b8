"""What is done to the terms of a wiki's triples before they are stored."""

from __future__ import annotations

import re
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from pyoxigraph import BlankNode, Literal, NamedNode, Triple

from wikistate.core.rdf.normalising import text_of
from wikistate.core.rdf.vocabulary import SOFTWARE_VERSION, WKT_LITERAL

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wikistate.core.rdf.normalising import Node
    from wikistate.core.rdf.uris import Uris

MAX_LITERAL: Final = 32767
"""UTF-16 code units. Longer ones are cut: the length of a string in the stores that this stream was made for."""

LATITUDE_FIRST: Final = Literal("0.0.1")
"""The format (``schema:softwareVersion``) that wrote points the wrong way round."""

_POINT: Final = re.compile(r"(Point\()(\S+) (\S+)(\))", re.IGNORECASE)

_subject = attrgetter("subject")
_object = attrgetter("object")
_value = attrgetter("value")


def fitted(triples: list[Triple], uris: Uris, *, latitude_first: bool) -> list[Triple]:
    """The triples with named blank nodes, literals of bounded length, and points with the longitude first.

    Args:
        triples: To be stored. What was judged before is the same with the old terms as with the new ones.
        uris: Of the wiki.
        latitude_first: Whether the document has its points the wrong way round.
    """
    objects: list[Node] = list(map(_object, triples))
    if not (latitude_first or _hold_blank(triples, objects) or _may_hold_long(objects)):
        return triples
    changes = _changes({*objects, *map(_subject, triples)}, uris, swap=latitude_first)
    normal = changes.get
    return [Triple(normal(s, s), p, normal(o, o)) for s, p, o in triples]


def is_latitude_first(said: Iterable[Triple]) -> bool:
    """Whether what a document says of itself is that it has the old format."""
    return any(triple.predicate == SOFTWARE_VERSION and triple.object == LATITUDE_FIRST for triple in said)


def _hold_blank(triples: list[Triple], objects: list[Node]) -> bool:
    return BlankNode in set(map(type, objects)) or BlankNode in set(map(type, map(_subject, triples)))


def _may_hold_long(objects: Iterable[Node]) -> bool:
    # A code point is one code unit or two.
    return max(map(len, map(_value, objects)), default=0) > MAX_LITERAL // 2


def _changes(terms: set[Node], uris: Uris, *, swap: bool) -> dict[Node, Node]:
    changes: dict[Node, Node] = {}
    for term in terms:
        if isinstance(term, BlankNode):
            changes[term] = NamedNode(uris.genid + term.value)
        elif isinstance(term, Literal):
            changes[term] = _swapped(_cut(term)) if swap else _cut(term)
    return changes


def _cut(literal: Literal) -> Literal:
    text = literal.value
    if len(text) <= MAX_LITERAL // 2:
        return literal
    units = text.encode("utf-16-le")
    if len(units) <= 2 * MAX_LITERAL:
        return literal
    # A pair that the cut would halve goes as a whole.
    return text_of(units[: 2 * MAX_LITERAL].decode("utf-16-le", "ignore"), literal)


def _swapped(literal: Literal) -> Literal:
    if literal.datatype != WKT_LITERAL:
        return literal
    return text_of(_POINT.sub(r"\1\3 \2\4", literal.value), literal)
