"""Events are put into order and decided when they are due; their state survives a restart at any moment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.core.updater.scenarios import CoreInput, Run, Wm, asked, deleted, restored, saved

from wikistate.core.updater.reorder import ReorderTimer, next_timer, reorder
from wikistate.core.updater.state import EntityState, EntityStatus

if TYPE_CHECKING:
    from wikistate.core.updater.input_events import InputEvent


class Vector(NamedTuple):
    """Inputs with the expected operations, inconsistencies and late events."""

    events: list[CoreInput]
    done: list[str]
    inconsistencies: list[str] = []  # noqa: RUF012  (a NamedTuple's default, which is never changed)
    late: list[InputEvent] = []  # noqa: RUF012  (same)


def at_once(*events: InputEvent) -> list[CoreInput]:
    """Return the events a second apart; each is due before the next comes."""
    spaced = [event._replace(time=place * 1000) for place, event in enumerate(events)]
    return [each for event in spaced for each in (event, Wm(event.time + 100))]


VECTORS = {
    "an older revision is ignored": Vector(
        at_once(saved(1), saved(3), saved(2)), ["import 1", "diff 3<-1"], ["newer_revision_seen (3 CREATED)"]
    ),
    "edited and deleted": Vector(at_once(saved(1), saved(2), deleted(3)), ["import 1", "diff 2<-1", "delete 3"]),
    "deleted before seen": Vector(at_once(deleted(1)), [], ["newer_revision_seen (None UNDEFINED)"]),
    "an older deletion is ignored": Vector(
        at_once(saved(2), deleted(1)), ["import 2"], ["newer_revision_seen (2 CREATED)"]
    ),
    "saved again at the deleted revision": Vector(
        at_once(saved(1), deleted(2), saved(2)), ["import 1", "delete 2"], ["newer_revision_seen (2 DELETED)"]
    ),
    "saved though deleted": Vector(
        at_once(saved(1), deleted(1), saved(2)), ["import 1", "delete 1"], ["missed_undelete (1 DELETED)"]
    ),
    "deleted and restored": Vector(at_once(saved(1), deleted(1), restored(1)), ["import 1", "delete 1", "import 1"]),
    "an older restoration is ignored": Vector(
        at_once(saved(1), saved(2), restored(1)), ["import 1", "diff 2<-1"], ["newer_revision_seen (2 CREATED)"]
    ),
    "restored before seen": Vector(at_once(restored(1), saved(2)), ["import 1", "diff 2<-1"]),
    "restored though not deleted": Vector(
        at_once(saved(2), restored(2)), ["import 2"], ["unmatched_delete (2 CREATED)"]
    ),
    "reconciliation deletes an unknown entity": Vector(at_once(asked("DELETION", 2)), ["delete 2"]),
    "reconciliation creates an unknown entity": Vector(at_once(asked("CREATION", 2)), ["reconcile 2"]),
    "reconciliation creates a newer revision": Vector(
        at_once(saved(1), asked("CREATION", 2)), ["import 1", "reconcile 2"]
    ),
    "reconciliation deletes a newer revision": Vector(
        at_once(saved(1), asked("DELETION", 2)), ["import 1", "delete 2"]
    ),
    "reconciliation to create an older revision": Vector(
        at_once(saved(3), asked("CREATION", 2)), ["import 3", "reconcile 3"]
    ),
    "reconciliation to delete an older revision": Vector(
        at_once(saved(3), asked("DELETION", 2)), ["import 3", "reconcile 3"]
    ),
    "reconciliation to create the existing revision": Vector(
        at_once(saved(3), asked("CREATION", 3)), ["import 3", "reconcile 3"]
    ),
    "reconciliation to delete a deleted entity": Vector(
        at_once(saved(3), deleted(3), asked("DELETION", 3)), ["import 3", "delete 3", "delete 3"]
    ),
    "reconciliation to delete the existing revision": Vector(
        at_once(saved(3), asked("DELETION", 3)), ["import 3", "delete 3"], ["reconcile_ambiguous_deletion (3 CREATED)"]
    ),
    "reconciliation to create the deleted revision": Vector(
        at_once(saved(3), deleted(3), asked("CREATION", 3)),
        ["import 3", "delete 3", "reconcile 3"],
        ["reconcile_ambiguous_creation (3 DELETED)"],
    ),
    "two entities, one with late events": Vector(
        [
            *(saved(3, parent=2, t=30), saved(1, t=5), Wm(42)),
            *(saved(2, parent=1, t=45), saved(2, parent=1, t=4)),
            *(deleted(3, t=103, of="Q2"), saved(1, t=100, of="Q2"), saved(2, parent=1, t=102, of="Q2"), Wm(200)),
        ],
        ["import 1", "diff 3<-1", "import 1", "diff 2<-1", "delete 3"],
        ["newer_revision_seen (3 CREATED)"],
        [saved(2, parent=1, t=4)],
    ),
    "created, deleted and restored within the window": Vector(
        [saved(1, t=1), deleted(1, t=2), restored(1, t=3), Wm(200)], ["import 1", "delete 1", "import 1"]
    ),
    "a reconciliation and the edit after it do not wait": Vector(
        [
            *(restored(1, t=1), saved(2, t=2), Wm(200)),
            *(asked("CREATION", 2, t=300), saved(3, parent=2, t=300), Wm(400)),
        ],
        ["import 1", "diff 2<-1", "reconcile 2", "diff 3<-2"],
    ),
    "deleted by a reconciliation and restored by an undeletion": Vector(
        [restored(1, t=1), saved(2, t=2), Wm(200), asked("DELETION", 2, t=300), restored(2, t=300), Wm(400)],
        ["import 1", "diff 2<-1", "delete 2", "import 2"],
        ["reconcile_ambiguous_deletion (2 CREATED)"],
    ),
    "a repeat from before the deletion": Vector(
        [saved(1, t=0), Wm(20), deleted(1, t=22), saved(1, t=20), Wm(200)],
        ["import 1", "delete 1"],
        ["newer_revision_seen (1 CREATED)"],
    ),
}


@pytest.mark.parametrize("restarts", [False, True], ids=["without restarts", "restarted before each input"])
@pytest.mark.parametrize("vector", VECTORS.values(), ids=VECTORS.keys())
def test_operations_inconsistencies_and_late_events(vector: Vector, *, restarts: bool) -> None:
    """They are the same without restarts and with a restart before each input."""
    run = Run(restarts=restarts).feed(vector.events)
    assert (run.done, run.inconsistencies, run.late) == (vector.done, vector.inconsistencies, vector.late)
    assert run.timers == {}


@pytest.mark.parametrize("before", [[], at_once(saved(7)), at_once(saved(7), deleted(7))])
def test_forced_deletion_removes_the_state(before: list[CoreInput]) -> None:
    """A deletion of revision 0 deletes the entity in any known state, and no state is kept."""
    run = Run().feed([*before, asked("DELETION", 0, t=100_000)])
    assert run.done[-1] == "delete 0"
    assert run.states == {}


def test_events_within_a_window_of_a_minute_are_ordered() -> None:
    """Over two minutes of an entity, events that are not late are put into order.

    No event overtakes a waiting one.
    """
    run = Run(window=60_000).feed([saved(2, parent=1, t=3), saved(1, t=4), Wm(60_000), saved(5, parent=4, t=60_000)])
    run.feed([Wm(60_002), saved(3, t=1)])
    assert run.late == [saved(3, t=1)]
    run.feed([Wm(120_000), saved(4, t=120_001), saved(6, t=120_000), Wm(200_000)])
    assert run.done == ["import 1", "diff 2<-1", "diff 5<-2", "diff 6<-5"]
    assert run.inconsistencies == ["newer_revision_seen (5 CREATED)"]


def test_event_that_still_waits_keeps_its_timer() -> None:
    """Of two events of the same time one is decided early with another; the timer of the other event stays.

    If the timer of each decided event was removed, the remaining event would wait until another event comes.
    """
    run = Run().feed([saved(5, t=10), saved(9, t=20), saved(4, t=20)])
    run.feed([Wm(20)])
    assert run.done == ["import 4", "diff 5<-4"]
    assert run.timers == {"Q1": 30}
    run.feed([Wm(30)])
    assert run.done[2:] == ["diff 9<-5"]


def test_timer_without_anything_due_changes_nothing() -> None:
    """A timer that a runner fires twice or too early has no effect and leaves the key its timer."""
    state = EntityState(buffer=(saved(1, t=50),))
    found = reorder(state, ReorderTimer(20), watermark=20, window=10)
    assert (found.state, found.timer, found.operations) == (state, 60, ())
    assert reorder(None, ReorderTimer(20), watermark=20, window=10).state is None


def test_late_event_does_not_change_the_key() -> None:
    """A late event is handed back; the buffer keeps its events and its timer."""
    state = EntityState(buffer=(saved(4, t=95),))
    found = reorder(state, saved(2, t=89), watermark=100, window=10)
    assert (found.late, found.state, found.timer) == (saved(2, t=89), state, 105)
    assert reorder(state, saved(2, t=90), watermark=100, window=10).late is None, (
        "only events before the watermark are late"
    )


@pytest.mark.parametrize(
    ("state", "event", "waits"),
    [
        (EntityState(), saved(1), True),
        (EntityState.from_signed(3), saved(4, parent=3), False),
        (EntityState.from_signed(3)._replace(buffer=(deleted(3),)), saved(4, parent=3), True),
        (EntityState.from_signed(3), saved(5, parent=4), True),
        (EntityState.from_signed(3), saved(3, parent=2), False),
        (EntityState.from_signed(3), saved(3), True),
        (EntityState.from_signed(-3), saved(4, parent=3), True),
        (EntityState.from_signed(3), deleted(3), True),
        (EntityState.from_signed(-3), restored(3), True),
        (EntityState(), asked("CREATION", 3), False),
        (EntityState.from_signed(3)._replace(buffer=(deleted(3),)), asked("DELETION", 3), False),
    ],
)
def test_events_that_follow_the_known_state_do_not_wait(state: EntityState, event: InputEvent, *, waits: bool) -> None:
    """An edit of the known revision, a repeat that names its parent and a reconciliation are decided at once."""
    found = reorder(state, event, watermark=None, window=10)
    assert bool(found.reasons) is not waits
    assert (found.timer is not None) is (waits or bool(state.buffer))


# Laws: the true history, and possible orders of its arrival.


@st.composite
def histories(draw: st.DrawFn) -> list[InputEvent]:
    """Return the events of an entity in order.

    Times are unique, revisions grow, deletion and restoration alternate.
    """
    time = 0
    revision = 1
    exists = True
    events: list[InputEvent] = [saved(1, t=0)]
    for edit, gap in draw(st.lists(st.tuples(st.booleans(), st.integers(1, 8)), max_size=8)):
        time += gap
        if not exists:
            events.append(restored(revision, t=time))
        elif edit:
            revision += 1
            events.append(saved(revision, parent=revision - 1, t=time))
        else:
            events.append(deleted(revision, t=time))
        exists = exists if edit and exists else not exists
    return events


@st.composite
def arrivals(draw: st.DrawFn, *, repeats: bool) -> tuple[list[InputEvent], list[CoreInput]]:
    """Return a history and an order of its arrival: no event is late, and the watermark advances in between."""
    history = draw(histories())
    pending = [*history, *(draw(st.lists(st.sampled_from(history), max_size=4)) if repeats else [])]
    pending = draw(st.permutations(pending))
    inputs: list[CoreInput] = []
    for place, event in enumerate(pending):
        oldest = min(other.time for other in pending[place:])
        inputs += [Wm(draw(st.integers(0, oldest + Run.window)))] if draw(st.booleans()) else []
        inputs.append(event)
    watermark = 0
    ascending: list[CoreInput] = []
    for each in inputs:
        watermark = max(watermark, each.time) if isinstance(each, Wm) else watermark
        ascending.append(Wm(watermark) if isinstance(each, Wm) else each)
    return history, [*ascending, Wm(10_000)]


def outcome(history: list[InputEvent]) -> tuple[dict[str, int], EntityState]:
    """Return the content of the store and the state of the entity after a history."""
    last = history[-1]
    gone = type(last).__name__ == "PageDeleted"
    return ({} if gone else {"Q1": last.revision}), EntityState.from_signed(-last.revision if gone else last.revision)


@given(arrivals(repeats=False), st.booleans())
def test_any_order_of_arrival_within_the_window_has_the_same_result(found: Any, restarts: bool) -> None:  # noqa: FBT001  (drawn)
    """For each order of arrival the store ends at the last revision of the wiki, and no event is lost."""
    history, inputs = found
    run = Run(restarts=restarts).feed(inputs)
    store, state = outcome(history)
    assert (run.store, run.states) == (store, {"Q1": state})
    assert (run.late, run.timers) == ([], {})


@given(arrivals(repeats=True))
def test_repeats_change_nothing(found: Any) -> None:
    """Events that come several times, as after a crash, have the same result as if each had come once."""
    history, inputs = found
    run = Run().feed(inputs)
    store, state = outcome(history)
    assert (run.store, run.states, run.timers) == (store, {"Q1": state}, {})


@given(arrivals(repeats=True))
def test_restart_at_any_moment_changes_nothing(found: Any) -> None:
    """Operations, inconsistencies and late events are the same, event by event."""
    _, inputs = found
    assert Run(restarts=True).feed(inputs) == _as_restarted(Run().feed(inputs))


def _as_restarted(run: Run) -> Run:
    run.restarts = True
    return run


@given(arrivals(repeats=True))
def test_waiting_event_always_has_a_timer(found: Any) -> None:
    """After each event, a key has a timer exactly while events of it wait; its time is that of the first one due."""
    _, inputs = found
    run = Run()
    for received in inputs:
        run.feed([received])
        waiting = {key: next_timer(state, run.window) for key, state in run.states.items() if state.buffer}
        assert run.timers == waiting


def test_undecided_key_without_waiting_events_has_no_state() -> None:
    """Deletions of pages without entities leave no state, so a wiki of files does not need state for each file."""
    run = Run().feed([deleted(1, t=1), Wm(100)])
    assert run.states == {}
    assert reorder(None, deleted(1), watermark=None, window=10).state == EntityState(
        0, EntityStatus.UNDEFINED, 0, (deleted(1),)
    )
