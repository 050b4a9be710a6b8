"""What the job says of what it did not do: on its side streams, and of records that are no events on the error stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from wikistate.core.events.rejection import RejectedEvent
from wikistate.core.updater.side_events import OperationFailed
from wikistate.streaming.record import Output, Partition, Record, Role
from wikistate.telemetry import metrics
from wikistate.telemetry.capped_label import CappedLabel

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
    """Encodes side events and error events.

    Args:
        events: Makes side events.
        schemas: Of the side streams, by role; none for a job that tells nothing beside errors.
        errors: Makes error events.
        meter: Where measurements go.
    """

    def __init__(
        self, events: SideEvents, schemas: Mapping[Role, Schema], errors: ErrorEncoder, *, meter: Meter
    ) -> None:
        self._events = events
        self._schemas = schemas
        self._errors = errors
        self._rejected = CappedLabel(lambda value: meter.counter(metrics.EVENTS_ERRORS, error_type=value))

    def encode_rejection(self, rejected: RejectedEvent, record: Record, now: int) -> Output:
        """Of a record that is no event."""
        self._rejected.count(rejected.error_type)
        return self._errors.encode(rejected, record, now)

    def encode_late(self, event: InputEvent, now: int) -> Output | None:
        """Of an event that came too late."""
        return self._encode(Role.LAPSED_ACTION, self._events.build_lapsed_action(event, now), now)

    def encode_inconsistency(self, found: Inconsistency, now: int) -> Output | None:
        """Of an event that does not fit what was seen."""
        return self._encode(Role.STATE_INCONSISTENCY, self._events.build_state_inconsistency(found, now), now)

    def encode_failure(self, operation: Operation, unavailable: GraphUnavailable, now: int) -> Output | None:
        """Of an operation that could not be carried out."""
        failure = OperationFailed(unavailable.type, unavailable.error_type, unavailable.message)
        return self._encode(Role.FETCH_FAILURE, self._events.build_fetch_failure(operation, failure, now), now)

    def _encode(self, role: Role, event: Event | None, now: int) -> Output | None:
        schema = self._schemas.get(role)
        if event is None or schema is None:
            return None
        value = orjson.dumps(event)
        if schema.is_valid(event):
            return Output(role, None, value, now)
        # It repeats what the event said that led to it; whatever that was, it is told.
        found = f"The event for {role} does not conform to {schema.uri}: {schema.describe_violations(event)}"
        return self.encode_rejection(
            RejectedEvent("InvalidSideEvent", found, event), Record(value, None, now, Partition(role), 0), now
        )
