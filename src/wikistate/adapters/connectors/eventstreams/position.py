"""The position of an EventStreams source: it numbers records, drops repeats and returns the id to resume at.

Pure; the clock is an argument. There are two kinds of servers:

* Ids with **offsets**: these are the offsets of the records, and an offset that was received before is a repeat.
* Ids with **timestamps** (Wikimedia's, so that a client can resume in another data centre): several events may share
  one, and the offsets differ between the data centres. This module numbers the records. A repeat has the `meta.id` (or
  the bytes, without an id) of a recent event.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from wikistate.adapters.connectors.eventstreams.event_id import (
    MAX_PARTITIONS,
    EventIdEntry,
    format_event_id,
    get_topic,
    parse_content,
    parse_event_id,
)
from wikistate.adapters.connectors.push_source import FeedRecord
from wikistate.adapters.connectors.saved_values import reading_saved
from wikistate.core.events.meta import ingestion_time
from wikistate.errors import SourceError
from wikistate.streaming.record import Partition, Record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wikistate.adapters.connectors.checkpoint import ResumePosition
    from wikistate.adapters.connectors.eventstreams.parser import ServerSentEvent

MAX_REMEMBERED_EVENTS = 10_000
"""Recent events that are compared to find repeats: far more than share one timestamp."""

_MAX_IDENTITY = 100  # characters of an id that is remembered as it is; a UUID has 36


class StreamPosition:
    """The positions of one source, over all its connections.

    Args:
        streams: The name of the partition of events without an id.
        begin: Milliseconds since the epoch: the position at which a partition without an event so far resumes. The offset
            -1 of the server means "from now on" and would lose the events between two connections.
    """

    def __init__(self, streams: str, begin: int) -> None:
        self._name = streams
        self._nameless = Partition(streams)
        self._begin = begin
        self._entries: dict[Partition, EventIdEntry] = {}
        self._first: dict[Partition, EventIdEntry] = {}  # of the partitions without a committed event
        self._parsed: tuple[str, list[EventIdEntry]] = ("", [])
        self._next: dict[Partition, int] = {}
        self._recent: dict[bytes, None] = {}

    def restore(self, positions: Mapping[Partition, ResumePosition]) -> None:
        """Resume at these positions. Raises `StateError` if one is damaged: the stream would be read from now on."""
        for partition, place in positions.items():
            self._next[partition] = place.offset
            entries = parse_event_id(place.token)
            with reading_saved("position", place.token):
                if place.token and not entries:
                    raise ValueError("not an id of an event")
            for entry in entries:
                # The token of a partition holds its exact position; the tokens of other partitions hold an older one.
                if entry.partition == partition or entry.partition not in positions:
                    self._entries[entry.partition] = entry
                if entry.partition not in positions:
                    self._first[entry.partition] = entry

    def last_event_id(self) -> str:
        """Return the id after which a new connection resumes; empty if no event was received so far."""
        return format_event_id(list(self._entries.values())) if self._entries else ""

    def to_record(self, event: ServerSentEvent) -> FeedRecord | None:
        """Return the record of an event; None for a repeat."""
        entries = self._parse_id(event.id)
        content = parse_content(event.data)
        own = self._find_entry(entries, content)
        self._add_partitions(entries, own)
        offset = self._assign_offset(own, event, content)
        if offset is None:
            return None
        if own.has_position:
            self._advance(own)
        self._next[own.partition] = offset + 1
        timestamp = own.timestamp if own.timestamp is not None else ingestion_time(content)
        record = Record(event.data, None, timestamp, own.partition, offset, event.truncated_bytes)
        last = self._entries.get(own.partition)
        return FeedRecord(record, format_event_id([last]) if last is not None else "")

    def token_after(self, partition: Partition, token: str) -> str:
        """Return the resume token of a partition after a record with this token.

        It names the partitions without a committed event as well, at the positions where they were first seen: they have
        no token of their own, and a server begins a partition that an id does not name with the next event.
        """
        self._first.pop(partition, None)
        return format_event_id([*parse_event_id(token), *self._first.values()])

    def _parse_id(self, text: str) -> list[EventIdEntry]:
        # An id is valid for all events until the next one.
        if text is not self._parsed[0]:
            self._parsed = (text, parse_event_id(text))
        return self._parsed[1]

    def _add_partitions(self, entries: list[EventIdEntry], own: EventIdEntry) -> None:
        """Add the partitions that an id names for the first time.

        Raises:
            SourceError: There are more than `MAX_PARTITIONS`.
        """
        added = [entry for entry in entries if entry.partition not in self._entries]
        for number, entry in enumerate(added, len(self._entries) + 1):
            if number > MAX_PARTITIONS:
                raise SourceError(
                    f"The event stream {self._name} names more than the allowed {MAX_PARTITIONS} partitions in the ids of its "
                    f"events, the last one {entry.partition!s:.100}.",
                    hint="Follow fewer streams in one job, or check the server.",
                    stream=self._name,
                )
            if entry is own:
                self._first[entry.partition] = self._beginning(entry)
            else:
                self._first[entry.partition] = self._entries[entry.partition] = self._last_entry(entry)

    def _find_entry(self, entries: list[EventIdEntry], content: dict[str, Any]) -> EventIdEntry:
        """Return the entry of the partition of an event: the one that it names, or else the one that advanced."""
        topic = get_topic(content)
        named = [entry for entry in entries if entry.partition.topic == topic and entry.has_position]
        moved = [entry for entry in entries if entry.has_position and self._has_advanced(entry)]
        known = [entry for entry in entries if entry.has_position]
        return next(iter([*named, *moved, *known]), EventIdEntry(self._nameless))

    def _has_advanced(self, entry: EventIdEntry) -> bool:
        before = self._entries.get(entry.partition)
        return before is None or before.is_behind(entry)

    def _last_entry(self, entry: EventIdEntry) -> EventIdEntry:
        return entry if entry.has_position else self._beginning(entry)

    def _beginning(self, entry: EventIdEntry) -> EventIdEntry:
        return EventIdEntry(entry.partition, timestamp=self._begin)

    def _advance(self, own: EventIdEntry) -> None:
        before = self._entries.get(own.partition)
        # Timestamps need not grow within a partition: a resume at the latest one loses no event.
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
    if isinstance(event_id, str) and 0 < len(event_id) <= _MAX_IDENTITY:
        return event_id.encode()
    return hashlib.blake2b(event.data + event.id.encode() + str(own.partition).encode(), digest_size=16).digest()
