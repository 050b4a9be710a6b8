"""The job that puts events back where they came from: as they are, under the key of their stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from wikistate.core.events.meta import event_time
from wikistate.errors import InputError
from wikistate.streaming.record import OnDone, Output, Record, Role, WorkItem

if TYPE_CHECKING:
    from wikistate.core.events.message_key import MessageKey


class RequeueJob:
    """Hands each record on unchanged; see `wikistate.streaming.job.Job` for the protocol.

    What is no event any more, or never was one, goes back, too, without a key: whoever reads the stream refuses it
    again, and it is on the error stream as before.

    Args:
        key: The message key of the stream that they go to.
    """

    def __init__(self, key: MessageKey) -> None:
        self._key = key

    async def open(self) -> None:
        """See `Job`."""

    async def close(self) -> None:
        """See `Job`."""

    def plan(self, record: Record) -> WorkItem:
        """See `Job`. The payload is the outputs."""
        value = record.value or b""
        try:
            event = orjson.loads(value)
            key, moment = (self._key.build(event), event_time(event)) if isinstance(event, dict) else (None, None)
        except (orjson.JSONDecodeError, InputError):
            key, moment = None, None
        return WorkItem(key, [Output(Role.SINK, key, value, moment)])

    def execute(self, item: WorkItem, on_done: OnDone) -> None:
        """See `Job`."""
        if isinstance(item.payload, list):
            on_done(item.payload)
