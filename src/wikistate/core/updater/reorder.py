"""Reordering of the events of an entity, with a decision about each event when it is next in order.

Events arrive over several streams and may be out of order. An event that is surely the next is decided at once. Any other
event is buffered, in event time, until no earlier event can arrive any more. A key needs only one timer: its time is a
function of the buffer, so a buffered event always has a timer.
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
    """Timer of a key that has fired.

    Attributes:
        time: Time of the timer, milliseconds since the epoch; the watermark may be later.
    """

    time: int


class Inconsistency(NamedTuple):
    """Event that does not follow from the known state.

    Attributes:
        event: The event.
        reason: Kind of the inconsistency; a key of `INCONSISTENCIES`.
        state: The state before the event.
    """

    event: InputEvent
    reason: DecisionReason
    state: EntityState


class ReorderResult(NamedTuple):
    """Result of a keyed event.

    Attributes:
        state: The new state of the key; None to keep no state.
        timer: Event time of the key's only timer, which replaces an earlier one; None for no timer.
        operations: Operations to execute, in this order.
        reasons: Reasons of the decisions, one for each decided event in order; some decisions have no operation.
        inconsistencies: Inconsistencies of the decided events.
        late: The event, if it arrived too late for a decision.
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
    """Process an event or a timer.

    Args:
        state: The state of the key; None if there is none.
        event: An event of the key, or its timer. Timers fire in ascending order, also if a watermark passes several.
        watermark: The watermark, milliseconds since the epoch; None before the first one.
        window: Time for which an event is buffered to wait for earlier events, in milliseconds.
    """
    known = state or UNSEEN
    if isinstance(event, ReorderTimer):
        due, waiting = _split_buffer(known.buffer, event.time - window)
        return _decide_events(known._replace(buffer=waiting), due, window)
    if watermark is not None and event.time + window < watermark:
        return _wait(known, window)._replace(late=event)
    if _must_wait(known, event):
        return _wait(known._replace(buffer=(*known.buffer, event)), window)
    return _decide_events(known, (event,), window)


def _must_wait(state: EntityState, event: InputEvent) -> bool:
    """Return whether an earlier event may still arrive."""
    if isinstance(event, Reconcile):
        return False
    if not isinstance(event, RevisionCreated) or event.parent is None or state.status is not EntityStatus.CREATED:
        return True
    if state.revision >= event.revision:
        return False  # the event is ignored in any order
    return state.revision != event.parent or bool(state.buffer)


def _split_buffer(buffer: Iterable[InputEvent], until: int) -> tuple[tuple[InputEvent, ...], tuple[InputEvent, ...]]:
    """Split the buffered events, sorted by revision, into the due events and those that wait longer.

    An event that belongs before a due event is due as well, however new it is. Deletion and undeletion of the same
    revision are ordered by time, and within a millisecond by arrival.
    """
    ordered = sorted(buffer, key=_order_key)
    due = max((place for place, event in enumerate(ordered, start=1) if event.time <= until), default=0)
    return tuple(ordered[:due]), tuple(ordered[due:])


def _order_key(event: InputEvent) -> tuple[int, int]:
    return event.revision, event.time


def next_timer(state: EntityState, window: int) -> int | None:
    """Return the event time of a key's only timer, milliseconds since the epoch; None while no event is buffered."""
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
