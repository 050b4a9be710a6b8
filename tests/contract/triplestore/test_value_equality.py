"""Value equality in real stores: what they hold as one term, and the comparison of an entity with what they return."""

from __future__ import annotations

import math
from itertools import chain, count
from typing import TYPE_CHECKING

import pytest
from pyoxigraph import Literal, NamedNode, Triple
from tests.contract.triplestore.conftest import StoreTarget
from tests.support.store_notions import FORMS, NOTIONS, POOLS
from tests.support.stores import BlazegraphServer, FusekiServer

from wikistate.core.rdf.diff import diff
from wikistate.core.rdf.value_equality import value_distance
from wikistate.core.sparql.entity_query import build_entity_query, read_entity_triples
from wikistate.core.sparql.queries import read_number
from wikistate.core.sparql.terms import serialize_triples
from wikistate.core.sparql.update_target import UpdateTarget
from wikistate.core.updater.store_patch import StorePatch
from wikistate.errors import StoreError
from wikistate.ops.verify.stored_forms import QUESTIONS_PER_QUERY, find_differences
from wikistate.testing.contracts.stores import WIKIDATA

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator, Sequence

    from wikistate.adapters.triplestore.store import TripleStore
    from wikistate.core.rdf.compare import GraphDifference

TARGET = UpdateTarget(WIKIDATA)


def _property_iri(form: Literal) -> str:
    return f"<http://www.wikidata.org/prop/direct/P{FORMS.index(form)}>"


FORMS_BY_IRI = {_property_iri(form): form for form in FORMS}
"""The form that is written as the value of each property."""

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
            NamedNode(_property_iri(property_of)[1:-1]),
            form,
        )

    async def write(self, *triples: Triple, removed: frozenset[Triple] = frozenset()) -> bool:
        """Write triples in one update, and return whether the store accepts it."""
        try:
            await self.store.apply(StorePatch(added=frozenset(triples), removed=removed), {}, None)
        except StoreError:
            return False  # some stores reject some invalid literals
        return True

    async def write_accepted(self, triples: Sequence[Triple]) -> list[Triple]:
        """Write triples in few updates, and return those that the store accepts alone."""
        if not triples or await self.write(*triples):
            return list(triples)
        middle = len(triples) // 2
        if not middle:
            return []
        return [*await self.write_accepted(triples[:middle]), *await self.write_accepted(triples[middle:])]

    async def find_holders(self, forms: Sequence[Literal]) -> list[tuple[Literal, Literal]]:
        """Return each form that the store holds as the value of a property, with the form that was written there."""
        if len(forms) > QUESTIONS_PER_QUERY:
            parts = [forms[at : at + QUESTIONS_PER_QUERY] for at in range(0, len(forms), QUESTIONS_PER_QUERY)]
            return [pair for part in parts for pair in await self.find_holders(part)]
        patterns = [
            f"{{ {_serialize(self.triple(form, form)).replace(_property_iri(form), '?p')} BIND({number} AS ?n) }}"
            for number, form in enumerate(forms)
        ]
        try:
            rows = await self.store.query(f"SELECT ?n ?p WHERE {TARGET.where(' UNION '.join(patterns))}")
        except StoreError:
            if len(forms) == 1:
                await self.store.ask("ASK {}")  # raises if the store rejects more than this form
                return []
            middle = len(forms) // 2
            return [*await self.find_holders(forms[:middle]), *await self.find_holders(forms[middle:])]
        return [(forms[read_number(row, "n")], FORMS_BY_IRI[str(row["p"])]) for row in rows]

    async def read(self) -> frozenset[Triple]:
        """Return the triples as the store returns them."""
        rows = await self.store.query(build_entity_query(self.name, TARGET))
        return read_entity_triples(rows, self.name, WIKIDATA)

    async def find_differences(self, expected: Iterable[Triple]) -> GraphDifference:
        """Compare the expected triples with those in the store."""
        return await find_differences(frozenset(expected), await self.read(), self.store, TARGET)


async def test_written_forms_agree_with_the_store(entity: StoredEntity) -> None:
    """Each form is compared with what the store returns for it; a form that it lost, or another one, is a difference."""
    accepted = await entity.write_accepted([entity.triple(form, form) for form in FORMS])
    assert len(accepted) > 0.95 * len(FORMS)
    assert await entity.find_differences(accepted) == ([], [])
    added = entity.triple(Literal(9), FORMS[1])
    await entity.write(added, removed=frozenset({accepted[0]}))
    different = await entity.find_differences(accepted)
    assert different.missing == accepted[:1]
    assert [triple.predicate for triple in different.extra] == [added.predicate]


async def test_terms_that_the_store_holds_as_one_are_equal(entity: StoredEntity) -> None:
    """The store is asked for each form in place of each other one."""
    accepted = await entity.write_accepted([entity.triple(form, form) for form in FORMS])
    holders = await entity.find_holders(FORMS)
    assert len({written for _, written in holders}) > 0.85 * len(accepted)  # Blazegraph does not find infinity
    assert not [pair for pair in holders if value_distance(*pair) == math.inf]


async def test_removal_of_a_value_keeps_the_others(entity: StoredEntity) -> None:
    """A property has all values of its pool; diffs remove one after the other, and the store holds exactly the rest.

    Each diff removes a value of each group of forms that some store holds as one.
    """
    groups = [
        await entity.write_accepted([entity.triple(form, POOLS[pool][0]) for form in group])
        for pool in POOLS
        for group in group_forms(POOLS[pool])
    ]
    while any(groups):
        before = frozenset(chain.from_iterable(groups))
        groups = [group[1:] for group in groups]
        rest = frozenset(chain.from_iterable(groups))
        patch = diff(before, rest, WIKIDATA)
        await entity.write(*patch.added, removed=patch.removed)
        assert await entity.find_differences(rest) == ([], []), before - rest
    assert not await entity.read()


def group_forms(forms: Iterable[Literal]) -> list[list[Literal]]:
    """Return the forms in groups: forms that some store holds as one are in the same group."""
    groups: list[tuple[list[Literal], set[tuple[str, str]]]] = []
    for form in forms:
        held = {(store, str(hold(form))) for store, hold in NOTIONS.items()}
        joined = [group for group in groups if group[1] & held]
        groups = [group for group in groups if not group[1] & held]
        members = [*chain.from_iterable(group[0] for group in joined), form]
        groups.append((members, held.union(*(group[1] for group in joined))))
    return [members for members, _ in groups]


def _serialize(triple: Triple) -> str:
    return serialize_triples([triple]).decode().strip()
