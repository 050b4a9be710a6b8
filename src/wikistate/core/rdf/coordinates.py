"""Conversion of a wiki's terms for a store: order of coordinates, and IRIs that replace blank nodes."""

from __future__ import annotations

import re
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from pyoxigraph import BlankNode, Literal, NamedNode, Triple

from wikistate.core.rdf.normalize import replace_nodes, replace_objects, replace_text
from wikistate.core.rdf.vocabulary import SOFTWARE_VERSION, WKT_LITERAL

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from wikistate.core.rdf.normalize import Node
    from wikistate.core.rdf.uris import Uris

LATITUDE_FIRST: Final = Literal("0.0.1")
"""The format (``schema:softwareVersion``) that wrote points with the latitude first."""

_POINT: Final = re.compile(r"(Point\()([^\s()]++) ([^\s()]++)(\))", re.IGNORECASE)

_object = attrgetter("object")


def is_latitude_first(document: Iterable[Triple]) -> bool:
    """Return whether a document states that it has the old format."""
    return any(triple.predicate == SOFTWARE_VERSION and triple.object == LATITUDE_FIRST for triple in document)


def to_longitude_first(triples: list[Triple]) -> list[Triple]:
    """Return triples of the old format with the points of the current one: longitude, latitude."""
    objects: list[Node] = list(map(_object, triples))
    points = [term for term in set(objects) if isinstance(term, Literal) and term.datatype == WKT_LITERAL]
    return replace_objects(triples, objects, {point: _swap(point) for point in points})


def _swap(point: Literal) -> Literal:
    return replace_text(_POINT.sub(r"\1\3 \2\4", point.value), point)


def skolemize(triples: list[Triple], objects: Sequence[Node], uris: Uris, *, subjects: Iterable[Node]) -> list[Triple]:
    """Return the triples with IRIs instead of blank nodes (RDF 1.1 Concepts, 3.5), built from the labels of the wiki.

    Args:
        triples: The triples to store.
        objects: Objects of the triples, which the caller has already.
        uris: IRIs of the wiki.
        subjects: The subjects that may be blank nodes.
    """
    if BlankNode in set(map(type, objects)):
        triples = [
            Triple(triple.subject, triple.predicate, _skolemize_node(term, uris)) if type(term) is BlankNode else triple
            for triple, term in zip(triples, objects, strict=True)
        ]
    return replace_nodes(
        triples, {node: _skolemize_node(node, uris) for node in subjects if isinstance(node, BlankNode)}
    )


def _skolemize_node(node: BlankNode, uris: Uris) -> NamedNode:
    return NamedNode(uris.genid + node.value)
