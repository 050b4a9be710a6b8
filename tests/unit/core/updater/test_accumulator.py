"""Sum of a batch of mutations.

The contract tests of the stores prove that the sum has the effect of its mutations one by one.
"""

from __future__ import annotations

import pytest
from pyoxigraph import Literal, NamedNode, Triple

from wikistate.core.rdf.patch import Patch
from wikistate.core.updater.accumulator import DELETE_WEIGHT, Accumulator
from wikistate.core.updater.input_events import Origin
from wikistate.core.updater.mutation import Mutation, OperationName

ORIGIN = Origin("", "", "", "", "", "")
TYPE = NamedNode("http://www.w3.org/1999/02/22-rdf-syntax-ns#type")
SCHEMA = "http://schema.org/"


def t(name: str) -> Triple:
    """Return a triple that is identified by a name."""
    return Triple(NamedNode(f"urn:{name}"), NamedNode("urn:p"), Literal(name))


def mutation(
    operation: str, entity: str, *, add: str = "", remove: str = "", link: str = "", unlink: str = "", time: int = 0
) -> Mutation:
    """Return a mutation whose triples are named by single words."""
    patch = Patch(*(frozenset(map(t, names.split())) for names in (add, remove, link, unlink)))
    return Mutation(OperationName(operation), entity, 1, time, 0, ORIGIN, "stream", patch)


def _shared(triples: frozenset[Triple]) -> frozenset[Triple]:
    return frozenset(triple for triple in triples if str(triple.subject).startswith("<urn:shared"))


def batch(*mutations: Mutation) -> Accumulator:
    """Return an accumulator that has accepted all of the mutations."""
    accumulator = Accumulator(_shared)
    for one in mutations:
        assert accumulator.can_add(one)
        accumulator.add(one)
    return accumulator


def names(triples: object) -> set[str]:
    """Return the names of the triples."""
    return {triple.object.value for triple in triples}  # type: ignore[attr-defined]


def test_last_change_of_a_triple_counts() -> None:
    """A triple that is added and then removed is removed from the store, which may have held it before.

    A triple that is removed and then added is added.
    """
    patch = batch(
        mutation("diff", "Q1", add="a", remove="b", link="l", unlink="u"),
        mutation("diff", "Q1", add="b", remove="a", link="u", unlink="l"),
    ).build_patch()
    assert (names(patch.added), names(patch.removed)) == ({"b"}, {"a"})
    # Only the store can show whether "l" has other users, once the triple is there.
    assert (names(patch.linked), names(patch.unlinked)) == ({"l", "u"}, {"l"})


def test_deleted_entity_removes_its_own_triples_of_the_batch() -> None:
    """The triples that it had linked are written and checked in the store: other entities may use them."""
    patch = batch(
        mutation("diff", "Q1", add="a1", link="v w"),
        mutation("diff", "Q2", add="a2", link="v"),
        mutation("delete", "Q1"),
    ).build_patch()
    assert patch.deleted == {"Q1"}
    assert (names(patch.added), names(patch.linked)) == ({"a2"}, {"v", "w"})
    assert names(patch.unlinked) == {"v", "w"}


def test_entity_may_be_deleted_and_imported_in_one_batch() -> None:
    """Deletions are applied first, so they do not affect the triples of later mutations."""
    patch = batch(mutation("delete", "Q1"), mutation("import", "Q1", add="new")).build_patch()
    assert (patch.deleted, names(patch.added)) == ({"Q1"}, {"new"})


def test_reconciliation_replaces_the_batch_content_of_the_entity() -> None:
    """Its triples come unsorted; the accumulator separates those of shared nodes."""
    accumulator = batch(
        mutation("diff", "Q1", add="old", time=4),
        mutation("delete", "Q1", time=8),
        mutation("reconcile", "Q1", add="own shared-v", time=1000),
        mutation("diff", "Q1", remove="own", add="edited", time=3),
    )
    patch = accumulator.build_patch()
    assert (patch.deleted, patch.reconciled) == (frozenset(), {"Q1"})
    assert (names(patch.added), names(patch.linked), names(patch.removed)) == ({"edited"}, {"shared-v"}, {"own"})
    assert len(accumulator) == patch.mutations == 4


def test_two_entities_that_add_the_same_triple_are_not_deleted_in_that_batch() -> None:
    """The owner of the triple is no longer known. The case is counted, and it ends the batch only when it matters."""
    accumulator = batch(mutation("import", "M1", add="same"), mutation("import", "M2", add="same"))
    assert accumulator.duplicates == 1
    assert not accumulator.can_add(mutation("delete", "M1"))
    assert not accumulator.can_add(mutation("reconcile", "M2"))
    assert accumulator.can_add(mutation("delete", "M3"))
    assert accumulator.can_add(mutation("diff", "M1", remove="same"))


def test_entity_is_not_deleted_in_the_batch_that_moved_its_triple() -> None:
    """A third entity may have the triple by then."""
    accumulator = batch(
        mutation("import", "Q1", add="a b"), mutation("diff", "Q2", remove="a"), mutation("diff", "Q3", add="a")
    )
    assert accumulator.duplicates == 0
    assert not accumulator.can_add(mutation("delete", "Q1"))
    assert not accumulator.can_add(mutation("delete", "Q3"))
    assert accumulator.can_add(mutation("delete", "Q2"))


def test_triple_released_by_one_entity_can_be_kept_by_another() -> None:
    """The first entity is deleted without the triple."""
    patch = batch(
        mutation("import", "Q1", add="a b"),
        mutation("diff", "Q1", remove="a"),
        mutation("diff", "Q2", add="a"),
        mutation("delete", "Q1"),
    ).build_patch()
    assert (names(patch.added), patch.deleted) == ({"a"}, {"Q1"})


def test_freshness_is_the_mean_time_of_user_changes() -> None:
    """A reconciliation does not count towards the freshness of the store."""
    accumulated = batch(
        mutation("diff", "Q1", time=10), mutation("delete", "Q2", time=20), mutation("reconcile", "Q3", time=999)
    )
    assert accumulated.build_patch().freshness == 15
    assert batch(mutation("reconcile", "Q3", time=999)).build_patch().freshness is None


def test_weight_counts_triples_and_the_search_for_entity_triples() -> None:
    """The weight bounds a batch."""
    accumulated = batch(
        mutation("diff", "Q1", add="a", remove="d", link="l", unlink="u"),
        mutation("diff", "Q1", add="a1", link="l1"),
        mutation("delete", "Q9"),
    )
    assert accumulated.weight == accumulated.build_patch().weight == 6 + DELETE_WEIGHT


@pytest.mark.parametrize("side", ["add", "remove"])
def test_sitelink_is_shared_except_for_its_about_triple(side: str) -> None:
    """The article moves between entities; the triple that says what it is about belongs to one of them."""
    page = NamedNode("https://en.wikipedia.org/wiki/A")
    of = Triple(page, NamedNode(f"{SCHEMA}about"), NamedNode("urn:Q1"))
    rest = {
        Triple(page, TYPE, NamedNode(f"{SCHEMA}Article")),
        Triple(page, NamedNode(f"{SCHEMA}name"), Literal("A", language="en")),
    }
    whole = frozenset({of, t("other"), *rest})
    patch = Patch(added=whole) if side == "add" else Patch(removed=whole)
    accumulated = batch(Mutation(OperationName.DIFF, "Q1", 1, 0, 0, ORIGIN, "stream", patch)).build_patch()
    own, shared = (
        (accumulated.added, accumulated.linked) if side == "add" else (accumulated.removed, accumulated.unlinked)
    )
    assert (own, shared) == ({of, t("other")}, rest)
