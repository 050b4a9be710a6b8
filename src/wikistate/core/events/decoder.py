"""Decoder: turns the bytes of a record into a valid event, or into the reason why there is no event.

Each check needs the result of the check before: bytes, JSON, object, canary event, filter, the stream's schema, validity.
An event that the filter drops is not an error, even if it is invalid.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from wikistate.core.events.byte_order_mark import load_json
from wikistate.core.events.fields import quote_value
from wikistate.core.events.filters import EventFilter
from wikistate.core.events.meta import is_canary
from wikistate.core.events.rejection import Filtered, FilterReason, RejectedEvent

if TYPE_CHECKING:
    from wikistate.core.events.meta import Event
    from wikistate.core.events.schema import Schema
    from wikistate.streaming.record import Record

_ACCEPT_ALL = EventFilter()
_CANARY = Filtered(FilterReason.CANARY)
_TOMBSTONE = Filtered(FilterReason.TOMBSTONE)


class Decoder:
    """Decoder of the records of one stream.

    Args:
        schema: The pinned version, against which events are validated.
        keep_unknown: Whether fields that the pinned version does not know stay in the event. The producer is usually
            ahead of the pinned version, so unknown fields are not an error in either case.
        event_filter: Filter of the events that the job processes.
    """

    def __init__(self, schema: Schema, *, keep_unknown: bool, event_filter: EventFilter = _ACCEPT_ALL) -> None:
        self._schema = schema
        self._keep_unknown = keep_unknown
        self._filter = event_filter or None
        self._schema_prefix = f"/{schema.title}/"

    def decode(self, record: Record) -> Event | Filtered | RejectedEvent:
        """Return the event, or the reason why there is none. Raise nothing for any record."""
        event = read_object(record)
        if not isinstance(event, dict):
            return event
        return self._filter_event(event) or self.conform(event)

    def _filter_event(self, event: Event) -> Filtered | None:
        if is_canary(event):
            return _CANARY
        return None if self._filter is None else self._filter.apply(event)

    def conform(self, event: Event) -> Event | RejectedEvent:
        """Return the event as the pinned version describes it, or the reason why it is not valid."""
        uri = event.get("$schema")
        if not isinstance(uri, str) or not uri.startswith(self._schema_prefix):
            return RejectedEvent(
                "WrongSchema", f"$schema must begin with {self._schema_prefix}, found {quote_value(uri, 100)}.", event
            )
        if self._schema.is_valid(event):
            return event
        projected = self._schema.project(event)
        if not self._schema.is_valid(projected):
            found = self._schema.describe_violations(projected)
            return RejectedEvent("InvalidEvent", f"The event does not conform to {self._schema.uri}: {found}", event)
        return event if self._keep_unknown else projected


def read_object(record: Record) -> Event | Filtered | RejectedEvent:
    """Return the JSON object of a record without further checks, or the reason why there is none. Raise nothing."""
    value = record.value
    if value is None:
        return _TOMBSTONE
    if record.truncated_bytes:
        size = len(value) + record.truncated_bytes
        return RejectedEvent(
            "EventTooLarge",
            f"The record {record.offset} of {record.partition!s:.300} has {size} bytes, of which only {len(value)} were read. "
            "The limit is max_record_bytes of the source.",
        )
    if record.refusal:
        return RejectedEvent("UnreadableChange", record.refusal)
    try:
        event = load_json(value)
    except orjson.JSONDecodeError as error:
        return RejectedEvent("NotJson", f"The record is not JSON: {error}." if value else "The record is empty.")
    if not isinstance(event, dict):
        return RejectedEvent("NotAnObject", f"An event must be a JSON object, found {type(event).__name__}.")
    return event
