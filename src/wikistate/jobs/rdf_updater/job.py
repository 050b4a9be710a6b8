"""The job: what the core decides about entities, tied to what fetches them and to what is told of it."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

import structlog

from wikistate.core.events.refusal import Filtered, Refused
from wikistate.core.updater.entity_id import parse_page_entity
from wikistate.core.updater.fetching import FetchErrorType
from wikistate.core.updater.publishing import failed, fitted, published
from wikistate.core.updater.reordering import Timer, step
from wikistate.core.updater.state import UNSEEN, KeyState
from wikistate.errors import WikistateError
from wikistate.jobs.codec import unforeseen
from wikistate.jobs.rdf_updater.graphs import Missing
from wikistate.jobs.stateful_job import Accepted, Due, Kept, Performed, Step
from wikistate.telemetry import metrics
from wikistate.telemetry.bounded import BoundedLabel

if TYPE_CHECKING:
    from collections.abc import Callable

    from wikistate.core.record import Output, Record
    from wikistate.core.updater.input_reader import InputReader
    from wikistate.core.updater.inputs import InputEvent
    from wikistate.core.updater.mutation import Mutation
    from wikistate.core.updater.operations import Operation
    from wikistate.core.updater.reordering import Step as Decided
    from wikistate.jobs.rdf_updater.mutations import MutationMaker
    from wikistate.jobs.rdf_updater.telling import Teller
    from wikistate.telemetry.meter import Meter

log = structlog.get_logger(__name__)


class RdfUpdater:
    """The job; see `wikistate.jobs.stateful_job.StatefulJob` for the protocol.

    Args:
        reader: Reads records.
        maker: Carries out operations.
        teller: Says on side streams and the error stream what was not done.
        window: How long an event waits for those before it, milliseconds.
        meter: Where measurements go.
        clock: Seconds since the epoch.
    """

    def __init__(
        self,
        reader: InputReader,
        maker: MutationMaker,
        teller: Teller,
        *,
        window: int,
        meter: Meter,
        clock: Callable[[], float],
    ) -> None:
        self._reader = reader
        self._maker = maker
        self._teller = teller
        self._window = window
        self._clock = clock
        self._filtered = BoundedLabel(lambda value: meter.counter(metrics.EVENTS_FILTERED, reason=value))
        self._decided = BoundedLabel(lambda value: meter.counter(metrics.DECISIONS, reason=value))
        self._missing = BoundedLabel(lambda value: meter.counter(metrics.FETCH_FAILURES, type=value))

    async def open(self) -> None:
        """See `StatefulJob`."""
        await self._maker.open()

    async def close(self) -> None:
        """See `StatefulJob`."""
        await self._maker.close()

    def accept(self, record: Record) -> Accepted[InputEvent]:
        """See `StatefulJob`."""
        now = self._now()
        try:
            time, found = self._reader.read(record, ingested=now)
        except Exception as error:  # noqa: BLE001  (whatever a record does to us, the job goes on)
            time, found = None, unforeseen(error)
        match found:
            case Filtered(reason):
                self._filtered.report(reason)
                return Accepted(time)
            case Refused():
                return Accepted(time, outputs=(self._teller.refused(found, record, now),))
            case event:
                return Accepted(time, parse_page_entity(event.entity).key, event)

    def step(self, kept: Kept, stimulus: InputEvent | Due, watermark: int | None) -> Step[Operation]:
        """See `StatefulJob`."""
        found = Timer(stimulus.time) if isinstance(stimulus, Due) else stimulus
        decided = step(state_of(kept), found, watermark=watermark, window=self._window)
        for reason in decided.reasons:
            self._decided.report(reason)
        return Step(kept_of(decided.state or UNSEEN), decided.timer, decided.operations, self._told(decided))

    def _told(self, decided: Decided) -> list[Output]:
        now = self._now()
        told = [self._teller.inconsistent(found, now) for found in decided.inconsistencies]
        if decided.late is not None:
            told.append(self._teller.late(decided.late, now))
        return [output for output in told if output is not None]

    async def perform(self, operation: Operation, kept: Kept) -> Performed[Mutation]:
        """See `StatefulJob`. What cannot be done is told, and made up for by the next operation of the entity."""
        state = state_of(kept)
        operation = fitted(operation, state)
        try:
            made = await self._maker.make(operation)
        except WikistateError:
            raise
        except Exception as error:  # one entity that we cannot read must not stop all others
            log.exception("operation_defect", entity=operation.entity, revision=operation.revision)
            made = _unforeseen(operation, error)
        if isinstance(made, Missing):
            return self._failed(operation, state, made)
        return Performed(kept_of(published(state, made.operation)), made.mutations)

    def _failed(self, operation: Operation, state: KeyState, missing: Missing) -> Performed[Mutation]:
        self._missing.report(missing.type)
        told = self._teller.failed(operation, missing, self._now())
        return Performed(kept_of(failed(state)), outputs=() if told is None else (told,))

    def _now(self) -> int:
        return int(self._clock() * 1000)


def state_of(kept: Kept) -> KeyState:
    """What the job makes of what is remembered."""
    return KeyState.unpack(kept.number, kept.rest)


def kept_of(state: KeyState) -> Kept:
    """What is to be remembered."""
    return Kept(state.signed_revision, state.pack())


def _unforeseen(operation: Operation, error: Exception) -> Missing:
    message = f"Not foreseen, please report it: {error!s:.500} {''.join(traceback.format_exception(error)[-3:])}"
    return Missing(FetchErrorType.UNKNOWN, type(error).__name__, message, operation.revision)
