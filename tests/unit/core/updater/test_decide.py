"""Decision about an event, given the known state of its entity."""

from __future__ import annotations

from collections import Counter
from itertools import product
from typing import TYPE_CHECKING

import pytest
from tests.unit.core.updater.scenarios import asked, deleted, restored, saved, short

from wikistate.core.updater.decide import INCONSISTENCIES, TABLE, DecisionReason, EventKind, KnownState, decide
from wikistate.core.updater.state import EntityState, EntityStatus

if TYPE_CHECKING:
    from wikistate.core.updater.input_events import InputEvent

UNSEEN = EntityState()


def created(revision: int) -> EntityState:
    """Return the state of an entity that exists."""
    return EntityState.from_signed(revision)


def gone(revision: int) -> EntityState:
    """Return the state of a deleted entity."""
    return EntityState.from_signed(-revision)


CELLS = [
    # The event is always about revision 5.
    (saved(5), UNSEEN, "import 5", created(5), ""),
    (saved(5), created(3), "diff 5<-3", created(5), ""),
    (saved(5), created(5), "", created(5), "newer_revision_seen"),
    (saved(5), created(7), "", created(7), "newer_revision_seen"),
    (saved(5), gone(3), "", gone(3), "missed_undelete"),
    (saved(5), gone(5), "", gone(5), "newer_revision_seen"),
    (saved(5), gone(7), "", gone(7), "newer_revision_seen"),
    (deleted(5), UNSEEN, "", UNSEEN, "newer_revision_seen"),
    (deleted(5), created(3), "delete 5", gone(5), ""),
    (deleted(5), created(5), "delete 5", gone(5), ""),
    (deleted(5), created(7), "", created(7), "newer_revision_seen"),
    (deleted(5), gone(3), "", gone(3), "newer_revision_seen"),
    (deleted(5), gone(5), "", gone(5), "newer_revision_seen"),
    (deleted(5), gone(7), "", gone(7), "newer_revision_seen"),
    (restored(5), UNSEEN, "import 5", created(5), ""),
    (restored(5), created(3), "", created(3), "newer_revision_seen"),
    (restored(5), created(5), "", created(5), "unmatched_delete"),
    (restored(5), created(7), "", created(7), "newer_revision_seen"),
    (restored(5), gone(3), "", gone(3), "unmatched_delete"),
    (restored(5), gone(5), "import 5", created(5), ""),
    (restored(5), gone(7), "", gone(7), "unmatched_delete"),
    (asked("CREATION", 5), UNSEEN, "reconcile 5", created(5), ""),
    (asked("CREATION", 5), created(3), "reconcile 5", created(5), ""),
    (asked("CREATION", 5), created(5), "reconcile 5", created(5), ""),
    (asked("CREATION", 5), created(7), "reconcile 7", created(7), ""),
    (asked("CREATION", 5), gone(3), "reconcile 5", created(5), ""),
    (asked("CREATION", 5), gone(5), "reconcile 5", created(5), "reconcile_ambiguous_creation"),
    (asked("CREATION", 5), gone(7), "delete 7", gone(7), ""),
    (asked("DELETION", 5), UNSEEN, "delete 5", gone(5), ""),
    (asked("DELETION", 5), created(3), "delete 5", gone(5), ""),
    (asked("DELETION", 5), created(5), "delete 5", gone(5), "reconcile_ambiguous_deletion"),
    (asked("DELETION", 5), created(7), "reconcile 7", created(7), ""),
    (asked("DELETION", 5), gone(3), "delete 5", gone(5), ""),
    (asked("DELETION", 5), gone(5), "delete 5", gone(5), ""),
    (asked("DELETION", 5), gone(7), "delete 7", gone(7), ""),
    (asked("DELETION", 0), UNSEEN, "delete 0", UNSEEN, ""),
    (asked("DELETION", 0), created(7), "delete 0", UNSEEN, ""),
    (asked("DELETION", 0), gone(7), "delete 0", UNSEEN, ""),
]


@pytest.mark.parametrize(("event", "state", "operation", "after", "inconsistency"), CELLS)
def test_each_event_and_state_have_their_decision(
    event: InputEvent, state: EntityState, operation: str, after: EntityState, inconsistency: str
) -> None:
    """Each kind of event and each state lead to one operation, one new state and one inconsistency or none."""
    decision = decide(state, event)
    assert (short(decision.operation) if decision.operation else "") == operation
    assert (decision.state.revision, decision.state.status) == (after.revision, after.status)
    assert INCONSISTENCIES.get(decision.reason, "") == inconsistency


def test_table_has_one_row_for_each_event_and_state() -> None:
    """Exactly one row fits each kind of event and each known state."""
    cells = Counter((row.event_kind, seen) for row in TABLE for seen in row.known_states)
    assert cells == Counter(product(EventKind, KnownState))


def test_every_reason_is_given_by_a_row() -> None:
    """No reason is declared that no row uses."""
    assert {row.reason for row in TABLE} == set(DecisionReason)


def test_operation_carries_the_origin_of_its_event() -> None:
    """Event time, ingestion time and origin are those of the event, even where the revision is that of the state."""
    event = asked("CREATION", 5, t=77, of="L9")
    operation = decide(created(7), event).operation
    assert operation is not None
    assert operation[:5] == ("L9", 77, 7, event.ingested, event.origin)


def test_deletion_of_an_unknown_entity_has_its_own_reason() -> None:
    """It is counted apart.

    Namespaces of entities hold pages without one, and their deletions are not a sign of a loss.
    """
    assert decide(UNSEEN, deleted(5)).reason is DecisionReason.UNKNOWN_ENTITY
    assert decide(created(7), deleted(5)).reason is DecisionReason.NEWER_REVISION_SEEN


def test_decision_keeps_buffer_and_store_revision() -> None:
    """A decision changes only revision and status."""
    state = created(3)._replace(store_revision=2, buffer=(saved(9),))
    after = decide(state, saved(5)).state
    assert (after.store_revision, after.buffer) == (2, (saved(9),))
    assert decide(state, asked("DELETION", 0)).state == EntityState(0, EntityStatus.UNDEFINED, 2, (saved(9),))
