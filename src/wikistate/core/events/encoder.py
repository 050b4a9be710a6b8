"""Encoder: turns an event into the key and the bytes for a sink, validated against the stream's schema and its size."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from wikistate.core.events.error_event import Emitter, build_error_event, build_error_id, shorten_error_event
from wikistate.core.events.message_key import MessageKey
from wikistate.core.events.meta import event_time, stamp
from wikistate.core.events.rejection import RejectedEvent
from wikistate.errors import InputError
from wikistate.streaming.record import Output, Role

if TYPE_CHECKING:
    from wikistate.core.events.meta import Event, NewId
    from wikistate.core.events.projection import Projection
    from wikistate.core.events.schema import Schema
    from wikistate.core.events.stream_config import StreamConfig
    from wikistate.streaming.record import Record

TOO_LARGE = "EventTooLargeForSink"
"""The error type of an event that the producer or the topic refuses because of its size."""

REFUSED = "EventRefusedBySink"
"""The error type of an event that the topic refuses for another reason: its time, or a missing key."""


class Encoder:
    """Encoder of the events of the sink.

    Args:
        stream: The sink's stream: its name is set in the event, its key fields make the message key.
        schema: The pinned version of the sink's schema.
        keep_unknown: Whether fields beyond the pinned version are written unchanged. Then the event keeps its `$schema`,
            the only correct description of it, and only the part that the pinned version knows is validated.
        max_bytes: The largest record that the sink accepts, before compression.
        new_id: Factory of the id of an event that has none.
        select: Function that removes the fields that are not selected; None for all fields.
    """

    def __init__(
        self,
        stream: StreamConfig,
        schema: Schema,
        *,
        keep_unknown: bool,
        max_bytes: int,
        new_id: NewId,
        select: Projection | None = None,
    ) -> None:
        self._stream = stream.stream
        self._schema = schema
        self._keep_unknown = keep_unknown
        self._max_bytes = max_bytes
        self._new_id = new_id
        self._select = select
        self._key = MessageKey(stream.message_key_fields)
        self._key.check_schema(schema)

    def build_key(self, event: Event) -> bytes | RejectedEvent | None:
        """Return the message key, within which the order of events is kept; None for an unkeyed stream."""
        try:
            return self._key.build(event)
        except InputError as error:
            return RejectedEvent("NoMessageKey", error.message, event)

    def encode(self, event: Event, key: bytes | None, now: int) -> Output | RejectedEvent:
        """Return the output for the sink, or the reason why there is none.

        Args:
            event: The event to write; `$schema`, `meta` and `dt` are set here.
            key: The message key that `build_key` returned.
            now: Milliseconds since the epoch.
        """
        uri = str(event.get("$schema", self._schema.uri)) if self._keep_unknown else self._schema.uri
        chosen = event if self._select is None else self._select(event)
        stamped = stamp(chosen, schema_uri=uri, stream=self._stream, now=now, new_id=self._new_id)
        if not self._schema.is_valid(stamped):
            projected = self._schema.project(stamped)
            if not self._schema.is_valid(projected):
                return RejectedEvent("InvalidOutput", self._schema.describe_violations(projected), event)
            if not self._keep_unknown:
                stamped = projected
        try:
            value = orjson.dumps(stamped)
        except orjson.JSONEncodeError as error:  # nested too deeply, or half a surrogate pair
            return RejectedEvent("NotEncodable", f"The event cannot be written as JSON: {error}.", event)
        size = len(value) + len(key or b"")
        if size > self._max_bytes:
            found = (
                f"The enriched event has {size} bytes with its key; the sink accepts {self._max_bytes}. For a Kafka sink, "
                "raise max.request.size and the topic's max.message.bytes."
            )
            return RejectedEvent(TOO_LARGE, found, event)
        return Output(Role.SINK, key, value, event_time(stamped))


class ErrorEncoder:
    """Encoder of error events.

    Args:
        emitter: The job that reports failures, with its streams.
        max_bytes: The largest record that the error sink accepts; the copy of the source event is truncated to fit.
    """

    def __init__(self, emitter: Emitter, *, max_bytes: int) -> None:
        self._emitter = emitter
        self._max_raw_bytes = min(max(0, max_bytes - _ENVELOPE), MAX_RAW_EVENT)

    def encode(self, rejected: RejectedEvent, record: Record, now: int) -> Output:
        """Return the error event of a rejected record. There is always one, for any content of the record.

        Args:
            rejected: Reason why the record did not become an event on the sink.
            record: The record as it was read.
            now: Milliseconds since the epoch.
        """
        event = build_error_event(
            self._emitter,
            error_type=rejected.error_type,
            message=rejected.message,
            stack=rejected.stack,
            raw=record.value,
            truncated_bytes=record.truncated_bytes,
            max_raw_bytes=min(self._max_raw_bytes, MAX_CUT_EVENT) if record.truncated_bytes else self._max_raw_bytes,
            event=rejected.event,
            now=now,
            event_id=build_error_id(self._emitter, error_type=rejected.error_type, record=record, event=rejected.event),
        )
        return Output(Role.ERROR, None, orjson.dumps(event), now)

    def shorten(self, error: Output, max_bytes: int) -> Output:
        """Return an error event with a shorter `raw_event`; see `shorten_error_event`."""
        return error._replace(value=shorten_error_event(error.value, max_bytes))


MAX_RAW_EVENT = 128 * 1024 * 1024
"""The longest `raw_event` in bytes: twice the default of the longest record, for the escapes in JSON. Control characters
take six bytes each, so that a record of nothing else would grow to a multiple of its size."""

MAX_CUT_EVENT = 64 * 1024
"""The longest `raw_event` in bytes of a record that its source has cut: it cannot be replayed, and serves to recognise it."""

_ENVELOPE = 128 * 1024
"""Bytes that an error event may have beside `raw_event`: message and stack of 16,384 characters, escaped, and ids."""
