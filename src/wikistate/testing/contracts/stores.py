"""The contract of triple stores: the tests that each implementation of `TripleStore` passes.

A store is tested in these lines, in a file of your tests::

    class FolderPlace:
        reports_changes = False
        splits_requests = False
        def __init__(self, folder): self.folder = folder
        def store(self, *, orphans=True, request_bytes=8 << 20):
            return FolderStore(self.folder, UpdateTarget(WIKIDATA, deletes_orphans=orphans))

    class TestFolderStore(StoreContract):
        @pytest.fixture
        def place(self, tmp_path): return FolderPlace(tmp_path)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import pytest
from pyoxigraph import BlankNode, Literal, NamedNode, Triple

from wikistate.adapters.triplestore.store import StoreChanged
from wikistate.core.rdf.uris import Uris
from wikistate.core.sparql.terms import UnwritableError
from wikistate.core.updater.store_metadata import StoreForm, StorePosition
from wikistate.core.updater.store_patch import StorePatch
from wikistate.core.updater.store_state import StoreState, WriteToken
from wikistate.errors import StoreError
from wikistate.streaming.record import Partition
from wikistate.testing.contracts.small_entities import (
    SITE,
    VALUES,
    make_article,
    make_article_link,
    make_item,
    make_lexeme,
    make_property,
    parse_triples,
)
from wikistate.testing.contracts.store_operations import (
    PARTITION,
    apply,
    apply_after,
    open_state,
    read_all,
    read_held_triples,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from wikistate.adapters.triplestore.store import TripleStore

WIKIDATA = Uris.for_wikibase("http://www.wikidata.org")
"""The URIs of all entities in this suite."""

SHARED = parse_triples(VALUES)

HOSTILE = [
    'x" } ; DROP ALL ; INSERT DATA { <a:b> <a:c> "',
    "'''}\"\"\"",
    "\\u0041 \\\\u0042 \\U00000043 \\",
    "\t\n\r\b\f\x01\x1f\x7f\x85\u2028\ufeff",
    "# no comment\r\n<x> . }",
    "\U0001f600 ünïcödé \u202e",
    "x" * 200_000,
]


EQUAL_VALUES = [
    ('"+1"^^xsd:decimal', '"+1.0"^^xsd:decimal'),
    ('"1"^^xsd:integer', '"01"^^xsd:integer'),
    ('"1"^^xsd:double', '"1.0E0"^^xsd:double'),
    ('"2000-01-01T00:00:00Z"^^xsd:dateTime', '"2000-01-01T00:00:00.000Z"^^xsd:dateTime'),
    ('"true"^^xsd:boolean', '"1"^^xsd:boolean'),
    ('"a"@en', '"a"@EN'),
    ('"\u00e9"', '"e\u0301"'),
]
"""Literals that some stores hold as one term and others as two."""


class StorePlace(Protocol):
    """A store that is empty at the start of each test."""

    @property
    def reports_changes(self) -> bool:
        """Whether the store reports the number of triples that an update changed."""

    @property
    def splits_requests(self) -> bool:
        """Whether a large batch is split into several requests."""

    def store(self, *, orphans: bool = True, request_bytes: int = 8 << 20) -> TripleStore:
        """Return a new adapter of the store, not open.

        Args:
            orphans: Whether a batch deletes the orphans that it leaves.
            request_bytes: The size above which a request is split.
        """


@pytest.mark.asyncio
class StoreContract:
    """The tests of each triple store."""

    @pytest.fixture
    def place(self) -> StorePlace:
        """Return the empty store. Subclasses override this fixture."""
        raise NotImplementedError("Override the fixture `place`.")

    @pytest.fixture
    async def store(self, place: StorePlace) -> AsyncIterator[TripleStore]:
        """Return an adapter of the store, open."""
        store = place.store()
        await store.open()
        yield store
        await store.close()

    async def test_empty_store_reports_empty_form(self, place: StorePlace) -> None:
        """It has neither a form nor positions, and `open` leaves no triples behind."""
        store = place.store()
        contents = await store.open()
        assert contents.form is StoreForm.EMPTY
        assert contents.positions == {}
        assert await read_held_triples(store) == set()
        await store.close()

    async def test_added_triples_are_stored_and_removed_triples_are_deleted(self, store: TripleStore) -> None:
        """Triples are identified by their terms."""
        await apply(store, added=make_item("Q1") | make_item("Q2"), linked=SHARED)
        assert await read_held_triples(store) == make_item("Q1") | make_item("Q2") | SHARED
        await apply(
            store, removed=make_item("Q1", revision=1) - make_item("Q1", revision=2), added=make_item("Q1", revision=2)
        )
        assert await read_held_triples(store) == make_item("Q1", revision=2) | make_item("Q2") | SHARED
        assert await store.versions(["Q1", "Q2", "Q3"]) == {"Q1": 2, "Q2": 1}
        assert await store.counts() == {"Item": 2}

    async def test_batch_that_is_applied_again_changes_nothing(self, store: TripleStore) -> None:
        """After a crash a batch is applied again, and the store is the same as after the first time."""
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

    async def test_position_is_stored_with_batch(self, place: StorePlace, store: TripleStore) -> None:
        """Each partition has a position, and the next process that opens the store reads it."""
        other = Partition('odd "topic"/with ünï', 3)
        await store.apply(StorePatch(added=make_item("Q1")), {PARTITION: StorePosition(5, 1_700_000_000_123)}, None)
        await store.apply(StorePatch(), {other: StorePosition(1, 0)}, None)
        await store.apply(StorePatch(), {PARTITION: StorePosition(7, 1_700_000_001_000)}, None)
        expected = {PARTITION: StorePosition(7, 1_700_000_001_000), other: StorePosition(1, 0)}
        assert await store.positions() == expected
        await store.close()
        again = place.store()
        assert (await again.open()).positions == expected
        await again.close()

    async def test_freshness_is_stored_under_concept_base(self, store: TripleStore) -> None:
        """It is one time in whole seconds; a batch without a time leaves it unchanged."""
        await store.apply(StorePatch(), {}, 1_700_000_000_999)
        await store.apply(StorePatch(), {}, 1_700_000_060_000)
        await store.apply(StorePatch(added=make_item("Q1")), {}, None)
        rows = await store.query(
            "SELECT ?at WHERE { <http://www.wikidata.org> <http://schema.org/dateModified> ?at } ORDER BY ?at"
        )
        assert [row["at"].value.replace(".000Z", "Z") for row in rows] == ["2023-11-14T22:14:20Z"]  # type: ignore[union-attr]

    async def test_deletion_of_entity_deletes_its_statements_and_sitelinks(self, store: TripleStore) -> None:
        """Another entity keeps the nodes that both use."""
        gone, stays = (
            make_item("Q1") | make_article_link("Q1", "A"),
            make_item("Q2") | make_article_link("Q2", "B") | make_article("B") | parse_triples(SITE),
        )
        await apply(store, added=gone | stays, linked=SHARED | make_article("A"))
        await apply(store, deleted=frozenset({"Q1"}))
        assert await read_held_triples(store) == stays | SHARED

    async def test_deletion_of_lexeme_deletes_its_forms_and_senses_only(self, store: TripleStore) -> None:
        """Their statements are deleted as well. Other lexemes and an entity that mentions the lexeme keep all triples."""
        bystanders = (
            make_lexeme("L2")
            | make_item("Q1")
            | parse_triples("wd:Q1 p:P9 wds:Q1-s9 . wds:Q1-s9 ps:P9 wd:L1, wd:L1-F1 .")
        )
        await apply(store, added=make_lexeme("L1") | bystanders, linked=SHARED)
        await apply(store, deleted=frozenset({"L1"}))
        assert await read_held_triples(store) == bystanders | SHARED

    async def test_deletion_of_property_deletes_its_declarations(self, store: TripleStore) -> None:
        """Predicates and classes of other properties stay, also when a deleted item has one of them as a value."""
        bystanders = make_property("P2") | make_item("Q1")
        guest = parse_triples("wd:Q3 p:P9 <http://www.wikidata.org/prop/direct/P2> ; rdfs:label 'guest' .")
        await apply(store, added=make_property("P1") | bystanders | guest, linked=SHARED)
        await apply(store, deleted=frozenset({"P1", "Q3"}))
        assert await read_held_triples(store) == bystanders | SHARED

    async def test_shared_nodes_are_deleted_with_their_last_user(self, store: TripleStore) -> None:
        """This holds for values, normalised values, references and their values, and for the site of the last article."""
        await apply(
            store,
            added=make_item("Q1") | make_item("Q2") | make_article_link("Q2", "B"),
            linked=SHARED | make_article("B") | parse_triples(SITE),
        )
        await apply(store, deleted=frozenset({"Q1"}))
        assert await read_held_triples(store) >= SHARED
        await apply(store, deleted=frozenset({"Q2"}))
        assert await read_held_triples(store) == set()

    async def test_unlinked_node_is_deleted_when_nothing_links_to_it(self, store: TripleStore) -> None:
        """A value that an entity no longer uses stays while another entity uses it, from this batch or an earlier one."""
        bare = parse_triples('wd:Q1 a wikibase:Item ; schema:version 1 ; rdfs:label "Q1 ok"@en .')
        await apply(store, added=make_item("Q1") | make_item("Q2"), linked=SHARED)
        await apply(store, removed=make_item("Q1") - bare, unlinked=SHARED)
        assert await read_held_triples(store) == bare | make_item("Q2") | SHARED
        await apply(store, removed=make_item("Q2"), added=make_item("Q3"), unlinked=SHARED, linked=SHARED)
        assert await read_held_triples(store) == bare | make_item("Q3") | SHARED
        await apply(store, removed=make_item("Q3"), unlinked=SHARED)
        assert await read_held_triples(store) == bare

    async def test_moved_sitelink_survives_deletion_of_its_former_entity(self, store: TripleStore) -> None:
        """Deletions precede insertions, so a sitelink that the batch gives to another entity stays."""
        await apply(
            store,
            added=make_item("Q1") | make_article_link("Q1", "A"),
            linked=SHARED | make_article("A") | parse_triples(SITE),
        )
        moved = make_item("Q2") | make_article_link("Q2", "A")
        await apply(store, deleted=frozenset({"Q1"}), added=moved, linked=SHARED | make_article("A"))
        assert await read_held_triples(store) == moved | make_article("A") | SHARED | parse_triples(SITE)

    async def test_article_of_two_entities_stays_with_remaining_entity(self, store: TripleStore) -> None:
        """An entity may gain a sitelink before the former entity loses it."""
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

    async def test_reconciled_entity_is_replaced(self, store: TripleStore) -> None:
        """All triples that the store held of it are deleted, also those that no diff contains, and shared nodes that only it used."""
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

    async def test_sweep_deletes_orphans_that_deletions_left(self, place: StorePlace) -> None:
        """The search for orphans is off for stores where it is too slow; a sweep then deletes the orphans and nothing else."""
        store = place.store(orphans=False)
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

    async def test_batch_of_several_requests_has_same_result(self, place: StorePlace) -> None:
        """It is split between triples, in order, and the last request holds the position."""
        store = place.store(request_bytes=600)
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
        assert not place.splits_requests or applied.requests > 10
        await store.close()

    @pytest.mark.parametrize("request_bytes", [8 << 20, 600])
    async def test_batch_is_applied_only_in_its_expected_state(self, place: StorePlace, request_bytes: int) -> None:
        """In any other state nothing changes: neither data, nor bookkeeping, nor the position. The found state is returned."""
        store = place.store(request_bytes=request_bytes)
        empty = await open_state(store)
        first = await apply_after(store, empty, 1, added=make_item("Q1") | make_item("Q2"), linked=SHARED)
        second = await apply_after(store, first, 2, deleted=frozenset({"Q1"}), added=make_item("Q3"))
        before = await read_all(store)
        patch = StorePatch(
            deleted=frozenset({"Q3"}), removed=make_item("Q2"), added=make_item("Q4"), linked=SHARED, unlinked=SHARED
        )
        for other in (empty, first, second._replace(token=WriteToken(9, "of another process"))):
            refused = await store.apply_after(other, patch, {PARTITION: StorePosition(3, 3)}, 5)
            assert refused == StoreChanged(second)
            assert await read_all(store) == before
        await apply_after(store, second, 3, **patch._asdict())
        held = await read_held_triples(store)
        assert held >= make_item("Q4")
        assert not held & (make_item("Q2") | make_item("Q3"))
        await store.close()

    async def test_state_of_store_survives_its_restart(self, place: StorePlace) -> None:
        """The next process continues the updates of the last one, and a store without a token is continued, too."""
        store = place.store()
        await store.open()
        await store.apply(StorePatch(added=make_item("Q1")), {PARTITION: StorePosition(5, 0)}, None)
        old = await store.state()
        assert old == StoreState({PARTITION: StorePosition(5, 0)}, None)
        state = await apply_after(store, old, 6, added=make_item("Q2"))
        await store.close()
        again = place.store()
        contents = await again.open()
        assert StoreState(contents.positions, contents.token) == state
        state = await apply_after(again, state, 7, added=make_item("Q3"))
        assert await read_held_triples(again) == make_item("Q1") | make_item("Q2") | make_item("Q3")
        await again.close()

    @pytest.mark.parametrize("values", EQUAL_VALUES, ids=range(len(EQUAL_VALUES)))
    async def test_equal_value_survives_the_removal_of_the_other(
        self, store: TripleStore, values: tuple[str, str]
    ) -> None:
        """A patch inserts it again, which is right whether the store holds both as one term or as two."""
        first, second = (parse_triples(f"wd:Q1 p:P5 {value} .") for value in values)
        for stays, goes in ((first, second), (second, first)):
            await apply(store, added=make_item("Q2"))
            await apply(store, added=stays)
            alone = await read_held_triples(store)
            await apply(store, added=goes)
            await apply(store, removed=goes, added=stays)
            assert await read_held_triples(store) == alone
            (kept,) = stays
            assert await store.ask(f"ASK {{ {kept} }}")
            await apply(store, removed=stays)
            assert await read_held_triples(store) == make_item("Q2")

    @pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
    async def test_hostile_literal_is_stored_and_deleted_unchanged(self, store: TripleStore, text: str) -> None:
        """It cannot end its quotes: no other triple changes."""
        hostile = frozenset({Triple(NamedNode("http://www.wikidata.org/entity/Q1"), NamedNode("urn:p"), Literal(text))})
        await apply(store, added=make_item("Q2"))
        await apply(store, added=hostile)
        assert await read_held_triples(store) == make_item("Q2") | hostile
        await apply(store, removed=hostile)
        assert await read_held_triples(store) == make_item("Q2")

    async def test_batch_with_blank_node_is_rejected_as_a_whole(self, store: TripleStore) -> None:
        """A blank node has no name by which it could be deleted later."""
        bad = frozenset({Triple(BlankNode("b"), NamedNode("urn:p"), Literal("x"))})
        with pytest.raises(UnwritableError, match="no safe form"):
            await store.apply(StorePatch(deleted=frozenset({"Q1"}), added=bad | make_item("Q1")), {}, None)
        assert await read_held_triples(store) == set()

    async def test_number_of_changes_is_reported_if_the_store_states_it(
        self, place: StorePlace, store: TripleStore
    ) -> None:
        """For other stores it is None and not an estimate."""
        applied = await apply(store, added=make_item("Q1"))
        assert applied.changes == (len(make_item("Q1")) if place.reports_changes else None)
        assert applied.seconds > 0

    async def test_invalid_query_is_an_error(self, store: TripleStore) -> None:
        """The error holds the message of the store; the result is not an empty list."""
        assert await store.ask("ASK {}") is True
        with pytest.raises(StoreError):
            await store.query("SELECT WHERE {")
