"""What is done to the terms of a wiki's triples before they are stored."""

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
"""The format (``schema:softwareVersion``) that wrote points the wrong way round."""

_POINT: Final = re.compile(r"(Point\()(\S+) (\S+)(\))", re.IGNORECASE)

_object = attrgetter("object")


def is_latitude_first(document: Iterable[Triple]) -> bool:
    """Whether what a document says of itself is that it has the old format."""
    return any(triple.predicate == SOFTWARE_VERSION and triple.object == LATITUDE_FIRST for triple in document)


def to_longitude_first(triples: list[Triple]) -> list[Triple]:
    """Triples of the old format with their points as in today's: longitude, latitude."""
    objects: list[Node] = list(map(_object, triples))
    points = [term for term in set(objects) if isinstance(term, Literal) and term.datatype == WKT_LITERAL]
    return replace_objects(triples, objects, {point: _swap(point) for point in points})


def _swap(point: Literal) -> Literal:
    return replace_text(_POINT.sub(r"\1\3 \2\4", point.value), point)


def skolemize(triples: list[Triple], objects: Sequence[Node], uris: Uris, *, subjects: Iterable[Node]) -> list[Triple]:
    """Triples in which blank nodes have names (RDF 1.1 Concepts, 3.5), made of the labels that the wiki gives them.

    Args:
        triples: To be stored.
        objects: Theirs, which whoever asks has anyway.
        uris: Of the wiki.
        subjects: Those of their subjects that may be blank.
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
