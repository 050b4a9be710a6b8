"""Facts that a graph states about its entity."""

from __future__ import annotations

from pyoxigraph import Literal, NamedNode, Triple

from wikistate.core.rdf.graph import EMPTY_GRAPH, read_modification_date, read_revision
from wikistate.core.rdf.uris import Uris
from wikistate.core.rdf.vocabulary import DATE_MODIFIED, VERSION

URIS = Uris.for_wikibase("http://wikibase.example")
Q1, Q2 = (NamedNode(URIS.entity_iri(entity)) for entity in ("Q1", "Q2"))


def test_revision_is_the_newest_of_the_entity_itself() -> None:
    """Revisions of other entities and values that are not numbers do not count."""
    graph = frozenset(
        {
            Triple(Q1, VERSION, Literal("5")),
            Triple(Q1, VERSION, Literal("7")),
            Triple(Q1, VERSION, Literal("many")),
            Triple(Q1, VERSION, Q2),
            Triple(Q2, VERSION, Literal("9")),
        }
    )
    assert read_revision(graph, "Q1", URIS) == 7
    assert read_revision(EMPTY_GRAPH, "Q1", URIS) is None


def test_modification_date_is_a_literal() -> None:
    """An IRI in its place is ignored."""
    assert read_modification_date(frozenset({Triple(Q1, DATE_MODIFIED, Literal("2026-01-01T00:00:00Z"))})) == (
        "2026-01-01T00:00:00Z"
    )
    assert read_modification_date(frozenset({Triple(Q1, DATE_MODIFIED, Q2)})) is None
