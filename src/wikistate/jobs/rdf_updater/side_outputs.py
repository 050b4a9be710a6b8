"""Encoder of side outputs: events about work that the job did not do, and error events for invalid records."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from wikistate.core.events.rejection import RejectedEvent
from wikistate.core.updater.side_events import OperationFailed
from wikistate.jobs.failure_counter import FailureCounter
from wikistate.streaming.record import Output, Partition, Record, Role
from wikistate.telemetry import metrics

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wikistate.core.events.encoder import ErrorEncoder
    from wikistate.core.events.meta import Event
    from wikistate.core.events.schema import Schema
    from wikistate.core.updater.input_events import InputEvent
    from wikistate.core.updater.operations import Operation
    from wikistate.core.updater.reorder import Inconsistency
    from wikistate.core.updater.side_events import SideEvents
    from wikistate.jobs.rdf_updater.entity_graphs import GraphUnavailable
    from wikistate.telemetry.meter import Meter


class SideOutputEncoder:
    """Encoder of side events and error events.

    Args:
        events: Builds side events.
        schemas: Schemas of the side streams by role; empty for a job without side streams.
        errors: Encodes error events.
        meter: Records the metrics.
    """

    def __init__(
        self, events: SideEvents, schemas: Mapping[Role, Schema], errors: ErrorEncoder, *, meter: Meter
    ) -> None:
        self._events = events
        self._schemas = schemas
        self._errors = errors
        self._failures = FailureCounter(meter, metrics.EVENTS_ERRORS)

    def encode_rejection(self, rejected: RejectedEvent, record: Record, now: int) -> Output:
        """Return the error event of an invalid record."""
        self._failures.count(rejected.error_type, rejected.message)
        return self._errors.encode(rejected, record, now)

    def encode_late(self, event: InputEvent, now: int) -> Output | None:
        """Return the lapsed action of a late event; None without such a stream."""
        return self._encode(Role.LAPSED_ACTION, self._events.build_lapsed_action(event, now), now)

    def encode_inconsistency(self, found: Inconsistency, now: int) -> Output | None:
        """Return the state inconsistency of an event that does not follow from the known state; None without such a stream."""
        return self._encode(Role.STATE_INCONSISTENCY, self._events.build_state_inconsistency(found, now), now)

    def encode_failure(self, operation: Operation, unavailable: GraphUnavailable, now: int) -> Output | None:
        """Return the fetch failure of an operation that could not be executed; None without such a stream."""
        failure = OperationFailed(unavailable.type, unavailable.error_type, unavailable.message)
        return self._encode(Role.FETCH_FAILURE, self._events.build_fetch_failure(operation, failure, now), now)

    def _encode(self, role: Role, event: Event | None, now: int) -> Output | None:
        schema = self._schemas.get(role)
        if event is None or schema is None:
            return None
        value = orjson.dumps(event)
        if schema.is_valid(event):
            return Output(role, None, value, now)
        # A side event repeats fields of the event that caused it. If those make it invalid, an error event reports it.
        message = f"The event for {role} does not conform to {schema.uri}: {schema.describe_violations(event)}"
        return self.encode_rejection(
            RejectedEvent("InvalidSideEvent", message, event), Record(value, None, now, Partition(role), 0), now
        )
