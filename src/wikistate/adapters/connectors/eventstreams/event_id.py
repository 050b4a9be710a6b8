"""The position of an event of EventStreams, from its id and from its content. Pure.

An id is a JSON list with an entry for each partition of the topics of the stream: ``{"topic", "partition", "offset"}``,
or ``"timestamp"`` (milliseconds since the epoch) instead of ``"offset"``. A partition without an event so far has the
offset -1. Source: Wikitech, "Event Platform/EventStreams HTTP Service".
"""

from __future__ import annotations

from typing import Any, NamedTuple

import orjson

from wikistate.core.events.byte_order_mark import load_json
from wikistate.streaming.record import Partition


class EventIdEntry(NamedTuple):
    """The last event of a partition that a client has received: its offset, or its timestamp if the offset is None."""

    partition: Partition
    offset: int | None = None
    timestamp: int | None = None

    @property
    def has_position(self) -> bool:
        """Whether the client has received an event of this partition."""
        return self.timestamp is not None or (self.offset is not None and self.offset >= 0)

    def is_behind(self, other: EventIdEntry) -> bool:
        """Return whether the other entry is later in the same partition; True for an offset and a time, which do not compare."""
        if self.offset is not None and other.offset is not None:
            return self.offset < other.offset
        if self.timestamp is not None and other.timestamp is not None:
            return self.timestamp < other.timestamp
        return True


def parse_event_id(text: str) -> list[EventIdEntry]:
    """Return the entries of an id; none if the text is not a valid id."""
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
    """Return the id with these entries, for the header ``Last-Event-ID``."""
    return orjson.dumps([_format_entry(entry) for entry in entries]).decode()


def _format_entry(entry: EventIdEntry) -> dict[str, str | int]:
    place: dict[str, str | int] = {"topic": entry.partition.topic, "partition": entry.partition.number}
    if entry.timestamp is not None:
        return place | {"timestamp": entry.timestamp}
    return place | {"offset": entry.offset if entry.offset is not None else -1}


def parse_content(data: bytes) -> dict[str, Any]:
    """Return the content of an event for its position; empty if it is not a JSON object, which the job checks."""
    try:
        content = load_json(data)
    except orjson.JSONDecodeError:
        return {}
    return content if isinstance(content, dict) else {}


def get_topic(content: dict[str, Any]) -> object:
    """Return the topic that an event states; None if it states none."""
    meta = content.get("meta")
    return meta.get("topic") if isinstance(meta, dict) else None
