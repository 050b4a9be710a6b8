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

from wikistate.adapters.connectors.eventstreams.event_id import Entry, content_of, format_id, parse_id, topic_of
from wikistate.adapters.connectors.feed import Arrival
from wikistate.core.events.meta import ingestion_time
from wikistate.core.record import Partition, Record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wikistate.adapters.connectors.checkpoint import Place
    from wikistate.adapters.connectors.eventstreams.parser import ServerSentEvent

REMEMBERED = 10_000
"""Events of the recent past that repeats are told by: far more than share one timestamp."""


class Progress:
    """The positions of one source, over all its connections.

    Args:
        streams: Names what has no partition of its own: events without an id.
        begun: Milliseconds since the epoch; where a partition is resumed that nothing has come from yet. The server's
            own word for it, the offset -1, means "from now on", and would lose what happens between two connections.
    """

    def __init__(self, streams: str, begun: int) -> None:
        self._nameless = Partition(streams)
        self._begun = begun
        self._entries: dict[Partition, Entry] = {}
        self._next: dict[Partition, int] = {}
        self._recent: dict[bytes, None] = {}

    def restore(self, places: Mapping[Partition, Place]) -> None:
        """Go on where these places say."""
        for partition, place in places.items():
            self._next[partition] = place.offset
            for entry in parse_id(place.token):
                # Each partition's own token knows best how far it is done; the others have seen it in passing.
                if entry.partition == partition or entry.partition not in places:
                    self._entries[entry.partition] = entry

    def last_event_id(self) -> str:
        """What a new connection is to go on behind; empty when nothing has come yet."""
        return format_id(list(self._entries.values())) if self._entries else ""

    def take(self, event: ServerSentEvent) -> Arrival | None:
        """The record of an event; None for a repeat."""
        entries = parse_id(event.id)
        content = content_of(event.data)
        own = self._own(entries, content)
        for entry in entries:
            if entry is not own:
                self._entries.setdefault(entry.partition, self._known(entry))
        offset = self._number(own, event, content)
        if offset is None:
            return None
        if own.is_known:
            self._advance(own)
        self._next[own.partition] = offset + 1
        timestamp = own.timestamp if own.timestamp is not None else ingestion_time(content)
        record = Record(event.data, None, timestamp, own.partition, offset, event.cut)
        return Arrival(record, self.last_event_id())

    def _own(self, entries: list[Entry], content: dict[str, Any]) -> Entry:
        """The entry of the partition that an event came from: the one that it names, or else the one that moved."""
        topic = topic_of(content)
        named = [entry for entry in entries if entry.partition.topic == topic and entry.is_known]
        moved = [entry for entry in entries if entry.is_known and self._moves(entry)]
        known = [entry for entry in entries if entry.is_known]
        return next(iter([*named, *moved, *known]), Entry(self._nameless))

    def _moves(self, entry: Entry) -> bool:
        before = self._entries.get(entry.partition)
        return before is None or before.is_behind(entry)

    def _known(self, entry: Entry) -> Entry:
        return entry if entry.is_known else Entry(entry.partition, timestamp=self._begun)

    def _advance(self, own: Entry) -> None:
        before = self._entries.get(own.partition)
        # Timestamps need not grow within a partition: to go on at the latest one that was seen loses nothing.
        if before is None or own.timestamp is None or before.is_behind(own):
            self._entries[own.partition] = own

    def _number(self, own: Entry, event: ServerSentEvent, content: dict[str, Any]) -> int | None:
        expected = self._next.get(own.partition, 0)
        if own.offset is not None and own.offset >= 0:
            return own.offset if own.offset >= expected else None
        return None if self._is_repeat(_identity(own, event, content)) else expected

    def _is_repeat(self, identity: bytes) -> bool:
        if identity in self._recent:
            return True
        self._recent[identity] = None
        if len(self._recent) > REMEMBERED:
            del self._recent[next(iter(self._recent))]
        return False


def _identity(own: Entry, event: ServerSentEvent, content: dict[str, Any]) -> bytes:
    meta = content.get("meta")
    event_id = meta.get("id") if isinstance(meta, dict) else None
    if isinstance(event_id, str) and event_id:
        return event_id.encode()
    return hashlib.blake2b(event.data + event.id.encode() + str(own.partition).encode(), digest_size=16).digest()
