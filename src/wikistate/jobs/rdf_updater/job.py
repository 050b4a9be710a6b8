"""The job: what the core decides about entities, tied to what fetches them and to what is told of it."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

import structlog

from wikistate.core.events.rejection import Filtered, RejectedEvent
from wikistate.core.updater.entity_id import parse_page_entity
from wikistate.core.updater.execution_state import adapt_operation, mark_failed, mark_published
from wikistate.core.updater.fetch_failures import FetchErrorType
from wikistate.core.updater.reorder import ReorderTimer, reorder
from wikistate.core.updater.state import UNSEEN, EntityState
from wikistate.errors import WikistateError
from wikistate.jobs.event_io import unexpected_error
from wikistate.jobs.rdf_updater.entity_graphs import GraphUnavailable
from wikistate.streaming.keyed_job import Decision, DecodedRecord, KeyedState, OperationResult, TimerFired
from wikistate.telemetry import metrics
from wikistate.telemetry.capped_label import CappedLabel

if TYPE_CHECKING:
    from collections.abc import Callable

    from wikistate.core.updater.input_events import InputEvent
    from wikistate.core.updater.input_reader import InputReader
    from wikistate.core.updater.mutation import Mutation
    from wikistate.core.updater.operations import Operation
    from wikistate.core.updater.reorder import ReorderResult as Decided
    from wikistate.jobs.rdf_updater.mutation_builder import MutationBuilder
    from wikistate.jobs.rdf_updater.side_outputs import SideOutputEncoder
    from wikistate.streaming.record import Output, Record
    from wikistate.telemetry.meter import Meter

log = structlog.get_logger(__name__)


class RdfUpdater:
    """The job; see `wikistate.streaming.keyed_job.StatefulJob` for the protocol.

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
        self._filtered = CappedLabel(lambda value: meter.counter(metrics.EVENTS_FILTERED, reason=value))
        self._decisions = CappedLabel(lambda value: meter.counter(metrics.DECISIONS, reason=value))
        self._fetch_failures = CappedLabel(lambda value: meter.counter(metrics.FETCH_FAILURES, type=value))

    async def open(self) -> None:
        """See `KeyedJob`."""
        await self._builder.open()

    async def close(self) -> None:
        """See `KeyedJob`."""
        await self._builder.close()

    def decode(self, record: Record) -> DecodedRecord[InputEvent]:
        """See `KeyedJob`."""
        now = self._now()
        try:
            time, found = self._reader.read(record, ingested=now)
        except Exception as error:  # noqa: BLE001  (whatever a record does to us, the job goes on)
            time, found = None, unexpected_error(error)
        match found:
            case Filtered(reason):
                self._filtered.count(reason)
                return DecodedRecord(time)
            case RejectedEvent():
                return DecodedRecord(time, outputs=(self._side_output_encoder.encode_rejection(found, record, now),))
            case event:
                return DecodedRecord(time, parse_page_entity(event.entity).key, event)

    def decide(
        self, keyed_state: KeyedState, event: InputEvent | TimerFired, watermark: int | None
    ) -> Decision[Operation]:
        """See `KeyedJob`."""
        found = ReorderTimer(event.time) if isinstance(event, TimerFired) else event
        decided = reorder(unpack_state(keyed_state), found, watermark=watermark, window=self._window)
        for reason in decided.reasons:
            self._decisions.count(reason)
        return Decision(
            pack_state(decided.state or UNSEEN), decided.timer, decided.operations, self._side_outputs(decided)
        )

    def _side_outputs(self, decided: Decided) -> list[Output]:
        now = self._now()
        told = [self._side_output_encoder.encode_inconsistency(found, now) for found in decided.inconsistencies]
        if decided.late is not None:
            told.append(self._side_output_encoder.encode_late(decided.late, now))
        return [output for output in told if output is not None]

    async def execute(self, operation: Operation, keyed_state: KeyedState) -> OperationResult[Mutation]:
        """See `KeyedJob`. What cannot be done is told, and made up for by the next operation of the entity."""
        state = unpack_state(keyed_state)
        operation = adapt_operation(operation, state)
        try:
            made = await self._builder.build(operation)
        except WikistateError:
            raise
        except Exception as error:  # one entity that we cannot read must not stop all others
            log.exception("operation_defect", entity=operation.entity, revision=operation.revision)
            made = _unexpected_failure(operation, error)
        if isinstance(made, GraphUnavailable):
            return self._failure_result(operation, state, made)
        return OperationResult(pack_state(mark_published(state, made.operation)), made.mutations)

    def _failure_result(
        self, operation: Operation, state: EntityState, unavailable: GraphUnavailable
    ) -> OperationResult[Mutation]:
        self._fetch_failures.count(unavailable.type)
        told = self._side_output_encoder.encode_failure(operation, unavailable, self._now())
        return OperationResult(pack_state(mark_failed(state)), outputs=() if told is None else (told,))

    def _now(self) -> int:
        return int(self._clock() * 1000)


def unpack_state(keyed_state: KeyedState) -> EntityState:
    """What the job makes of what is remembered."""
    return EntityState.unpack(keyed_state.number, keyed_state.blob)


def pack_state(state: EntityState) -> KeyedState:
    """What is to be remembered."""
    return KeyedState(state.signed_revision, state.pack())


def _unexpected_failure(operation: Operation, error: Exception) -> GraphUnavailable:
    message = f"Not foreseen, please report it: {error!s:.500} {''.join(traceback.format_exception(error)[-3:])}"
    return GraphUnavailable(FetchErrorType.UNKNOWN, type(error).__name__, message, operation.revision)
