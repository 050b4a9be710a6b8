"""After a fetch that failed, the next operation makes up for what was missed, and the store ends where the wiki is."""

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
    """A state in which the store holds something else than was seen."""
    return EntityState.from_signed(signed)._replace(store_revision=held)


@pytest.mark.parametrize("before", [None, 1])
def test_after_a_failure_all_of_the_entity_is_replaced(before: int | None) -> None:
    """Revision 2 could not be fetched. When it was tried before a crash, it may have been there, and been published."""
    second = decide(EntityState.from_signed(before), saved(2, parent=1))
    third = decide(mark_failed(second.state), saved(3, parent=2))
    assert third.operation is not None
    assert short(adapt_operation(third.operation, third.state)) == "reconcile 3"
    assert mark_published(third.state, third.operation) == EntityState.from_signed(3)


def test_a_difference_is_made_to_what_was_published() -> None:
    """Of what was decided, the store may hold less."""
    assert short(adapt_operation(Diff(*COMMON, 4), seen(5, 3))) == "diff 5<-3"


def test_several_operations_of_one_turn() -> None:
    """Of an import and a difference that were decided together, the second takes over what the first failed to do."""
    assert short(adapt_operation(Diff(*COMMON, 4), seen(5, NOT_IN_STORE))) == "import 5"


def test_an_import_of_what_the_store_holds_is_a_difference() -> None:
    """Importing twice would leave what is gone since."""
    assert short(adapt_operation(IMPORT, seen(5, 3))) == "diff 5<-3"


def test_where_nobody_knows_what_the_store_holds_all_of_it_is_replaced() -> None:
    """Also when the revision that it holds is gone from the wiki."""
    doubtful = seen(5, STORE_STATE_UNKNOWN)
    assert mark_failed(EntityState.from_signed(5)) == doubtful
    assert adapt_operation(DIFF, doubtful) == adapt_operation(IMPORT, doubtful) == RECONCILE
    assert as_full_import(DIFF) == RECONCILE


def test_deletions_and_reconciliations_need_not_know_what_the_store_holds() -> None:
    """They are carried out as decided."""
    for held in (STORE_STATE_UNKNOWN, NOT_IN_STORE, 3, 5):
        assert adapt_operation(DELETE, seen(5, held)) == DELETE
        assert adapt_operation(RECONCILE, seen(5, held)) == RECONCILE


def test_being_behind_survives_a_restart() -> None:
    """What the store holds is written down where it is not what was seen."""
    for state in (seen(5, 4), seen(5, NOT_IN_STORE), seen(5, STORE_STATE_UNKNOWN), seen(-5, 5)):
        assert not state.is_in_sync
        assert EntityState.unpack(state.signed_revision, state.pack()) == state


def test_a_forgotten_entity_is_forgotten_when_its_deletion_is_published() -> None:
    """Until then what the store holds is remembered."""
    decision = decide(EntityState.from_signed(7), asked("DELETION", 0))
    assert decision.operation is not None
    assert bool(decision.state)
    assert not mark_published(decision.state, decision.operation)


EVENTS = st.sampled_from(["edit", "delete", "restore", "reconcile"])


@given(st.lists(st.tuples(EVENTS, st.sampled_from(["done", "failed", "out, and failed after a crash"])), max_size=12))
def test_whatever_failed_the_store_is_right_after_what_succeeded(steps: list[tuple[str, str]]) -> None:
    """After each operation that was carried out, the store holds exactly its revision; what it takes is possible then.

    A difference is possible from the revision that the store holds alone, an import into a store that holds nothing.
    """
    state, store = EntityState(), NOT_IN_STORE
    for revision, (what, outcome) in enumerate(steps, start=1):
        decision = decide(state, _event(what, revision, state))
        state = decision.state
        if decision.operation is None:
            continue
        operation = adapt_operation(decision.operation, state)
        fails = outcome != "done" and not isinstance(operation, DeleteItem)
        if outcome != "failed" or not fails:
            store = _applied(operation, store)
        state = mark_failed(state) if fails else mark_published(state, operation)
        assert state.store_revision in (store, STORE_STATE_UNKNOWN)


def _event(what: str, revision: int, state: EntityState) -> InputEvent:
    match what:
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
