"""The job: it executes the decisions of the core about entities, and emits mutations and side outputs."""

from __future__ import annotations

import traceback
from functools import partial
from typing import TYPE_CHECKING

import structlog

from wikistate.core.events.rejection import Filtered, RejectedEvent
from wikistate.core.rdf.graph import dump_graph, load_graph
from wikistate.core.updater.entity_id import parse_page_entity
from wikistate.core.updater.execution_state import adapt_operation, mark_failed, mark_published
from wikistate.core.updater.fetch_failures import FetchErrorType
from wikistate.core.updater.reorder import ReorderTimer, reorder
from wikistate.core.updater.state import UNSEEN, UNSEEN_IN_UNKNOWN_STORE, EntityState
from wikistate.errors import WikistateError
from wikistate.jobs.event_io import unexpected_error
from wikistate.jobs.failure_counter import FailureCounter
from wikistate.jobs.rdf_updater.entity_graphs import GraphUnavailable
from wikistate.streaming.keyed_job import EMPTY_STATE, Decision, DecodedRecord, KeyedState, OperationResult, TimerFired
from wikistate.telemetry import metrics
from wikistate.telemetry.capped_label import CappedLabel

if TYPE_CHECKING:
    from collections.abc import Callable

    from wikistate.core.updater.input_events import InputEvent
    from wikistate.core.updater.input_reader import InputReader
    from wikistate.core.updater.mutation import Mutation
    from wikistate.core.updater.operations import Operation
    from wikistate.core.updater.reorder import ReorderResult
    from wikistate.jobs.rdf_updater.mutation_builder import MutationBuilder
    from wikistate.jobs.rdf_updater.side_outputs import SideOutputEncoder
    from wikistate.streaming.record import Output, Record
    from wikistate.telemetry.meter import Meter

log = structlog.get_logger(__name__)


class RdfUpdater:
    """The job; see `wikistate.streaming.keyed_job.SplitKeyedJob` for the protocol.

    Args:
        reader: Reads records.
        builder: Executes operations.
        side_output_encoder: Encodes outputs for the side streams and the error stream.
        window: Time for which an event waits for those before it, milliseconds.
        reconcile_unknown: Whether the store may hold entities that the state does not know.
        meter: Records the metrics.
        clock: Returns seconds since the epoch.
    """

    def __init__(
        self,
        reader: InputReader,
        builder: MutationBuilder,
        side_output_encoder: SideOutputEncoder,
        *,
        window: int,
        reconcile_unknown: bool = False,
        meter: Meter,
        clock: Callable[[], float],
    ) -> None:
        self._reader = reader
        self._builder = builder
        self._side_output_encoder = side_output_encoder
        self._window = window
        self._unseen = UNSEEN_IN_UNKNOWN_STORE if reconcile_unknown else UNSEEN
        self._clock = clock
        self._filtered = CappedLabel(lambda value: meter.counter(metrics.EVENTS_FILTERED, reason=value))
        self._decisions = CappedLabel(lambda value: meter.counter(metrics.DECISIONS, reason=value))
        self._fetch_failures = CappedLabel(lambda value: meter.counter(metrics.FETCH_FAILURES, type=value))
        self._entity_failures = FailureCounter(meter, metrics.ENTITY_FAILURES)

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
        except Exception as error:  # noqa: BLE001  (no record may stop the job)
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
        known = self._unseen if keyed_state == EMPTY_STATE else unpack_state(keyed_state)
        decided = reorder(known, found, watermark=watermark, window=self._window)
        for reason in decided.reasons:
            self._decisions.count(reason)
        return Decision(
            pack_state(decided.state or UNSEEN), decided.timer, decided.operations, self._side_outputs(decided)
        )

    def _side_outputs(self, decided: ReorderResult) -> list[Output]:
        now = self._now()
        outputs = [self._side_output_encoder.encode_inconsistency(found, now) for found in decided.inconsistencies]
        if decided.late is not None:
            outputs.append(self._side_output_encoder.encode_late(decided.late, now))
        return [output for output in outputs if output is not None]

    async def execute(self, operation: Operation, keyed_state: KeyedState) -> OperationResult[Mutation]:
        """See `KeyedJob`. A failure leads to a side output, and the next operation of the entity repairs the store."""
        state = unpack_state(keyed_state)
        operation = adapt_operation(operation, state)
        try:
            built = await self._builder.build(operation)
        except WikistateError:
            raise
        except Exception as error:  # one unreadable entity must not stop all others
            log.exception("operation_defect", entity=operation.entity, revision=operation.revision)
            built = _unexpected_failure(operation, error)
        if isinstance(built, GraphUnavailable):
            return self._failure_result(operation, state, built)
        return OperationResult(
            pack_state(mark_published(state, built.operation)),
            built.mutations,
            on_written=built.release,
            document=partial(dump_graph, built.after),
        )

    def expect(self, operation: Operation, keyed_state: KeyedState) -> KeyedState:
        """See `SplitKeyedJob`."""
        return pack_state(mark_published(unpack_state(keyed_state), operation))

    def repair(self, operation: Operation, keyed_state: KeyedState, document: bytes) -> OperationResult[Mutation]:
        """See `SplitKeyedJob`. After a failure the content of the store is not known, so no operation becomes a diff."""
        state = unpack_state(keyed_state)
        built = self._builder.rebuild(adapt_operation(operation, state), load_graph(document))
        return OperationResult(pack_state(mark_published(state, built.operation)), built.mutations)

    def _failure_result(
        self, operation: Operation, state: EntityState, unavailable: GraphUnavailable
    ) -> OperationResult[Mutation]:
        self._fetch_failures.count(unavailable.type)
        self._entity_failures.count(unavailable.error_type, unavailable.message)
        output = self._side_output_encoder.encode_failure(operation, unavailable, self._now())
        outputs = () if output is None else (output,)
        failure = f"{unavailable.error_type}: {unavailable.message}"
        document = None if unavailable.after is None else partial(dump_graph, unavailable.after)
        return OperationResult(pack_state(mark_failed(state)), outputs=outputs, failure=failure, document=document)

    def _now(self) -> int:
        return int(self._clock() * 1000)


def unpack_state(keyed_state: KeyedState) -> EntityState:
    """Return the state of an entity that a keyed state holds."""
    return EntityState.unpack(keyed_state.number, keyed_state.blob)


def pack_state(state: EntityState) -> KeyedState:
    """Return the keyed state that holds the state of an entity."""
    return KeyedState(state.signed_revision, state.pack())


def _unexpected_failure(operation: Operation, error: Exception) -> GraphUnavailable:
    message = f"Unexpected error, please report it: {error!s:.500} {''.join(traceback.format_exception(error)[-3:])}"
    return GraphUnavailable(FetchErrorType.UNKNOWN, type(error).__name__, message, operation.revision)
