"""Patches in stores that hold several lexical forms as one term: after each patch the store holds the documents.

Entities change in any way between documents with equal values. The patches are applied one by one, in batches, and again
from an earlier mutation on, under the notion of each store.
"""

from __future__ import annotations

from collections import defaultdict
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyoxigraph import Literal, NamedNode, Triple
from tests.support.store_notions import FORMS, NOTIONS, POOLS

from wikistate.core.rdf.diff import diff, select_shared
from wikistate.core.rdf.patch import Patch
from wikistate.core.rdf.uris import Uris
from wikistate.core.updater.accumulator import Accumulator
from wikistate.core.updater.input_events import Origin
from wikistate.core.updater.mutation import Mutation, OperationName

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from wikistate.core.updater.store_patch import StorePatch

URIS = Uris.for_wikibase("http://www.wikidata.org")
ORIGIN = Origin("", "", "", "", "", "")
NOTHING: frozenset[Triple] = frozenset()
DIRECT, LINK, AMOUNT = (NamedNode(f"http://www.wikidata.org/prop/{name}") for name in ("direct/P5", "P5", "amount"))
ENTITIES = ("Q1", "Q2")

shared_on_wikidata = partial(select_shared, uris=URIS)


class Revision(NamedTuple):
    """Wanted content of an entity.

    Attributes:
        entity: Its id.
        direct: Values on the entity.
        qualifying: Values on one of its statements.
        linked: Values that have a node, which other entities may share.
        operation: Kind of the mutation: a deletion has no content.
    """

    entity: str
    direct: frozenset[Literal]
    qualifying: frozenset[Literal]
    linked: frozenset[Literal]
    operation: OperationName


def document(revision: Revision) -> frozenset[Triple]:
    """Return the munged triples."""
    if revision.operation is OperationName.DELETE:
        return NOTHING
    subject = NamedNode(URIS.entity_iri(revision.entity))
    statement = NamedNode(f"{URIS.statement}{revision.entity}-1")
    nodes = {value: NamedNode(f"{URIS.value}v{FORMS.index(value)}") for value in revision.linked}
    return frozenset(
        [
            *(Triple(subject, DIRECT, value) for value in revision.direct),
            *(Triple(statement, DIRECT, value) for value in revision.qualifying),
            *(Triple(statement, LINK, node) for node in nodes.values()),
            *(Triple(node, AMOUNT, value) for value, node in nodes.items()),
        ]
    )


class ModelStore:
    """Store that holds the objects of triples in its own form.

    Args:
        hold: Returns the form in which the store holds a literal.
    """

    def __init__(self, hold: Callable[[Literal], Literal]) -> None:
        self._hold = hold
        self.content: set[Triple] = set()

    def hold(self, triples: Iterable[Triple]) -> set[Triple]:
        """Return the triples as the store holds them."""
        return {
            Triple(each.subject, each.predicate, self._hold(each.object)) if isinstance(each.object, Literal) else each
            for each in triples
        }

    def apply(self, patch: StorePatch) -> None:
        """Apply a patch in the steps of `StorePatch`."""
        marks = {f"/{entity}" for entity in patch.deleted | patch.reconciled}
        gone = {each for each in self.content if any(mark in f"{each.subject.value}-" for mark in marks)}  # type: ignore[union-attr]
        suspects = {each.subject for each in patch.unlinked} | {each.object for each in gone if each.predicate == LINK}
        self.content = ((self.content - gone) - self.hold(patch.removed)) | self.hold(patch.added | patch.linked)
        orphans = suspects - {each.object for each in self.content}
        self.content = {each for each in self.content if each.subject not in orphans or each.predicate != AMOUNT}


def build_mutations(revisions: Sequence[Revision]) -> list[Mutation]:
    """Return the mutations between the revisions, as rdf-updater writes them."""
    held = dict.fromkeys(ENTITIES, NOTHING)
    mutations: list[Mutation] = []
    for revision in revisions:
        before, after = held[revision.entity], document(revision)
        match revision.operation:
            case OperationName.DELETE:
                patch = Patch()
            case OperationName.RECONCILE:
                patch = Patch(added=after)
            case _:
                patch = diff(before, after, URIS)
        mutations.append(Mutation(revision.operation, revision.entity, 1, 0, 0, ORIGIN, "stream", patch))
        held[revision.entity] = after
    return mutations


def apply_batches(store: ModelStore, batches: Iterable[Sequence[Mutation]]) -> set[Triple]:
    """Return the content of the store after these batches."""
    for batch in batches:
        accumulator = Accumulator(shared_on_wikidata)
        for mutation in batch:
            if not accumulator.can_add(mutation):
                store.apply(accumulator.build_patch())
                accumulator = Accumulator(shared_on_wikidata)
            accumulator.add(mutation)
        store.apply(accumulator.build_patch())
    return store.content


def find_equal_forms(notion: str) -> list[list[Literal]]:
    """Return the literals that a store holds as one, in lists of at least two, and one list of all others."""
    lists: list[list[Literal]] = [[]]
    for pool in POOLS.values():
        by_held = defaultdict(list)
        for form in pool:
            by_held[NOTIONS[notion](form)].append(form)
        for forms in by_held.values():
            if len(forms) > 1:
                lists.append(forms)
            else:
                lists[0] += forms
    return lists


@st.composite
def histories(draw: st.DrawFn, notion: str) -> list[Revision]:
    """Return revisions of several entities; most of their values are one for the store."""
    equal = draw(st.sampled_from(find_equal_forms(notion)))
    values = st.frozensets(st.sampled_from([*equal, draw(st.sampled_from(POOLS[find_pool(equal[0])]))]), max_size=3)
    operations = st.sampled_from([OperationName.DIFF] * 4 + [OperationName.DELETE, OperationName.RECONCILE])
    revision = st.builds(Revision, st.sampled_from(ENTITIES), values, values, values, operations)
    return draw(st.lists(revision, min_size=2, max_size=8))


def find_pool(form: Literal) -> str:
    """Return the name of the pool with a literal."""
    return next(name for name, pool in POOLS.items() if form in pool)


@pytest.mark.parametrize("notion", NOTIONS)
@given(data=st.data())
def test_store_holds_the_documents_after_each_patch(notion: str, data: st.DataObject) -> None:
    """One by one, in one batch, in batches of any size, and repeated after a crash: always the content of a fresh load."""
    revisions = data.draw(histories(notion))
    many = build_mutations(revisions)
    current = {revision.entity: document(revision) for revision in revisions}
    expected = ModelStore(NOTIONS[notion]).hold(NOTHING.union(*current.values()))

    def applied(*batches: Sequence[Mutation]) -> set[Triple]:
        return apply_batches(ModelStore(NOTIONS[notion]), batches)

    assert applied(*([mutation] for mutation in many)) == expected
    assert applied(many) == expected
    reached = data.draw(st.integers(0, len(many)))
    back = data.draw(st.integers(0, reached))
    cut = data.draw(st.integers(back, len(many)))
    assert applied(many[:reached], many[reached:]) == expected
    assert applied(many[:reached], many[back:cut], many[cut:]) == expected
