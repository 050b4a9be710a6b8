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
from wikistate.jobs.codec import unexpected_error
from wikistate.jobs.rdf_updater.graphs import GraphUnavailable
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
    from wikistate.jobs.rdf_updater.mutations import MutationBuilder
    from wikistate.jobs.rdf_updater.telling import SideOutputEncoder
    from wikistate.telemetry.meter import Meter

log = structlog.get_logger(__name__)


class RdfUpdater:
    """The job; see `wikistate.jobs.stateful_job.StatefulJob` for the protocol.

    Args:
        reader: Reads records.
        builder: Carries out operations.
        side_output_encoder: Says on side streams and the error stream what was not done.
        window: How long an event waits for those before it, milliseconds.
        meter: Where measurements go.
        clock: Seconds since the epoch.
    """

    def __init__(
        self,
        reader: InputReader,
        builder: MutationBuilder,
        side_output_encoder: SideOutputEncoder,
        *,
        window: int,
        meter: Meter,
        clock: Callable[[], float],
    ) -> None:
        self._reader = reader
        self._builder = builder
        self._side_output_encoder = side_output_encoder
        self._window = window
        self._clock = clock
        self._filtered = BoundedLabel(lambda value: meter.counter(metrics.EVENTS_FILTERED, reason=value))
        self._decisions = BoundedLabel(lambda value: meter.counter(metrics.DECISIONS, reason=value))
        self._fetch_failures = BoundedLabel(lambda value: meter.counter(metrics.FETCH_FAILURES, type=value))

    async def open(self) -> None:
        """See `StatefulJob`."""
        await self._builder.open()

    async def close(self) -> None:
        """See `StatefulJob`."""
        await self._builder.close()

    def accept(self, record: Record) -> Accepted[InputEvent]:
        """See `StatefulJob`."""
        now = self._now()
        try:
            time, found = self._reader.read(record, ingested=now)
        except Exception as error:  # noqa: BLE001  (whatever a record does to us, the job goes on)
            time, found = None, unexpected_error(error)
        match found:
            case Filtered(reason):
                self._filtered.report(reason)
                return Accepted(time)
            case Refused():
                return Accepted(time, outputs=(self._side_output_encoder.encode_rejection(found, record, now),))
            case event:
                return Accepted(time, parse_page_entity(event.entity).key, event)

    def step(self, kept: Kept, stimulus: InputEvent | Due, watermark: int | None) -> Step[Operation]:
        """See `StatefulJob`."""
        found = Timer(stimulus.time) if isinstance(stimulus, Due) else stimulus
        decided = step(unpack_state(kept), found, watermark=watermark, window=self._window)
        for reason in decided.reasons:
            self._decisions.report(reason)
        return Step(pack_state(decided.state or UNSEEN), decided.timer, decided.operations, self._side_outputs(decided))

    def _side_outputs(self, decided: Decided) -> list[Output]:
        now = self._now()
        told = [self._side_output_encoder.encode_inconsistency(found, now) for found in decided.inconsistencies]
        if decided.late is not None:
            told.append(self._side_output_encoder.encode_late(decided.late, now))
        return [output for output in told if output is not None]

    async def perform(self, operation: Operation, kept: Kept) -> Performed[Mutation]:
        """See `StatefulJob`. What cannot be done is told, and made up for by the next operation of the entity."""
        state = unpack_state(kept)
        operation = fitted(operation, state)
        try:
            made = await self._builder.build(operation)
        except WikistateError:
            raise
        except Exception as error:  # one entity that we cannot read must not stop all others
            log.exception("Not foreseen, please report it.", entity=operation.entity, revision=operation.revision)
            made = _unexpected_failure(operation, error)
        if isinstance(made, GraphUnavailable):
            return self._failure_result(operation, state, made)
        return Performed(pack_state(published(state, made.operation)), made.mutations)

    def _failure_result(
        self, operation: Operation, state: KeyState, unavailable: GraphUnavailable
    ) -> Performed[Mutation]:
        self._fetch_failures.report(unavailable.type)
        told = self._side_output_encoder.encode_failure(operation, unavailable, self._now())
        return Performed(pack_state(failed(state)), outputs=() if told is None else (told,))

    def _now(self) -> int:
        return int(self._clock() * 1000)


def unpack_state(keyed_state: Kept) -> KeyState:
    """What the job makes of what is remembered."""
    return KeyState.unpack(keyed_state.number, keyed_state.rest)


def pack_state(state: KeyState) -> Kept:
    """What is to be remembered."""
    return Kept(state.signed_revision, state.pack())


def _unexpected_failure(operation: Operation, error: Exception) -> GraphUnavailable:
    message = f"Not foreseen, please report it: {error!s:.500} {''.join(traceback.format_exception(error)[-3:])}"
    return GraphUnavailable(FetchErrorType.UNKNOWN, type(error).__name__, message, operation.revision)
