"""A batch becomes requests that are bounded, in order, and safe against injection."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyoxigraph import Literal, NamedNode, Quad, Store, Triple

from wikistate.core.rdf.uris import Uris
from wikistate.core.sparql.terms import UnwritableError
from wikistate.core.sparql.update_target import UpdateTarget
from wikistate.core.sparql.updates import build_requests, pack
from wikistate.core.updater.store_metadata import StorePosition
from wikistate.core.updater.store_patch import StorePatch
from wikistate.streaming.record import Partition

URIS = Uris.for_wikibase("http://a.test")


def labels(count: int, length: int = 10) -> frozenset[Triple]:
    """Return triples that differ in their literals."""
    node, label = NamedNode("http://a.test/entity/Q1"), NamedNode("http://a.test/label")
    return frozenset(Triple(node, label, Literal(f"{number} {'x' * length} .\n")) for number in range(count))


@given(st.integers(1, 40), st.integers(1, 300), st.integers(200, 2000))
def test_requests_are_bounded_and_complete(count: int, length: int, limit: int) -> None:
    """Every triple arrives for each bound, and only a triple that is larger itself exceeds it."""
    triples = labels(count, length)
    sent = build_requests(
        StorePatch(added=triples), {Partition("t"): StorePosition(1, 1)}, 1, UpdateTarget(URIS, max_request_bytes=limit)
    )
    store = Store()
    for request in sent:
        store.update(request)
    assert {Quad(*triple) for triple in triples} <= set(store)
    largest = max(len(str(triple)) for triple in triples)
    # The last request holds the position, which must not be split; the others may exceed by the frame of one operation.
    assert all(len(request) <= max(limit, largest + 10) + 100 for request in sent[:-1])


def test_deletions_come_first_and_the_position_is_last() -> None:
    """In this order a sitelink survives if it moves away from an entity that is deleted."""
    patch = StorePatch(removed=labels(1), added=labels(2) - labels(1), deleted=frozenset({"Q7"}))
    (text,) = build_requests(patch, {Partition("t"): StorePosition(1, 1)}, 1000, UpdateTarget(URIS))
    places = [
        text.index(part)
        for part in ("entity/Q7", "DELETE DATA", "INSERT DATA", "suspectArticle", "dateModified", "nextOffset")
    ]
    assert places == sorted(places)
    assert "PREFIX" not in text


@pytest.mark.parametrize(
    ("uris", "more", "subjects"),
    [
        (Uris.for_wikibase("http://a.test"), (), ["http://a.test"]),
        (Uris.for_federated("https://commons.test"), (), ["http://www.wikidata.org", "https://commons.test"]),
        (Uris.for_federated("http://a.test", "http://b.test"), (), ["http://a.test", "http://b.test"]),
        (Uris.for_wikibase("http://a.test"), ("http://c.test", "http://a.test"), ["http://a.test", "http://c.test"]),
    ],
    ids=["one wiki", "commons", "another federation", "by setting"],
)
def test_freshness_is_stated_about_each_wiki_of_the_store(
    uris: Uris, more: tuple[str, ...], subjects: list[str]
) -> None:
    """A query service asks Wikidata on the store of a federated wiki, too. Each subject has one time, the newest."""
    store, target = Store(), UpdateTarget(uris, more_freshness_subjects=more)
    for moment in (1_700_000_000_000, 1_700_000_060_000):
        for request in build_requests(StorePatch(), {}, moment, target):
            store.update(request)
    assert sorted(quad.subject.value for quad in store) == subjects
    assert {quad.object.value for quad in store} == {"2023-11-14T22:14:20Z"}


def test_empty_batch_has_no_request() -> None:
    """A batch that only moves the position has one."""
    assert build_requests(StorePatch(), {}, None, UpdateTarget(URIS)) == []
    assert len(build_requests(StorePatch(), {Partition("t"): StorePosition(1, 1)}, None, UpdateTarget(URIS))) == 1


@pytest.mark.parametrize("entity", ["Q1> } ; DROP ALL ; #", "Q 1", "Q1\n"])
def test_entity_id_cannot_inject_text(entity: str) -> None:
    """Ids come from events."""
    with pytest.raises(UnwritableError):
        build_requests(StorePatch(deleted=frozenset({entity})), {}, None, UpdateTarget(URIS))


def test_every_operation_names_the_graph() -> None:
    """No operation lacks the graph."""
    patch = StorePatch(removed=labels(1), added=labels(2) - labels(1), deleted=frozenset({"Q7"}), unlinked=labels(3))
    (text,) = build_requests(
        patch, {Partition("t"): StorePosition(1, 1)}, 1, UpdateTarget(URIS, graph="http://a.test/g")
    )
    operations = text.split(" ;\n")
    assert len(operations) > 10
    assert all("WITH <http://a.test/g> " in each or "GRAPH <http://a.test/g> {" in each for each in operations)


@given(st.lists(st.text("ab", max_size=30)), st.integers(1, 60))
def test_packing_keeps_order_and_content(operations: list[str], limit: int) -> None:
    """Packing loses no operation."""
    packed = pack(filter(None, operations), limit)
    assert [each for request in packed for each in request] == list(filter(None, operations))
