"""Where an EventStreams source goes on, and what it takes for a repeat."""

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
    """An event with these places in its id."""
    return ServerSentEvent(format_event_id(list(entries)), orjson.dumps({"meta": {"topic": topic, "id": event_id}}))


def taken(progress: StreamPosition, event: ServerSentEvent) -> Record | None:
    """The record that is made of an event, if any."""
    arrival = progress.to_record(event)
    return arrival and arrival.record


def test_an_id_is_read_back_as_it_was_written() -> None:
    """Offsets and timestamps, several partitions."""
    entries = [
        EventIdEntry(EQIAD, offset=12),
        EventIdEntry(CODFW, timestamp=1_769_860_800_000),
        EventIdEntry(Partition("x", 3), offset=-1),
    ]
    assert parse_event_id(format_event_id(entries)) == entries


@pytest.mark.parametrize("text", ["", "7", "null", "{", "[1]", '[{"topic": "a"}]', '[{"topic": 1, "partition": 0}]'])
def test_what_is_no_such_id_names_no_place(text: str) -> None:
    """Other servers' ids say nothing, and break nothing."""
    assert parse_event_id(text) == []


def test_an_offset_that_was_seen_is_a_repeat() -> None:
    """By partition: the same offset elsewhere is another event."""
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


def test_a_partition_that_nothing_came_from_is_resumed_by_time() -> None:
    """Minus one would mean "from now on", and lose what comes between two connections."""
    progress = StreamPosition("changes", BEGUN)
    progress.to_record(sent(EventIdEntry(EQIAD, offset=5), EventIdEntry(CODFW, offset=-1)))
    assert parse_event_id(progress.last_event_id()) == [
        EventIdEntry(CODFW, timestamp=BEGUN),
        EventIdEntry(EQIAD, offset=5),
    ]


def test_events_that_share_a_timestamp_are_all_taken_and_repeats_are_known_by_their_id() -> None:
    """Records are numbered here, because the ids do not number them."""
    progress = StreamPosition("changes", BEGUN)
    place = EventIdEntry(EQIAD, timestamp=9_000)
    records = [taken(progress, sent(place, event_id=name)) for name in ("a", "b", "a", "c", "b")]
    assert [record and record.offset for record in records] == [0, 1, None, 2, None]
    assert {record.timestamp for record in records if record} == {9_000}


def test_an_earlier_timestamp_does_not_move_the_place_backwards() -> None:
    """Timestamps need not grow within a partition; the latest one loses nothing."""
    progress = StreamPosition("changes", BEGUN)
    for timestamp in (9_000, 8_000):
        assert taken(progress, sent(EventIdEntry(EQIAD, timestamp=timestamp), event_id=str(timestamp)))
    assert parse_event_id(progress.last_event_id()) == [EventIdEntry(EQIAD, timestamp=9_000)]


def test_each_partition_goes_on_where_it_was_committed() -> None:
    """What another partition's token says of it is older or newer than its own, and does not count."""
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


def test_what_has_no_id_is_taken_all_the_same() -> None:
    """A server without ids cannot be resumed, but nothing of it is dropped."""
    progress = StreamPosition("changes", BEGUN)
    records = [taken(progress, ServerSentEvent("", data)) for data in (b"one", b"{", b"[]")]
    assert [record and record.offset for record in records] == [0, 1, 2]
    assert progress.last_event_id() == ""
