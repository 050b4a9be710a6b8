"""The position in one topic of a stream, of several topics that hold the same changes. Pure.

The data centres do not write the same messages in the same order, so a reader that applies changes in order must read
one topic only. The offsets of its records are those that the messages state (``meta.topic``, ``meta.partition``,
``meta.offset``), because the ids of Wikimedia's servers hold timestamps, which several messages share.
Source: Wikitech, "Event Platform/EventStreams HTTP Service".
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from wikistate.adapters.connectors.eventstreams.event_id import (
    EventIdEntry,
    build_offset_entry,
    format_event_id,
    get_topic,
    parse_content,
    parse_event_id,
)
from wikistate.adapters.connectors.push_source import FeedRecord
from wikistate.core.events.meta import ingestion_time
from wikistate.errors import ConfigError
from wikistate.streaming.record import Partition, Record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wikistate.adapters.connectors.checkpoint import ResumePosition
    from wikistate.adapters.connectors.eventstreams.parser import ServerSentEvent

_SETTING = "store.topic"


class SingleTopicPosition:
    """The position of a source that follows one topic, over all its connections.

    Args:
        stream: The name of the stream; the names of its topics end with it.
        topic: The topic to follow; empty for the topic of the last run, or else the topic of the first message.
    """

    def __init__(self, stream: str, topic: str = "") -> None:
        self._stream = stream
        self._topic = topic
        self._partition: Partition | None = None
        self._next = 0
        self._seen: dict[Partition, EventIdEntry] = {}
        self._unnumbered = b""

    def restore(self, positions: Mapping[Partition, ResumePosition]) -> None:
        """Resume at these positions; those of other streams are ignored.

        Raises:
            ConfigError: They belong to several topics, or to another topic than the setting.
        """
        own = {part: place for part, place in positions.items() if self._matches_stream(part.topic)}
        followed = {part: place for part, place in own.items() if not self._topic or part.topic == self._topic}
        if len(followed) > 1 or (own and not followed):
            raise ConfigError(
                f"{self._stream} was followed in {', '.join(sorted(part.topic for part in own))}, and {_SETTING} is {self._topic!r}.",
                hint=f"The topics do not hold the same messages: name the followed topic in {_SETTING}, or load the store again.",
                key=_SETTING,
            )
        for partition, place in followed.items():
            self._partition, self._next = partition, place.offset

    def last_event_id(self) -> str:
        """Return the id after which a new connection resumes; empty if no event was received so far."""
        return (
            "" if self._partition is None else format_event_id([EventIdEntry(self._partition, offset=self._next - 1)])
        )

    def to_record(self, event: ServerSentEvent) -> FeedRecord | None:
        """Return the record of an event; None for an event of another topic or a repeat."""
        content = parse_content(event.data)
        place = _message_offset(content) or self._find_entry(event.id, content)
        self._seen = {entry.partition: entry for entry in parse_event_id(event.id)}
        if place is None or not self._is_followed(place.partition):
            return None
        offset = place.offset if place.offset is not None else self._assign_offset(event)
        if offset < self._next:
            return None
        self._next = offset + 1
        record = Record(event.data, None, ingestion_time(content), place.partition, offset, event.truncated_bytes)
        return FeedRecord(record, self.last_event_id())

    def token_after(self, partition: Partition, token: str) -> str:  # noqa: ARG002  (there is one)
        """Return the resume token after a record with this token."""
        return token

    def _matches_stream(self, topic: str) -> bool:
        return topic == self._stream or topic.endswith(f".{self._stream}")

    def _is_followed(self, partition: Partition) -> bool:
        if self._partition is None and self._topic in ("", partition.topic):
            self._partition = partition
        return partition == self._partition

    def _find_entry(self, text: str, content: dict[str, Any]) -> EventIdEntry | None:
        """Return the entry of the partition of an event: that of the topic that it names, or else the one that advanced."""
        topic = get_topic(content)
        known = [entry for entry in parse_event_id(text) if entry.has_position]
        named = [entry for entry in known if entry.partition.topic == topic]
        found = named or [entry for entry in known if self._seen.get(entry.partition) != entry]
        return next((entry for entry in found if entry.partition == self._partition), found[0] if found else None)

    def _assign_offset(self, event: ServerSentEvent) -> int:
        """Return the next offset for an event without an offset, which is not a valid message; -1 for its repeat."""
        digest = hashlib.blake2b(event.data + event.id.encode(), digest_size=16).digest()
        repeated, self._unnumbered = digest == self._unnumbered, digest
        return -1 if repeated else self._next


def _message_offset(content: dict[str, Any]) -> EventIdEntry | None:
    match content.get("meta"):
        case {"topic": str(topic), "partition": number, "offset": offset}:
            return build_offset_entry(topic, number, offset)
        case _:
            return None
