"""After a failed fetch the next operation repairs the entity, and the store reaches the state of the wiki."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.core.updater.scenarios import INGESTED, ORIGIN, asked, deleted, restored, saved, short

from wikistate.core.updater.decide import decide
from wikistate.core.updater.execution_state import adapt_operation, as_full_import, mark_failed, mark_published
from wikistate.core.updater.operations import DeleteItem, Diff, FullImport, Operation, ReconcileItem
from wikistate.core.updater.state import NOT_IN_STORE, STORE_STATE_UNKNOWN, EntityState

if TYPE_CHECKING:
    from wikistate.core.updater.input_events import InputEvent

COMMON = ("Q1", 7, 5, INGESTED, ORIGIN)
IMPORT, DIFF, DELETE, RECONCILE = FullImport(*COMMON), Diff(*COMMON, 4), DeleteItem(*COMMON), ReconcileItem(*COMMON)


def seen(signed: int, held: int) -> EntityState:
    """Return a state in which the store holds another revision than the last known one."""
    return EntityState.from_signed(signed)._replace(store_revision=held)


@pytest.mark.parametrize("before", [None, 1])
def test_entity_is_replaced_as_a_whole_after_a_failure(before: int | None) -> None:
    """Revision 2 could not be fetched. An attempt before a crash may have fetched and published it."""
    second = decide(EntityState.from_signed(before), saved(2, parent=1))
    third = decide(mark_failed(second.state), saved(3, parent=2))
    assert third.operation is not None
    assert short(adapt_operation(third.operation, third.state)) == "reconcile 3"
    assert mark_published(third.state, third.operation) == EntityState.from_signed(3)


def test_diff_starts_at_the_published_revision() -> None:
    """The store may hold an older revision than the decision assumed."""
    assert short(adapt_operation(Diff(*COMMON, 4), seen(5, 3))) == "diff 5<-3"


def test_second_operation_replaces_a_failed_first() -> None:
    """An import and a diff were decided together: the second operation does the work of the first one, which failed."""
    assert short(adapt_operation(Diff(*COMMON, 4), seen(5, NOT_IN_STORE))) == "import 5"


def test_import_of_an_entity_in_the_store_is_a_diff() -> None:
    """A second import would leave triples that no longer exist."""
    assert short(adapt_operation(IMPORT, seen(5, 3))) == "diff 5<-3"


def test_entity_is_replaced_as_a_whole_if_the_store_state_is_unknown() -> None:
    """The rule also covers a store whose revision is gone from the wiki."""
    doubtful = seen(5, STORE_STATE_UNKNOWN)
    assert mark_failed(EntityState.from_signed(5)) == doubtful
    assert adapt_operation(DIFF, doubtful) == adapt_operation(IMPORT, doubtful) == RECONCILE
    assert as_full_import(DIFF) == RECONCILE


def test_deletions_and_reconciliations_do_not_depend_on_the_store() -> None:
    """They are executed as decided."""
    for held in (STORE_STATE_UNKNOWN, NOT_IN_STORE, 3, 5):
        assert adapt_operation(DELETE, seen(5, held)) == DELETE
        assert adapt_operation(RECONCILE, seen(5, held)) == RECONCILE


def test_difference_to_the_store_survives_a_restart() -> None:
    """The revision in the store is saved when it differs from the last known one."""
    for state in (seen(5, 4), seen(5, NOT_IN_STORE), seen(5, STORE_STATE_UNKNOWN), seen(-5, 5)):
        assert not state.is_in_sync
        assert EntityState.unpack(state.signed_revision, state.pack()) == state


def test_entity_is_forgotten_when_its_deletion_is_published() -> None:
    """Until then the state of the store is remembered."""
    decision = decide(EntityState.from_signed(7), asked("DELETION", 0))
    assert decision.operation is not None
    assert bool(decision.state)
    assert not mark_published(decision.state, decision.operation)


EVENTS = st.sampled_from(["edit", "delete", "restore", "reconcile"])


@given(st.lists(st.tuples(EVENTS, st.sampled_from(["done", "failed", "out, and failed after a crash"])), max_size=12))
def test_store_is_right_after_each_successful_operation(steps: list[tuple[str, str]]) -> None:
    """After each executed operation the store holds exactly its revision, and the operation was possible.

    A diff is possible only from the revision in the store, an import only into a store without the entity.
    """
    state, store = EntityState(), NOT_IN_STORE
    for revision, (kind, outcome) in enumerate(steps, start=1):
        decision = decide(state, _event(kind, revision, state))
        state = decision.state
        if decision.operation is None:
            continue
        operation = adapt_operation(decision.operation, state)
        fails = outcome != "done" and not isinstance(operation, DeleteItem)
        if outcome != "failed" or not fails:
            store = _applied(operation, store)
        state = mark_failed(state) if fails else mark_published(state, operation)
        assert state.store_revision in (store, STORE_STATE_UNKNOWN)


def _event(kind: str, revision: int, state: EntityState) -> InputEvent:
    match kind:
        case "edit":
            return saved(revision)
        case "delete":
            return deleted(revision)
        case "restore":
            return restored(state.revision or revision)
        case _:
            return asked("CREATION", revision)


def _applied(operation: Operation, store: int) -> int:
    match operation:
        case FullImport(revision=revision):
            assert store == NOT_IN_STORE
            return revision
        case Diff(revision=revision, from_revision=before):
            assert store == before
            return revision
        case DeleteItem():
            return NOT_IN_STORE
        case ReconcileItem(revision=revision):
            return revision
