"""Where an event of EventStreams stands: by its id, and by what is written in itself. Pure.

An id is a JSON list with an entry for each partition of the stream's topics: ``{"topic", "partition", "offset"}``, or
``"timestamp"`` (milliseconds since the epoch) in the place of ``"offset"``. A partition that nothing came from yet has
the offset -1. Source: Wikitech, "Event Platform/EventStreams HTTP Service".
"""

from __future__ import annotations

from typing import Any, NamedTuple

import orjson

from wikistate.streaming.record import Partition


class EventIdEntry(NamedTuple):
    """The last event of a partition that a client has seen: by its offset, or by its timestamp where that is None."""

    partition: Partition
    offset: int | None = None
    timestamp: int | None = None

    @property
    def has_position(self) -> bool:
        """Whether anything has come from this partition."""
        return self.timestamp is not None or (self.offset is not None and self.offset >= 0)

    def is_behind(self, other: EventIdEntry) -> bool:
        """Whether the other one stands further on in the same partition. An offset and a time do not compare: it does."""
        if self.offset is not None and other.offset is not None:
            return self.offset < other.offset
        if self.timestamp is not None and other.timestamp is not None:
            return self.timestamp < other.timestamp
        return True


def parse_event_id(text: str) -> list[EventIdEntry]:
    """The entries of an id; none when it is no such id."""
    try:
        entries = orjson.loads(text)
    except orjson.JSONDecodeError:
        return []
    found = [_parse_entry(entry) for entry in entries] if isinstance(entries, list) else []
    return [entry for entry in found if entry is not None]


def _parse_entry(entry: object) -> EventIdEntry | None:
    match entry:
        case {"topic": str(topic), "partition": int(number), "timestamp": int(timestamp)}:
            return EventIdEntry(Partition(topic, number), timestamp=timestamp)
        case {"topic": str(topic), "partition": int(number), "offset": int(offset)}:
            return EventIdEntry(Partition(topic, number), offset=offset)
        case _:
            return None


def format_event_id(entries: list[EventIdEntry]) -> str:
    """The id with these entries, as a ``Last-Event-ID`` header carries it."""
    return orjson.dumps([_format_entry(entry) for entry in entries]).decode()


def _format_entry(entry: EventIdEntry) -> dict[str, str | int]:
    place: dict[str, str | int] = {"topic": entry.partition.topic, "partition": entry.partition.number}
    if entry.timestamp is not None:
        return place | {"timestamp": entry.timestamp}
    return place | {"offset": entry.offset if entry.offset is not None else -1}


def parse_content(data: bytes) -> dict[str, Any]:
    """An event as far as its place is written in it; whether it is one at all, the job says."""
    try:
        content = orjson.loads(data)
    except orjson.JSONDecodeError:
        return {}
    return content if isinstance(content, dict) else {}


def get_topic(content: dict[str, Any]) -> object:
    """What an event says that its topic is; None where it says nothing."""
    meta = content.get("meta")
    return meta.get("topic") if isinstance(meta, dict) else None
