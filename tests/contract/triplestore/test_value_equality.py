"""Value equality in real stores: what they hold as one term, and the comparison of an entity with what they return."""

from __future__ import annotations

import math
from itertools import count
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
    from collections.abc import AsyncIterator, Iterable, Iterator

    from wikistate.adapters.triplestore.store import TripleStore
    from wikistate.core.rdf.compare import GraphDifference

TARGET = UpdateTarget(WIKIDATA)
NUMBERS = count(1)


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
async def entity(place: StoreTarget) -> AsyncIterator[StoredEntity]:
    """Return an entity that the store does not hold yet.

    Tests have different entities and do not clear the store: TDB2 does not find a number that was written as ``+5`` when a
    pattern deletes it in the form in which it was returned, ``5.0``.
    """
    store = place.store()
    await store.open()
    yield StoredEntity(store, f"Q{next(NUMBERS)}")
    await store.close()


class StoredEntity:
    """Entity in a store; each form has a property of its own."""

    def __init__(self, store: TripleStore, name: str) -> None:
        self.store, self.name = store, name

    def triple(self, form: Literal, property_of: Literal) -> Triple:
        """Return a triple with the literal and the property of another one."""
        return Triple(
            NamedNode(WIKIDATA.entity_iri(self.name)),
            NamedNode(f"http://www.wikidata.org/prop/direct/P{FORMS.index(property_of)}"),
            form,
        )

    async def write(self, *triples: Triple, removed: frozenset[Triple] = frozenset()) -> bool:
        """Write triples, and return whether the store accepts them."""
        try:
            await self.store.apply(StorePatch(added=frozenset(triples), removed=removed), {}, None)
        except StoreError:
            return False  # some stores reject some invalid literals
        return True

    async def read(self) -> frozenset[Triple]:
        """Return the triples as the store returns them."""
        rows = await self.store.query(build_entity_query(self.name, TARGET))
        return read_entity_triples(rows, self.name, WIKIDATA)

    async def find_differences(self, expected: Iterable[Triple]) -> GraphDifference:
        """Compare the expected triples with those in the store."""
        return await find_differences(frozenset(expected), await self.read(), self.store, TARGET)


async def test_written_forms_agree_with_the_store(entity: StoredEntity) -> None:
    """Each form is compared with what the store returns for it; a form that it lost, or another one, is a difference."""
    written = [entity.triple(form, form) for form in FORMS]
    accepted = [triple for triple in written if await entity.write(triple)]
    assert len(accepted) > 0.95 * len(FORMS)
    assert await entity.find_differences(accepted) == ([], [])
    added = entity.triple(Literal(9), FORMS[1])
    await entity.write(added, removed=frozenset({accepted[0]}))
    different = await entity.find_differences(accepted)
    assert different.missing == accepted[:1]
    assert [triple.predicate for triple in different.extra] == [added.predicate]


@pytest.mark.parametrize("pool", POOLS)
async def test_terms_that_the_store_holds_as_one_are_equal(entity: StoredEntity, pool: str) -> None:
    """The store is asked for each form in place of each other one."""
    for form in POOLS[pool]:
        await entity.write(entity.triple(form, form))
    for form in POOLS[pool]:
        asked = frozenset(entity.triple(other, form) for other in POOLS[pool])
        held = await select_held(asked, entity.store, TARGET)
        assert not [triple.object for triple in held if value_distance(triple.object, form) == math.inf], form


@pytest.mark.parametrize("pool", POOLS)
async def test_removal_of_a_value_keeps_the_others(entity: StoredEntity, pool: str) -> None:
    """One property has all values; a diff removes one after the other, and the store holds exactly the rest each time."""
    written = [entity.triple(form, POOLS[pool][0]) for form in POOLS[pool]]
    values = [triple for triple in written if await entity.write(triple)]
    while values:
        patch = diff(frozenset(values), frozenset(values[1:]), WIKIDATA)
        await entity.write(*patch.added, removed=patch.removed)
        assert await entity.find_differences(values[1:]) == ([], []), values[0]
        values = values[1:]
    assert not await entity.read()
