"""The job that writes events back to their stream: unchanged and under the key of the stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from wikistate.core.events.byte_order_mark import load_json
from wikistate.core.events.meta import event_time
from wikistate.errors import InputError
from wikistate.streaming.record import OnDone, Output, Record, Role, WorkItem

if TYPE_CHECKING:
    from wikistate.core.events.message_key import MessageKey


class RequeueJob:
    """Job that emits each record unchanged; see `wikistate.streaming.job.Job` for the protocol.

    A record that is not a valid event is written back as well, without a key: the job of the stream rejects it again, and
    emits the same error event as before.

    Args:
        key: Message key of the target stream.
    """

    def __init__(self, key: MessageKey) -> None:
        self._key = key

    async def open(self) -> None:
        """See `Job`."""

    async def close(self) -> None:
        """See `Job`."""

    def plan(self, record: Record) -> WorkItem:
        """See `Job`. The payload is a list of outputs."""
        value = record.value or b""
        try:
            event = load_json(value)
            key, timestamp = (self._key.build(event), event_time(event)) if isinstance(event, dict) else (None, None)
        except (orjson.JSONDecodeError, InputError):
            key, timestamp = None, None
        return WorkItem(key, [Output(Role.SINK, key, value, timestamp)])

    def execute(self, item: WorkItem, on_done: OnDone) -> None:
        """See `Job`."""
        if isinstance(item.payload, list):
            on_done(item.payload)
