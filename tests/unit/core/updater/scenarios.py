"""Test events, and a loop that feeds them to the core as a runner does: state, timer and watermark."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from wikistate.core.updater.decide import INCONSISTENCIES
from wikistate.core.updater.execution_state import adapt_operation, mark_published
from wikistate.core.updater.input_events import (
    InputEvent,
    Origin,
    PageDeleted,
    PageUndeleted,
    Reconcile,
    ReconcileAction,
    RevisionCreated,
)
from wikistate.core.updater.operations import DeleteItem, Diff, FullImport, Operation, ReconcileItem
from wikistate.core.updater.reorder import ReorderResult, ReorderTimer, reorder
from wikistate.core.updater.state import EntityState

if TYPE_CHECKING:
    from collections.abc import Iterable

ORIGIN = Origin(
    schema="/mediawiki/page/change/1.7.0",
    dt="2024-01-01T00:00:00.120Z",
    id="5c8bb9a4-3f5d-49a8-8d20-90a2ac3cf2a0",
    domain="www.wikidata.org",
    stream="mediawiki.page_change.v1",
    request_id="b8e0b3b6-0b0f-4f1c-a3b0-3d1d9d0f9a54",
)
INGESTED = 1_704_067_200_000


class Wm(NamedTuple):
    """Watermark that reaches a time."""

    time: int


CoreInput: TypeAlias = InputEvent | Wm


def saved(revision: int, *, parent: int | None = None, t: int = 0, of: str = "Q1") -> RevisionCreated:
    """Return the event of a saved revision."""
    return RevisionCreated(of, t, revision, INGESTED, ORIGIN, parent)


def deleted(revision: int, *, t: int = 0, of: str = "Q1") -> PageDeleted:
    """Return the event of a deleted page."""
    return PageDeleted(of, t, revision, INGESTED, ORIGIN)


def restored(revision: int, *, t: int = 0, of: str = "Q1") -> PageUndeleted:
    """Return the event of a restored page."""
    return PageUndeleted(of, t, revision, INGESTED, ORIGIN)


def asked(action: str, revision: int, *, t: int = 0, of: str = "Q1") -> Reconcile:
    """Return a reconciliation; `action` is CREATION or DELETION."""
    return Reconcile(of, t, revision, INGESTED, ORIGIN, ReconcileAction(action))


def short(operation: Operation) -> str:
    """Return an operation in short form: ``diff 3<-1``."""
    match operation:
        case FullImport(revision=revision):
            return f"import {revision}"
        case Diff(revision=revision, from_revision=before):
            return f"diff {revision}<-{before}"
        case DeleteItem(revision=revision):
            return f"delete {revision}"
        case ReconcileItem(revision=revision):
            return f"reconcile {revision}"


@dataclass
class Run:
    """Loop that feeds the events of several entities, in their order, to the core.

    Attributes:
        window: Time for which events wait.
        restarts: Whether the state of every entity is packed and unpacked before each input.
        wm: The watermark.
        done: Operations in short form, in order.
        inconsistencies: Their names on the wire, each with the state before.
        late: Events that came too late.
        store: Revision of each entity in a store that applies every operation.
    """

    window: int = 10
    restarts: bool = False
    wm: int | None = None
    done: list[str] = field(default_factory=list)
    inconsistencies: list[str] = field(default_factory=list)
    late: list[InputEvent] = field(default_factory=list)
    store: dict[str, int] = field(default_factory=dict)
    states: dict[str, EntityState] = field(default_factory=dict)
    timers: dict[str, int] = field(default_factory=dict)

    def feed(self, inputs: Iterable[CoreInput]) -> Run:
        """Feed all inputs."""
        for received in inputs:
            if self.restarts:
                self.states = {key: _packed_and_unpacked(state) for key, state in self.states.items()}
            if isinstance(received, Wm):
                self._advance(received.time)
            else:
                self._step(received.entity, received)
        return self

    def _advance(self, watermark: int) -> None:
        self.wm = watermark
        while due := sorted((time, key) for key, time in self.timers.items() if time <= watermark):
            time, key = due[0]
            self._step(key, ReorderTimer(time))

    def _step(self, key: str, received: InputEvent | ReorderTimer) -> None:
        found = reorder(self.states.pop(key, None), received, watermark=self.wm, window=self.window)
        self.timers.pop(key, None)
        if found.timer is not None:
            self.timers[key] = found.timer
        self._note(found)
        state = found.state or EntityState()
        for operation in found.operations:
            assert adapt_operation(operation, state) == operation, (
                "nothing failed, so every operation is carried out as decided"
            )
            state = mark_published(state, operation)
            self._apply(operation)
        if state:
            self.states[key] = state

    def _note(self, found: ReorderResult) -> None:
        self.done += map(short, found.operations)
        self.inconsistencies += [
            f"{INCONSISTENCIES[each.reason]} ({each.state.revision or None} {each.state.status})"
            for each in found.inconsistencies
        ]
        self.late += [] if found.late is None else [found.late]

    def _apply(self, operation: Operation) -> None:
        if isinstance(operation, DeleteItem):
            self.store.pop(operation.entity, None)
        else:
            self.store[operation.entity] = operation.revision


def _packed_and_unpacked(state: EntityState) -> EntityState:
    return EntityState.unpack(state.signed_revision, state.pack())
