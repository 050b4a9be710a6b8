"""How far each partition of an EventStreams source has come: numbers its records, drops repeats, says where to go on.

Pure; the clock is handed in. Two kinds of servers:

* Ids with **offsets**: those are the records' offsets, and an offset that was seen is a repeat.
* Ids with **timestamps** (Wikimedia's own, so that either data centre can go on where the other stopped): several
  events may share one, and the offsets behind them differ between the data centres. Records are numbered here, and a
  repeat is what has the `meta.id` (or else the bytes) of an event of the recent past.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from wikistate.adapters.connectors.eventstreams.event_id import (
    EventIdEntry,
    format_event_id,
    get_topic,
    parse_content,
    parse_event_id,
)
from wikistate.adapters.connectors.push_source import FeedRecord
from wikistate.core.events.meta import ingestion_time
from wikistate.streaming.record import Partition, Record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wikistate.adapters.connectors.checkpoint import ResumePosition
    from wikistate.adapters.connectors.eventstreams.parser import ServerSentEvent

MAX_REMEMBERED_EVENTS = 10_000
"""Events of the recent past that repeats are told by: far more than share one timestamp."""


class StreamPosition:
    """The positions of one source, over all its connections.

    Args:
        streams: Names what has no partition of its own: events without an id.
        begin: Milliseconds since the epoch; where a partition is resumed that nothing has come from yet. The server's
            own word for it, the offset -1, means "from now on", and would lose what happens between two connections.
    """

    def __init__(self, streams: str, begin: int) -> None:
        self._nameless = Partition(streams)
        self._begin = begin
        self._entries: dict[Partition, EventIdEntry] = {}
        self._next: dict[Partition, int] = {}
        self._recent: dict[bytes, None] = {}

    def restore(self, positions: Mapping[Partition, ResumePosition]) -> None:
        """Go on where these places say."""
        for partition, place in positions.items():
            self._next[partition] = place.offset
            for entry in parse_event_id(place.token):
                # Each partition's own token knows best how far it is done; the others have seen it in passing.
                if entry.partition == partition or entry.partition not in positions:
                    self._entries[entry.partition] = entry

    def last_event_id(self) -> str:
        """What a new connection is to go on behind; empty when nothing has come yet."""
        return format_event_id(list(self._entries.values())) if self._entries else ""

    def to_record(self, event: ServerSentEvent) -> FeedRecord | None:
        """The record of an event; None for a repeat."""
        entries = parse_event_id(event.id)
        content = parse_content(event.data)
        own = self._find_entry(entries, content)
        for entry in entries:
            if entry is not own:
                self._entries.setdefault(entry.partition, self._last_entry(entry))
        offset = self._assign_offset(own, event, content)
        if offset is None:
            return None
        if own.has_position:
            self._advance(own)
        self._next[own.partition] = offset + 1
        timestamp = own.timestamp if own.timestamp is not None else ingestion_time(content)
        record = Record(event.data, None, timestamp, own.partition, offset, event.truncated_bytes)
        return FeedRecord(record, self.last_event_id())

    def _find_entry(self, entries: list[EventIdEntry], content: dict[str, Any]) -> EventIdEntry:
        """The entry of the partition that an event came from: the one that it names, or else the one that moved."""
        topic = get_topic(content)
        named = [entry for entry in entries if entry.partition.topic == topic and entry.has_position]
        moved = [entry for entry in entries if entry.has_position and self._has_advanced(entry)]
        known = [entry for entry in entries if entry.has_position]
        return next(iter([*named, *moved, *known]), EventIdEntry(self._nameless))

    def _has_advanced(self, entry: EventIdEntry) -> bool:
        before = self._entries.get(entry.partition)
        return before is None or before.is_behind(entry)

    def _last_entry(self, entry: EventIdEntry) -> EventIdEntry:
        return entry if entry.has_position else EventIdEntry(entry.partition, timestamp=self._begin)

    def _advance(self, own: EventIdEntry) -> None:
        before = self._entries.get(own.partition)
        # Timestamps need not grow within a partition: to go on at the latest one that was seen loses nothing.
        if before is None or own.timestamp is None or before.is_behind(own):
            self._entries[own.partition] = own

    def _assign_offset(self, own: EventIdEntry, event: ServerSentEvent, content: dict[str, Any]) -> int | None:
        expected = self._next.get(own.partition, 0)
        if own.offset is not None and own.offset >= 0:
            return own.offset if own.offset >= expected else None
        return None if self._is_repeat(_identity(own, event, content)) else expected

    def _is_repeat(self, identity: bytes) -> bool:
        if identity in self._recent:
            return True
        self._recent[identity] = None
        if len(self._recent) > MAX_REMEMBERED_EVENTS:
            del self._recent[next(iter(self._recent))]
        return False


def _identity(own: EventIdEntry, event: ServerSentEvent, content: dict[str, Any]) -> bytes:
    meta = content.get("meta")
    event_id = meta.get("id") if isinstance(meta, dict) else None
    if isinstance(event_id, str) and event_id:
        return event_id.encode()
    return hashlib.blake2b(event.data + event.id.encode() + str(own.partition).encode(), digest_size=16).digest()
