"""What every triple store must do, whatever it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pyoxigraph import BlankNode, Literal, NamedNode, Triple
from tests.contract.triplestore.conftest import read_held_triples
from tests.contract.triplestore.small_entities import (
    SITE,
    VALUES,
    make_article,
    make_article_link,
    make_item,
    make_lexeme,
    make_property,
    parse_triples,
)

from wikistate.core.sparql.terms import UnwritableError
from wikistate.core.updater.store_metadata import StoreForm, StorePosition
from wikistate.core.updater.store_patch import StorePatch
from wikistate.errors import StoreError
from wikistate.streaming.record import Partition

if TYPE_CHECKING:
    from tests.contract.triplestore.conftest import StoreTarget

    from wikistate.adapters.triplestore.store import ApplyResult, TripleStore

SHARED = parse_triples(VALUES)
PARTITION = Partition("eqiad.rdf-streaming-updater.mutation", 0)


async def apply(store: TripleStore, **patch: object) -> ApplyResult:
    """Apply a patch whose fields are given."""
    return await store.apply(StorePatch(**patch), {}, None)  # type: ignore[arg-type]


async def test_an_empty_store_says_so(target: StoreTarget) -> None:
    """It opens, has no form yet, is nowhere, and what the opening wrote is gone."""
    store = target.store()
    contents = await store.open()
    assert contents.form is StoreForm.EMPTY
    assert contents.positions == {}
    assert await read_held_triples(store) == set()
    await store.close()


async def test_what_is_added_and_removed_is_read_back(store: TripleStore) -> None:
    """Triples come and go by their terms."""
    await apply(store, added=make_item("Q1") | make_item("Q2"), linked=SHARED)
    assert await read_held_triples(store) == make_item("Q1") | make_item("Q2") | SHARED
    await apply(
        store, removed=make_item("Q1", revision=1) - make_item("Q1", revision=2), added=make_item("Q1", revision=2)
    )
    assert await read_held_triples(store) == make_item("Q1", revision=2) | make_item("Q2") | SHARED
    assert await store.versions(["Q1", "Q2", "Q3"]) == {"Q1": 2, "Q2": 1}
    assert await store.counts() == {"Item": 2}


async def test_to_apply_a_batch_again_changes_nothing(store: TripleStore) -> None:
    """After a crash the batch is applied again, and the store is as if it had been once."""
    await apply(store, added=make_item("Q1") | make_item("Q3"), linked=SHARED)
    batch = {
        "removed": make_item("Q1", revision=1) - make_item("Q1", revision=2),
        "added": make_item("Q1", revision=2) | make_item("Q2"),
        "deleted": frozenset({"Q3"}),
    }
    await apply(store, **batch)
    once = await read_held_triples(store)
    await apply(store, **batch)
    assert await read_held_triples(store) == once == make_item("Q1", revision=2) | make_item("Q2") | SHARED


async def test_the_position_is_in_the_store(target: StoreTarget, store: TripleStore) -> None:
    """Written with the batch, kept for each partition, and found by whoever opens the store next."""
    other = Partition('odd "topic"/with ünï', 3)
    await store.apply(StorePatch(added=make_item("Q1")), {PARTITION: StorePosition(5, 1_700_000_000_123)}, None)
    await store.apply(StorePatch(), {other: StorePosition(1, 0)}, None)
    await store.apply(StorePatch(), {PARTITION: StorePosition(7, 1_700_000_001_000)}, None)
    expected = {PARTITION: StorePosition(7, 1_700_000_001_000), other: StorePosition(1, 0)}
    assert await store.positions() == expected
    await store.close()
    again = target.store()
    assert (await again.open()).positions == expected
    await again.close()


async def test_the_store_says_how_fresh_it_is(store: TripleStore) -> None:
    """One time, under the concept base, in whole seconds; a batch that says nothing of it leaves it."""
    await store.apply(StorePatch(), {}, 1_700_000_000_999)
    await store.apply(StorePatch(), {}, 1_700_000_060_000)
    await store.apply(StorePatch(added=make_item("Q1")), {}, None)
    rows = await store.query(
        "SELECT ?at WHERE { <http://www.wikidata.org> <http://schema.org/dateModified> ?at } ORDER BY ?at"
    )
    assert [row["at"].value.replace(".000Z", "Z") for row in rows] == ["2023-11-14T22:14:20Z"]  # type: ignore[union-attr]


async def test_a_deleted_entity_takes_all_that_is_its_own(store: TripleStore) -> None:
    """Its statements and sitelinks with it; an entity beside it keeps the nodes that both use."""
    gone, stays = (
        make_item("Q1") | make_article_link("Q1", "A"),
        make_item("Q2") | make_article_link("Q2", "B") | make_article("B") | parse_triples(SITE),
    )
    await apply(store, added=gone | stays, linked=SHARED | make_article("A"))
    await apply(store, deleted=frozenset({"Q1"}))
    assert await read_held_triples(store) == stays | SHARED


async def test_a_deleted_lexeme_takes_its_forms_and_senses_and_no_other_lexemes(store: TripleStore) -> None:
    """Their statements, too. A bystander keeps every triple, and so does an entity that only mentions the lexeme."""
    bystanders = (
        make_lexeme("L2") | make_item("Q1") | parse_triples("wd:Q1 p:P9 wds:Q1-s9 . wds:Q1-s9 ps:P9 wd:L1, wd:L1-F1 .")
    )
    await apply(store, added=make_lexeme("L1") | bystanders, linked=SHARED)
    await apply(store, deleted=frozenset({"L1"}))
    assert await read_held_triples(store) == bystanders | SHARED


async def test_a_deleted_property_takes_what_it_declares(store: TripleStore) -> None:
    """Its predicates and classes; those of other properties stay, also when a deleted item has one as a value."""
    bystanders = make_property("P2") | make_item("Q1")
    guest = parse_triples("wd:Q3 p:P9 <http://www.wikidata.org/prop/direct/P2> ; rdfs:label 'guest' .")
    await apply(store, added=make_property("P1") | bystanders | guest, linked=SHARED)
    await apply(store, deleted=frozenset({"P1", "Q3"}))
    assert await read_held_triples(store) == bystanders | SHARED


async def test_shared_nodes_go_with_their_last_user(store: TripleStore) -> None:
    """Values, normalised values, references and the values of references; and the site with its last article."""
    await apply(
        store,
        added=make_item("Q1") | make_item("Q2") | make_article_link("Q2", "B"),
        linked=SHARED | make_article("B") | parse_triples(SITE),
    )
    await apply(store, deleted=frozenset({"Q1"}))
    assert await read_held_triples(store) >= SHARED
    await apply(store, deleted=frozenset({"Q2"}))
    assert await read_held_triples(store) == set()


async def test_an_unlinked_node_goes_only_when_nothing_links_to_it(store: TripleStore) -> None:
    """An entity that drops a value leaves it to those that still use it, in this batch or before."""
    bare = parse_triples('wd:Q1 a wikibase:Item ; schema:version 1 ; rdfs:label "Q1 ok"@en .')
    await apply(store, added=make_item("Q1") | make_item("Q2"), linked=SHARED)
    await apply(store, removed=make_item("Q1") - bare, unlinked=SHARED)
    assert await read_held_triples(store) == bare | make_item("Q2") | SHARED
    await apply(store, removed=make_item("Q2"), added=make_item("Q3"), unlinked=SHARED, linked=SHARED)
    assert await read_held_triples(store) == bare | make_item("Q3") | SHARED
    await apply(store, removed=make_item("Q3"), unlinked=SHARED)
    assert await read_held_triples(store) == bare


async def test_a_sitelink_that_moves_survives_the_deletion_of_where_it_was(store: TripleStore) -> None:
    """Entities go before anything comes, so what the batch gives to another is not taken with them."""
    await apply(
        store,
        added=make_item("Q1") | make_article_link("Q1", "A"),
        linked=SHARED | make_article("A") | parse_triples(SITE),
    )
    moved = make_item("Q2") | make_article_link("Q2", "A")
    await apply(store, deleted=frozenset({"Q1"}), added=moved, linked=SHARED | make_article("A"))
    assert await read_held_triples(store) == moved | make_article("A") | SHARED | parse_triples(SITE)


async def test_an_article_that_two_entities_claim_stays_with_the_one_that_is_left(store: TripleStore) -> None:
    """The gain of a sitelink may come before its loss."""
    await apply(
        store,
        added=make_item("Q1") | make_article_link("Q1", "A"),
        linked=SHARED | make_article("A") | parse_triples(SITE),
    )
    await apply(store, added=make_item("Q2") | make_article_link("Q2", "A"), linked=make_article("A"))
    await apply(store, deleted=frozenset({"Q1"}))
    expected = make_item("Q2") | make_article_link("Q2", "A") | make_article("A") | SHARED | parse_triples(SITE)
    assert await read_held_triples(store) == expected
    await apply(store, removed=make_article_link("Q2", "A"), unlinked=make_article("A") | parse_triples(SITE))
    assert await read_held_triples(store) == make_item("Q2") | SHARED


async def test_a_reconciled_entity_is_replaced(store: TripleStore) -> None:
    """Whatever the store held of it goes, also what no diff knows of; shared nodes that only it had go, too."""
    stale = parse_triples('wd:Q1 rdfs:label "stale"@de . wds:Q1-old ps:P1 "x" . wd:Q1 p:P1 wds:Q1-old .')
    bystander = make_item("Q2") | make_lexeme("L2")
    await apply(
        store,
        added=make_item("Q1") | stale | make_article_link("Q1", "A") | bystander,
        linked=SHARED | make_article("A"),
    )
    wanted = make_item("Q1", revision=9) | make_article_link("Q1", "A") | make_article("A")
    await apply(store, reconciled=frozenset({"Q1"}), added=wanted, linked=SHARED)
    assert await read_held_triples(store) == wanted | bystander | SHARED


async def test_without_the_search_for_orphans_shared_nodes_stay_until_they_are_swept(target: StoreTarget) -> None:
    """A setting for stores where it is too dear; a sweep finds what was left, and nothing else."""
    store = target.store(orphans=False)
    await store.open()
    await apply(
        store,
        added=make_item("Q1") | make_article_link("Q1", "A"),
        linked=SHARED | make_article("A") | parse_triples(SITE),
    )
    await apply(store, deleted=frozenset({"Q1"}))
    assert await read_held_triples(store) == SHARED | parse_triples(SITE)
    await apply(store, added=make_lexeme("L1"))
    assert await store.sweep()
    left = await read_held_triples(store)
    assert left == make_lexeme("L1") | {t for t in SHARED if "/v" in str(t.subject) and "/v3" not in str(t.subject)}
    await store.close()


async def test_a_batch_that_does_not_fit_into_one_request_ends_the_same(target: StoreTarget) -> None:
    """It is split between triples, in order, and the position is in the last part."""
    store = target.store(request_bytes=600)
    await store.open()
    await apply(
        store,
        added=make_item("Q1") | make_item("Q2") | make_article_link("Q1", "A"),
        linked=SHARED | make_article("A") | parse_triples(SITE),
    )
    patch = StorePatch(
        deleted=frozenset({"Q1"}), removed=make_item("Q2"), unlinked=SHARED, added=make_lexeme("L1"), linked=SHARED
    )
    applied = await store.apply(patch, {PARTITION: StorePosition(3, 4)}, 5)
    assert await read_held_triples(store) == make_lexeme("L1") | {
        t for t in SHARED if "/v" in str(t.subject) and "/v3" not in str(t.subject)
    }
    assert await store.positions() == {PARTITION: StorePosition(3, 4)}
    assert target.name == "embedded" or applied.requests > 10
    await store.close()


HOSTILE = [
    'x" } ; DROP ALL ; INSERT DATA { <a:b> <a:c> "',
    "'''}\"\"\"",
    "\\u0041 \\\\u0042 \\U00000043 \\",
    "\t\n\r\b\f\x01\x1f\x7f\x85\u2028\ufeff",
    "# no comment\r\n<x> . }",
    "\U0001f600 ünïcödé \u202e",
    "x" * 200_000,
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
async def test_no_literal_gets_out_of_its_quotes(store: TripleStore, text: str) -> None:
    """It comes back as it was sent, nothing else of the store changes, and it can be removed again."""
    hostile = frozenset({Triple(NamedNode("http://www.wikidata.org/entity/Q1"), NamedNode("urn:p"), Literal(text))})
    await apply(store, added=make_item("Q2"))
    await apply(store, added=hostile)
    assert await read_held_triples(store) == make_item("Q2") | hostile
    await apply(store, removed=hostile)
    assert await read_held_triples(store) == make_item("Q2")


async def test_what_cannot_be_written_is_refused_before_anything_is(store: TripleStore) -> None:
    """A blank node has no name to be removed by."""
    bad = frozenset({Triple(BlankNode("b"), NamedNode("urn:p"), Literal("x"))})
    with pytest.raises(UnwritableError, match="no safe form"):
        await store.apply(StorePatch(deleted=frozenset({"Q1"}), added=bad | make_item("Q1")), {}, None)
    assert await read_held_triples(store) == set()


async def test_changes_are_counted_where_the_store_tells(target: StoreTarget, store: TripleStore) -> None:
    """Blazegraph does. Of the others nothing is made up."""
    applied = await apply(store, added=make_item("Q1"))
    assert applied.changes == (len(make_item("Q1")) if target.name == "blazegraph" else None)
    assert applied.seconds > 0


async def test_a_question_that_is_none_is_an_error(store: TripleStore) -> None:
    """With what the store says of it, not as an empty answer."""
    assert await store.ask("ASK {}") is True
    with pytest.raises(StoreError):
        await store.query("SELECT WHERE {")
