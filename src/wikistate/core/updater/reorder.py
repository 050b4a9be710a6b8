"""Puts the events of an entity into order, and has each decided when its turn comes.

Events come by several ways and need not come in order. One that surely has its turn is decided at once; another waits,
in event time, until nothing can come before it any more. A key needs one timer only: its time is a function of what
waits, so that nothing that waits can be without one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from wikistate.core.updater.decide import INCONSISTENCIES, DecisionReason, decide
from wikistate.core.updater.input_events import InputEvent, Reconcile, RevisionCreated
from wikistate.core.updater.state import UNSEEN, EntityState, EntityStatus

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wikistate.core.updater.operations import Operation


class ReorderTimer(NamedTuple):
    """The timer of a key has come.

    Attributes:
        time: It was set for, milliseconds since the epoch; the watermark may be beyond it.
    """

    time: int


class Inconsistency(NamedTuple):
    """Events and state do not fit together.

    Attributes:
        event: The event that did not fit.
        reason: In what way; a key of `INCONSISTENCIES`.
        state: Before the event.
    """

    event: InputEvent
    reason: DecisionReason
    state: EntityState


class ReorderResult(NamedTuple):
    """What a stimulus led to.

    Attributes:
        state: What to remember; None for nothing.
        timer: The event time of the key's only timer, in place of any before; None for none.
        operations: What to do, in this order.
        reasons: Why, of each event that was decided, in order: as many as events, of which some led to no operation.
        inconsistencies: Of the events that were decided.
        late: The event, when it came too late to be decided.
    """

    state: EntityState | None
    timer: int | None = None
    operations: tuple[Operation, ...] = ()
    reasons: tuple[DecisionReason, ...] = ()
    inconsistencies: tuple[Inconsistency, ...] = ()
    late: InputEvent | None = None


def reorder(
    state: EntityState | None, event: InputEvent | ReorderTimer, *, watermark: int | None, window: int
) -> ReorderResult:
    """What to do about an event or a timer.

    Args:
        state: What is remembered of the key; None for nothing.
        event: An event of the key, or its timer. Timers come in ascending order, also when a watermark passes several.
        watermark: Up to where event time has come, milliseconds since the epoch; None before the first.
        window: For how long an event waits for those before it, in milliseconds.
    """
    now = state or UNSEEN
    if isinstance(event, ReorderTimer):
        due, kept = _split_buffer(now.buffer, event.time - window)
        return _decide_events(now._replace(buffer=kept), due, window)
    if watermark is not None and event.time + window < watermark:
        return _wait(now, window)._replace(late=event)
    if _must_wait(now, event):
        return _wait(now._replace(buffer=(*now.buffer, event)), window)
    return _decide_events(now, (event,), window)


def _must_wait(state: EntityState, event: InputEvent) -> bool:
    """Whether something may still come that belongs before the event."""
    if isinstance(event, Reconcile):
        return False
    if not isinstance(event, RevisionCreated) or event.parent is None or state.status is not EntityStatus.CREATED:
        return True
    if state.revision >= event.revision:
        return False  # nothing will be done about it, in whatever order
    return state.revision != event.parent or bool(state.buffer)


def _split_buffer(buffer: Iterable[InputEvent], until: int) -> tuple[tuple[InputEvent, ...], tuple[InputEvent, ...]]:
    """What has its turn, and what goes on waiting, of events by revision.

    An event that belongs before one whose time has come goes with it, however new it is. Deletion and undeletion of the
    same revision are told apart by time, and by arrival within a millisecond.
    """
    ordered = sorted(buffer, key=_order_key)
    due = max((place for place, event in enumerate(ordered, start=1) if event.time <= until), default=0)
    return tuple(ordered[:due]), tuple(ordered[due:])


def _order_key(event: InputEvent) -> tuple[int, int]:
    return event.revision, event.time


def next_timer(state: EntityState, window: int) -> int | None:
    """The event time of a key's only timer, milliseconds since the epoch; None while nothing waits."""
    return min((event.time + window for event in state.buffer), default=None)


def _wait(state: EntityState, window: int) -> ReorderResult:
    return ReorderResult(state or None, next_timer(state, window))


def _decide_events(state: EntityState, events: Iterable[InputEvent], window: int) -> ReorderResult:
    operations, reasons, inconsistencies = [], [], []
    for event in events:
        operation, after, reason = decide(state, event)
        reasons.append(reason)
        if operation is not None:
            operations.append(operation)
        if reason in INCONSISTENCIES:
            inconsistencies.append(Inconsistency(event, reason, state))
        state = after
    return _wait(state, window)._replace(
        operations=tuple(operations), reasons=tuple(reasons), inconsistencies=tuple(inconsistencies)
    )
