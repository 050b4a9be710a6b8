"""The resume position of an EventStreams source, and its detection of repeats."""

from __future__ import annotations

import orjson
import pytest

from wikistate.adapters.connectors.checkpoint import ResumePosition
from wikistate.adapters.connectors.eventstreams.event_id import EventIdEntry, format_event_id, parse_event_id
from wikistate.adapters.connectors.eventstreams.parser import ServerSentEvent
from wikistate.adapters.connectors.eventstreams.position import StreamPosition
from wikistate.streaming.record import Partition, Record

EQIAD, CODFW = Partition("eqiad.changes"), Partition("codfw.changes")
BEGUN = 5_000


def sent(*entries: EventIdEntry, topic: str = "", event_id: str = "") -> ServerSentEvent:
    """Return an event with these positions in its id."""
    return ServerSentEvent(format_event_id(list(entries)), orjson.dumps({"meta": {"topic": topic, "id": event_id}}))


def taken(progress: StreamPosition, event: ServerSentEvent) -> Record | None:
    """Return the record of an event, None for a repeat."""
    arrival = progress.to_record(event)
    return arrival and arrival.record


def test_formatted_id_is_parsed_to_same_entries() -> None:
    """It may have offsets and timestamps, and several partitions."""
    entries = [
        EventIdEntry(EQIAD, offset=12),
        EventIdEntry(CODFW, timestamp=1_769_860_800_000),
        EventIdEntry(Partition("x", 3), offset=-1),
    ]
    assert parse_event_id(format_event_id(entries)) == entries


@pytest.mark.parametrize("text", ["", "7", "null", "{", "[1]", '[{"topic": "a"}]', '[{"topic": 1, "partition": 0}]'])
def test_invalid_id_has_no_entries(text: str) -> None:
    """Ids of other servers are ignored without an error."""
    assert parse_event_id(text) == []


def test_known_offset_is_a_repeat() -> None:
    """The same offset of another partition is another event."""
    progress = StreamPosition("changes", BEGUN)
    offsets = [
        taken(progress, sent(EventIdEntry(EQIAD, offset=5), EventIdEntry(CODFW, offset=-1))),
        taken(progress, sent(EventIdEntry(EQIAD, offset=5), EventIdEntry(CODFW, offset=5))),
        taken(progress, sent(EventIdEntry(EQIAD, offset=5), EventIdEntry(CODFW, offset=-1), topic=EQIAD.topic)),
        taken(progress, sent(EventIdEntry(EQIAD, offset=7), EventIdEntry(CODFW, offset=5))),
    ]
    assert [record and (record.partition, record.offset) for record in offsets] == [
        (EQIAD, 5),
        (CODFW, 5),
        None,
        (EQIAD, 7),
    ]


def test_partition_without_event_resumes_by_time() -> None:
    """The offset -1 would mean "from now on" and lose the events between two connections."""
    progress = StreamPosition("changes", BEGUN)
    progress.to_record(sent(EventIdEntry(EQIAD, offset=5), EventIdEntry(CODFW, offset=-1)))
    assert parse_event_id(progress.last_event_id()) == [
        EventIdEntry(CODFW, timestamp=BEGUN),
        EventIdEntry(EQIAD, offset=5),
    ]


def test_events_of_same_timestamp_are_distinguished_by_id() -> None:
    """The source numbers the records, because the ids do not."""
    progress = StreamPosition("changes", BEGUN)
    place = EventIdEntry(EQIAD, timestamp=9_000)
    records = [taken(progress, sent(place, event_id=name)) for name in ("a", "b", "a", "c", "b")]
    assert [record and record.offset for record in records] == [0, 1, None, 2, None]
    assert {record.timestamp for record in records if record} == {9_000}


def test_earlier_timestamp_does_not_move_position_backwards() -> None:
    """Timestamps need not grow within a partition; the latest one loses no event."""
    progress = StreamPosition("changes", BEGUN)
    for timestamp in (9_000, 8_000):
        assert taken(progress, sent(EventIdEntry(EQIAD, timestamp=timestamp), event_id=str(timestamp)))
    assert parse_event_id(progress.last_event_id()) == [EventIdEntry(EQIAD, timestamp=9_000)]


def test_each_partition_resumes_at_its_commit() -> None:
    """The token of another partition has an older or newer position, which is ignored."""
    ahead = format_event_id(
        [EventIdEntry(EQIAD, offset=9), EventIdEntry(CODFW, offset=9), EventIdEntry(Partition("third"), offset=1)]
    )
    behind = format_event_id([EventIdEntry(EQIAD, offset=2), EventIdEntry(CODFW, offset=4)])
    progress = StreamPosition("changes", BEGUN)
    progress.restore({EQIAD: ResumePosition(10, ahead), CODFW: ResumePosition(5, behind)})
    assert set(parse_event_id(progress.last_event_id())) == {
        EventIdEntry(EQIAD, offset=9),
        EventIdEntry(CODFW, offset=4),
        EventIdEntry(Partition("third"), offset=1),
    }
    assert taken(progress, sent(EventIdEntry(EQIAD, offset=9), topic=EQIAD.topic)) is None
    following = taken(progress, sent(EventIdEntry(CODFW, offset=5), topic=CODFW.topic))
    assert following is not None
    assert following.offset == 5


def test_event_without_id_is_a_record() -> None:
    """A source of a server without ids cannot be resumed, but drops no event."""
    progress = StreamPosition("changes", BEGUN)
    records = [taken(progress, ServerSentEvent("", data)) for data in (b"one", b"{", b"[]")]
    assert [record and record.offset for record in records] == [0, 1, 2]
    assert progress.last_event_id() == ""
