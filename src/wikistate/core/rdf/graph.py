"""Graphs: sets of triples, and the facts that a graph states about its entity. Pure."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Final, TypeAlias

from pyoxigraph import Literal, NamedNode, RdfFormat, Triple, parse, serialize

from wikistate.core.events.integers import parse_integer
from wikistate.core.rdf.vocabulary import DATE_MODIFIED, VERSION

if TYPE_CHECKING:
    from wikistate.core.rdf.uris import Uris

Graph: TypeAlias = frozenset[Triple]
"""A set of triples. Layers that only pass triples on name this type and need no RDF library."""

EMPTY_GRAPH: Final[Graph] = frozenset()


def read_revision(graph: Graph, entity: str, uris: Uris) -> int | None:
    """Return the newest revision that the graph states for the entity; None if it states no revision.

    Args:
        graph: Munged triples.
        entity: Entity id.
        uris: IRIs of the wiki.
    """
    subject = NamedNode(uris.entity_iri(entity))
    stated = (triple.object for triple in graph if triple.subject == subject and triple.predicate == VERSION)
    numbers = [parse_integer(term.value) for term in stated if isinstance(term, Literal)]
    return max((number for number in numbers if number is not None), default=None)


def read_modification_date(graph: Graph) -> str | None:
    """Return the date of the revision as the graph states it, in ISO 8601; None if it states no date."""
    stated = (triple.object for triple in graph if triple.predicate == DATE_MODIFIED)
    return next((term.value for term in stated if isinstance(term, Literal)), None)


def dump_graph(graph: Graph) -> bytes:
    """Return a graph as N-Triples, the argument of `load_graph`. Blank nodes keep their labels."""
    output = BytesIO()
    serialize(graph, output, RdfFormat.N_TRIPLES)
    return output.getvalue()


def load_graph(document: bytes) -> Graph:
    """Return the graph that `dump_graph` has written."""
    return frozenset(quad.triple for quad in parse(document, RdfFormat.N_TRIPLES))
