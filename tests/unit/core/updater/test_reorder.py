"""Events are put into order and decided when their turn comes; whatever is remembered survives a restart at any moment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.core.updater.scenarios import Run, Stimulus, Wm, asked, deleted, restored, saved

from wikistate.core.updater.reorder import ReorderTimer, next_timer, reorder
from wikistate.core.updater.state import EntityState, EntityStatus

if TYPE_CHECKING:
    from wikistate.core.updater.input_events import InputEvent


class Vector(NamedTuple):
    """What comes, and what is done and told about it. Without a watermark between them, events are given their turn."""

    events: list[Stimulus]
    done: list[str]
    told: list[str] = []  # noqa: RUF012  (a NamedTuple's default, which nobody changes)
    late: list[InputEvent] = []  # noqa: RUF012  (same)


def at_once(*events: InputEvent) -> list[Stimulus]:
    """The events a second apart, each after the turn of the one before."""
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
    "asked to delete what was not seen": Vector(at_once(asked("DELETION", 2)), ["delete 2"]),
    "asked to create what was not seen": Vector(at_once(asked("CREATION", 2)), ["reconcile 2"]),
    "asked to create something newer": Vector(at_once(saved(1), asked("CREATION", 2)), ["import 1", "reconcile 2"]),
    "asked to delete something newer": Vector(at_once(saved(1), asked("DELETION", 2)), ["import 1", "delete 2"]),
    "asked to create something older": Vector(at_once(saved(3), asked("CREATION", 2)), ["import 3", "reconcile 3"]),
    "asked to delete something older": Vector(at_once(saved(3), asked("DELETION", 2)), ["import 3", "reconcile 3"]),
    "asked to create what exists": Vector(at_once(saved(3), asked("CREATION", 3)), ["import 3", "reconcile 3"]),
    "asked to delete what is gone": Vector(
        at_once(saved(3), deleted(3), asked("DELETION", 3)), ["import 3", "delete 3", "delete 3"]
    ),
    "asked to delete what exists at that revision": Vector(
        at_once(saved(3), asked("DELETION", 3)), ["import 3", "delete 3"], ["reconcile_ambiguous_deletion (3 CREATED)"]
    ),
    "asked to create what is gone at that revision": Vector(
        at_once(saved(3), deleted(3), asked("CREATION", 3)),
        ["import 3", "delete 3", "reconcile 3"],
        ["reconcile_ambiguous_creation (3 DELETED)"],
    ),
    "two entities, one with late comers": Vector(
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
    "a reconciliation and what follows it do not wait": Vector(
        [
            *(restored(1, t=1), saved(2, t=2), Wm(200)),
            *(asked("CREATION", 2, t=300), saved(3, parent=2, t=300), Wm(400)),
        ],
        ["import 1", "diff 2<-1", "reconcile 2", "diff 3<-2"],
    ),
    "a reconciliation takes out, an undeletion brings back": Vector(
        [restored(1, t=1), saved(2, t=2), Wm(200), asked("DELETION", 2, t=300), restored(2, t=300), Wm(400)],
        ["import 1", "diff 2<-1", "delete 2", "import 2"],
        ["reconcile_ambiguous_deletion (2 CREATED)"],
    ),
    "a repeat belongs before the deletion": Vector(
        [saved(1, t=0), Wm(20), deleted(1, t=22), saved(1, t=20), Wm(200)],
        ["import 1", "delete 1"],
        ["newer_revision_seen (1 CREATED)"],
    ),
}


@pytest.mark.parametrize("restarts", [False, True], ids=["straight", "restarted before each event"])
@pytest.mark.parametrize("vector", VECTORS.values(), ids=VECTORS.keys())
def test_what_is_done(vector: Vector, *, restarts: bool) -> None:
    """Operations, what is told and what is late, straight and with all state written down and read back in between."""
    run = Run(restarts=restarts).feed(vector.events)
    assert (run.done, run.told, run.late) == (vector.done, vector.told, vector.late)
    assert run.timers == {}


@pytest.mark.parametrize("before", [[], at_once(saved(7)), at_once(saved(7), deleted(7))])
def test_a_forced_deletion_forgets(before: list[Stimulus]) -> None:
    """A deletion of revision 0 takes the entity out whatever was seen, and nothing is remembered."""
    run = Run().feed([*before, asked("DELETION", 0, t=100_000)])
    assert run.done[-1] == "delete 0"
    assert run.states == {}


def test_with_a_window_of_a_minute() -> None:
    """Two minutes of an entity: what is not late is brought into order, what waits is not overtaken."""
    run = Run(window=60_000).feed([saved(2, parent=1, t=3), saved(1, t=4), Wm(60_000), saved(5, parent=4, t=60_000)])
    run.feed([Wm(60_002), saved(3, t=1)])
    assert run.late == [saved(3, t=1)]
    run.feed([Wm(120_000), saved(4, t=120_001), saved(6, t=120_000), Wm(200_000)])
    assert run.done == ["import 1", "diff 2<-1", "diff 5<-2", "diff 6<-5"]
    assert run.told == ["newer_revision_seen (5 CREATED)"]


def test_what_goes_on_waiting_keeps_a_timer() -> None:
    """Two events of the same time, of which one is given its turn early with another: the timer of the one left stays.

    Were the timer of each event taken away with it, the one that is left would wait for another event to come.
    """
    run = Run().feed([saved(5, t=10), saved(9, t=20), saved(4, t=20)])
    run.feed([Wm(20)])
    assert run.done == ["import 4", "diff 5<-4"]
    assert run.timers == {"Q1": 30}
    run.feed([Wm(30)])
    assert run.done[2:] == ["diff 9<-5"]


def test_a_timer_without_anything_due_changes_nothing() -> None:
    """A timer that a runner gives twice, or too early, leads to nothing and leaves the key its timer."""
    state = EntityState(buffer=(saved(1, t=50),))
    found = reorder(state, ReorderTimer(20), watermark=20, window=10)
    assert (found.state, found.timer, found.operations) == (state, 60, ())
    assert reorder(None, ReorderTimer(20), watermark=20, window=10).state is None


def test_what_is_late_leaves_the_key_as_it_was() -> None:
    """A late event is handed back; what waits keeps waiting, with its timer."""
    state = EntityState(buffer=(saved(4, t=95),))
    found = reorder(state, saved(2, t=89), watermark=100, window=10)
    assert (found.late, found.state, found.timer) == (saved(2, t=89), state, 105)
    assert reorder(state, saved(2, t=90), watermark=100, window=10).late is None, "late is what is before the watermark"


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
def test_which_events_wait(state: EntityState, event: InputEvent, *, waits: bool) -> None:
    """An edit that follows on what was seen, a repeat that names its parent and a reconciliation are decided at once."""
    found = reorder(state, event, watermark=None, window=10)
    assert bool(found.reasons) is not waits
    assert (found.timer is not None) is (waits or bool(state.buffer))


# Laws: a history as it happened, and the ways in which it may come.


@st.composite
def histories(draw: st.DrawFn) -> list[InputEvent]:
    """What happened to an entity, in order: times are unique, revisions grow, deletion and restoration alternate."""
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
def arrivals(draw: st.DrawFn, *, repeats: bool) -> tuple[list[InputEvent], list[Stimulus]]:
    """A history, and a way in which it comes: nothing is late, the watermark goes forward in between."""
    history = draw(histories())
    pending = [*history, *(draw(st.lists(st.sampled_from(history), max_size=4)) if repeats else [])]
    pending = draw(st.permutations(pending))
    stimuli: list[Stimulus] = []
    for place, event in enumerate(pending):
        oldest = min(other.time for other in pending[place:])
        stimuli += [Wm(draw(st.integers(0, oldest + Run.window)))] if draw(st.booleans()) else []
        stimuli.append(event)
    watermark = 0
    ascending: list[Stimulus] = []
    for each in stimuli:
        watermark = max(watermark, each.time) if isinstance(each, Wm) else watermark
        ascending.append(Wm(watermark) if isinstance(each, Wm) else each)
    return history, [*ascending, Wm(10_000)]


def outcome(history: list[InputEvent]) -> tuple[dict[str, int], EntityState]:
    """What the store holds and what is remembered after a history."""
    last = history[-1]
    gone = type(last).__name__ == "PageDeleted"
    return ({} if gone else {"Q1": last.revision}), EntityState.from_signed(-last.revision if gone else last.revision)


@given(arrivals(repeats=False), st.booleans())
def test_any_order_of_arrival_within_the_window_ends_the_same(found: Any, restarts: bool) -> None:  # noqa: FBT001  (drawn)
    """However events arrive before their turn, the store ends at the revision that the wiki ended at, and no one is lost."""
    history, stimuli = found
    run = Run(restarts=restarts).feed(stimuli)
    store, state = outcome(history)
    assert (run.store, run.states) == (store, {"Q1": state})
    assert (run.late, run.timers) == ([], {})


@given(arrivals(repeats=True))
def test_repeats_change_nothing(found: Any) -> None:
    """Events that come several times, as they do after a crash, end as if each had come once."""
    history, stimuli = found
    run = Run().feed(stimuli)
    store, state = outcome(history)
    assert (run.store, run.states, run.timers) == (store, {"Q1": state}, {})


@given(arrivals(repeats=True))
def test_a_restart_at_any_moment_changes_nothing(found: Any) -> None:
    """Operations, what is told and what is late are the same, event by event."""
    _, stimuli = found
    assert Run(restarts=True).feed(stimuli) == _as_restarted(Run().feed(stimuli))


def _as_restarted(run: Run) -> Run:
    run.restarts = True
    return run


@given(arrivals(repeats=True))
def test_what_waits_always_has_a_timer(found: Any) -> None:
    """After each event, a key has a timer exactly while something of it waits, at the time of the first that is due."""
    _, stimuli = found
    run = Run()
    for stimulus in stimuli:
        run.feed([stimulus])
        waiting = {key: next_timer(state, run.window) for key, state in run.states.items() if state.buffer}
        assert run.timers == waiting


def test_a_key_that_was_never_decided_and_waits_for_nothing_is_not_remembered() -> None:
    """Deletions of pages without entities leave nothing behind: no state for each file of a wiki of files."""
    run = Run().feed([deleted(1, t=1), Wm(100)])
    assert run.states == {}
    assert reorder(None, deleted(1), watermark=None, window=10).state == EntityState(
        0, EntityStatus.UNDEFINED, 0, (deleted(1),)
    )
