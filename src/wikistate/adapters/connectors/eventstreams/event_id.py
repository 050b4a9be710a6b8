"""The position of an event of EventStreams, from its id and from its content. Pure.

An id is a JSON list with an entry for each partition of the topics of the stream: ``{"topic", "partition", "offset"}``,
or ``"timestamp"`` (milliseconds since the epoch) instead of ``"offset"``. A partition without an event so far has the
offset -1. Source: Wikitech, "Event Platform/EventStreams HTTP Service".
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeGuard

import orjson

from wikistate.core.events.byte_order_mark import load_json
from wikistate.core.events.integers import MAX_INTEGER, MAX_TIME, is_integer
from wikistate.streaming.record import Partition

MAX_OFFSET = MAX_INTEGER - 1
"""The largest offset of an event: a position is the offset behind it."""

MAX_PARTITIONS = 1000
"""The most partitions of a source: each costs time for each event and a place in the id that a reconnect sends."""

_MAX_PARTITION = 2**31 - 1
_MAX_TOPIC = 249  # characters, as in Kafka


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
    """Return the entries of an id; none if the text is not a valid id. Entries with numbers or names beyond their range are left out."""
    try:
        entries = orjson.loads(text)
    except orjson.JSONDecodeError:
        return []
    found = [_parse_entry(entry) for entry in entries] if isinstance(entries, list) else []
    return [entry for entry in found if entry is not None]


def _parse_entry(entry: object) -> EventIdEntry | None:
    match entry:
        case {"topic": str(topic), "partition": number, "timestamp": timestamp} if _is_place(
            number, topic
        ) and is_integer(timestamp, minimum=-MAX_TIME, maximum=MAX_TIME):
            return EventIdEntry(Partition(topic, number), timestamp=timestamp)
        case {"topic": str(topic), "partition": number, "offset": offset}:
            return build_offset_entry(topic, number, offset)
        case _:
            return None


def build_offset_entry(topic: str, number: object, offset: object) -> EventIdEntry | None:
    """Return the entry of an offset; None if a number or the name of the topic is beyond its range."""
    if _is_place(number, topic) and is_integer(offset, minimum=-1, maximum=MAX_OFFSET):
        return EventIdEntry(Partition(topic, number), offset=offset)
    return None


def _is_place(number: object, topic: str) -> TypeGuard[int]:
    return len(topic) <= _MAX_TOPIC and is_integer(number, maximum=_MAX_PARTITION)


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
