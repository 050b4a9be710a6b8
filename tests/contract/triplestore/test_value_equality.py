"""Value equality in real stores: what they hold as one term, and the comparison of an entity with what they return."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
from pyoxigraph import Literal, NamedNode, Triple
from tests.contract.triplestore.conftest import StoreTarget
from tests.support.store_notions import FORMS, POOLS
from tests.support.stores import BlazegraphServer, FusekiServer

from wikistate.core.rdf.diff import diff
from wikistate.core.rdf.value_equality import value_distance
from wikistate.core.sparql.entity_query import build_entity_query, read_entity_triples
from wikistate.core.sparql.updates import UpdateTarget
from wikistate.core.updater.store_patch import StorePatch
from wikistate.errors import StoreError
from wikistate.ops.verify.stored_forms import find_differences, select_held
from wikistate.testing.contracts.stores import WIKIDATA

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from wikistate.adapters.triplestore.store import TripleStore

SUBJECT = NamedNode(WIKIDATA.entity_iri("Q1"))
TARGET = UpdateTarget(WIKIDATA)
PROPERTIES = {form: NamedNode(f"http://www.wikidata.org/prop/direct/P{n}") for n, form in enumerate(FORMS)}


@pytest.fixture(scope="module")
def fuseki_tdb2(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FusekiServer]:
    """Fuseki with a database on the disk, which holds numbers by value."""
    folder = tmp_path_factory.mktemp("tdb2")
    with FusekiServer(folder, data=folder / "data") as store:
        yield store


@pytest.fixture(scope="module")
def blazegraph_times(
    blazegraph: BlazegraphServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[BlazegraphServer]:
    """Blazegraph that holds times as milliseconds."""
    del blazegraph  # requested because it skips the test if Blazegraph cannot be installed
    with BlazegraphServer(tmp_path_factory.mktemp("times"), inline_times=True) as store:
        yield store


@pytest.fixture(params=["embedded", "oxigraph_server", "fuseki", "fuseki_tdb2", "blazegraph", "blazegraph_times"])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> StoreTarget:
    """Return each store; Fuseki and Blazegraph also in a second configuration, with another equality."""
    folder = tmp_path_factory.mktemp("store")
    return StoreTarget(
        request.param, None if request.param == "embedded" else request.getfixturevalue(request.param), folder
    )


@pytest.fixture
async def store(place: StoreTarget) -> AsyncIterator[TripleStore]:
    """Return the store, empty and open."""
    if place.process is not None:
        place.process.update("DELETE { ?s ?p ?o } WHERE { ?s ?p ?o }")
    opened = place.store()
    await opened.open()
    yield opened
    await opened.close()


async def write(store: TripleStore, *triples: Triple, removed: frozenset[Triple] = frozenset()) -> bool:
    """Write triples of the entity, and return whether the store accepts them."""
    try:
        await store.apply(StorePatch(added=frozenset(triples), removed=removed), {}, None)
    except StoreError:
        return False  # Blazegraph rejects some invalid literals
    return True


async def read(store: TripleStore) -> frozenset[Triple]:
    """Return the triples of the entity as the store returns them."""
    return read_entity_triples(await store.query(build_entity_query("Q1", TARGET)), "Q1", WIKIDATA)


async def test_written_forms_agree_with_the_store(store: TripleStore) -> None:
    """Each form is compared with what the store returns for it; a form that it lost, or another one, is a difference."""
    accepted = [Triple(SUBJECT, PROPERTIES[form], form) for form in FORMS]
    accepted = [triple for triple in accepted if await write(store, triple)]
    assert len(accepted) > 0.95 * len(FORMS)
    found, expected = await read(store), frozenset(accepted)
    assert await find_differences(expected, found, store, TARGET) == ([], [])
    (lost, *_), added = sorted(found, key=str), Triple(SUBJECT, PROPERTIES[FORMS[0]], Literal(9))
    await write(store, added, removed=frozenset({lost}))
    different = await find_differences(expected, await read(store), store, TARGET)
    assert different.missing == [triple for triple in accepted if triple.predicate == lost.predicate]
    assert [triple.predicate for triple in different.extra] == [added.predicate]


@pytest.mark.parametrize("pool", POOLS)
async def test_terms_that_the_store_holds_as_one_are_equal(store: TripleStore, pool: str) -> None:
    """The store is asked for each form in place of each other one."""
    for form in POOLS[pool]:
        await write(store, Triple(SUBJECT, PROPERTIES[form], form))
    for form in POOLS[pool]:
        asked = [Triple(SUBJECT, PROPERTIES[form], other) for other in POOLS[pool]]
        held = await select_held(asked, store, TARGET)
        assert not [triple.object for triple in held if value_distance(triple.object, form) == math.inf], form


@pytest.mark.parametrize("pool", POOLS)
async def test_removal_of_a_value_keeps_the_others(store: TripleStore, pool: str) -> None:
    """One property has all values; a diff removes one after the other, and the store holds exactly the rest each time."""
    values = [Triple(SUBJECT, PROPERTIES[POOLS[pool][0]], form) for form in POOLS[pool]]
    values = [triple for triple in values if await write(store, triple)]
    while values:
        before, after = frozenset(values), frozenset(values[1:])
        patch = diff(before, after, WIKIDATA)
        await write(store, *patch.added, removed=patch.removed)
        assert await find_differences(after, await read(store), store, TARGET) == ([], []), values[0]
        values = values[1:]
    assert not await read(store)
