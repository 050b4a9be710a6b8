"""Tests of the queries about a store as a whole, and of their answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pyoxigraph import BlankNode, Literal, NamedNode, RdfFormat, Store, Triple

from wikistate.core.rdf.uris import Uris
from wikistate.core.sparql.entity_query import read_entity_triples
from wikistate.core.sparql.held_query import read_held
from wikistate.core.sparql.queries import (
    build_form_query,
    read_count,
    read_counts,
    read_form,
    read_largest_number,
    read_newest_change,
)
from wikistate.core.sparql.update_target import UpdateTarget
from wikistate.core.updater.store_metadata import StoreForm
from wikistate.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wikistate.core.updater.store_metadata import Row


@pytest.mark.parametrize(
    ("rows", "largest"),
    [([], 0), ([{}], 0), ([{"largest": Literal(42)}], 42), ([{"largest": NamedNode("http://wikibase.example/")}], 0)],
)
def test_largest_number_is_0_without_a_number(rows: list[Row], largest: int) -> None:
    """A store without entities of the type binds nothing."""
    assert read_largest_number(rows) == largest


@pytest.mark.parametrize(
    ("rows", "newest"),
    [
        ([], None),
        ([{}], None),
        ([{"newest": Literal("1970-01-01T00:00:02.500Z")}], 2_500),
        ([{"newest": Literal("yesterday")}], None),
    ],
)
def test_newest_change_is_read_in_milliseconds(rows: list[Row], newest: int | None) -> None:
    """A store of another updater may state no time, or one in another form."""
    assert read_newest_change(rows) == newest


URIS = Uris.for_wikibase("http://concepts.example")
PREFIXES = "@prefix schema: <http://schema.org/> . @prefix wd: <http://concepts.example/entity/> . "
MUNGED = "wd:Q1 schema:version 3 . <https://x.org/wiki/A> a schema:Article ; schema:about wd:Q1 ."
DATA_NODES = [
    "http://concepts.example/wiki/Special:EntityData/Q2",
    "http://host/index.php/Special:EntityData/Q2",
    "http://host/index.php?title=Special:EntityData/Q2",
    "https://host/view/Spezial:EntityData/Q2",
]


def form_of(turtle: str) -> StoreForm:
    """Return the form of a store with these triples."""
    store = Store()
    store.load((PREFIXES + turtle).encode(), RdfFormat.TURTLE)
    rows: Iterable[Any] = store.query(build_form_query(UpdateTarget(URIS)))  # type: ignore[assignment]  # a SELECT query
    return read_form([{name: row[name] for name in ("subject", "entity") if row[name]} for row in rows], URIS)


@pytest.mark.parametrize("node", DATA_NODES)
def test_plain_form_is_recognised_by_the_statements_of_data_nodes(node: str) -> None:
    """Each wiki has an address of its own for its documents."""
    plain = f"<{node}> schema:about wd:Q2 ; schema:version 4 ."
    assert form_of(plain) is StoreForm.PLAIN
    assert form_of(MUNGED) is StoreForm.MUNGED
    assert form_of("") is form_of(plain.replace("wd:Q2", "<http://other.example/entity/Q2>")) is StoreForm.EMPTY
    with pytest.raises(
        StoreError, match=r"mixes two forms.* of a sample of 2 revisions, 1 are on the entity.* and 1 on"
    ):
        form_of(MUNGED + plain)


_NUMBER = Literal("5", datatype=NamedNode("http://www.w3.org/2001/XMLSchema#integer"))
_TRIPLE = Triple(NamedNode("urn:a"), NamedNode("urn:b"), Literal("c"))


@pytest.mark.parametrize(
    "row",
    [
        {},
        {"entities": _NUMBER},
        {"letter": Literal("Z"), "entities": _NUMBER},
        {"letter": NamedNode("urn:a"), "entities": _NUMBER},
        {"letter": Literal("Q"), "entities": Literal("many")},
        {"letter": Literal("Q")},
    ],
)
def test_counts_of_another_form_are_an_error_of_the_store(row: Row) -> None:
    """A server that is not the expected store does not lead to a defect of this program."""
    with pytest.raises(StoreError):
        read_counts([row])


@pytest.mark.parametrize(
    "row",
    [
        {},
        {"s": NamedNode("urn:a"), "p": NamedNode("urn:b")},
        {"s": NamedNode("urn:a"), "p": Literal("b"), "o": Literal("c")},
        {"s": Literal("a"), "p": NamedNode("urn:b"), "o": Literal("c")},
        {"s": NamedNode("urn:a"), "p": BlankNode("b"), "o": Literal("c")},
    ],
)
def test_rows_of_no_triple_are_an_error_of_the_store(row: Row) -> None:
    """Each row of the triples of an entity must be a triple."""
    with pytest.raises(StoreError, match="not a triple"):
        read_entity_triples([row], "Q1", Uris.for_wikibase("http://www.wikidata.org"))


@pytest.mark.parametrize("row", [{}, {"n": _NUMBER}, {"n": Literal("-1")}, {"n": NamedNode("urn:a")}])
def test_a_held_triple_that_was_not_asked_for_is_an_error_of_the_store(row: Row) -> None:
    """The store names the triples of the query by their numbers."""
    with pytest.raises(StoreError):
        read_held([row], frozenset({_TRIPLE}))


def test_a_count_without_a_row_is_an_error_of_the_store() -> None:
    """A query that counts has one row, also for nothing."""
    with pytest.raises(StoreError, match="no row"):
        read_count([], "size")
