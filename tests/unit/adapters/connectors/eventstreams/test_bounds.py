"""Bounds of partitions, names, ids and tokens of a stream. A resume loses no event."""

from __future__ import annotations

import asyncio
import tracemalloc
from typing import TYPE_CHECKING

import orjson
import pytest
from aiohttp import web
from tests.unit.adapters.connectors.eventstreams.test_source import MemoryMetadata
from tests.unit.adapters.http.http_server import serving

from wikistate.adapters.connectors.checkpoint import ResumePosition
from wikistate.adapters.connectors.eventstreams import EventStreamsFeed, EventStreamsSettings
from wikistate.adapters.connectors.eventstreams.event_id import (
    MAX_PARTITIONS,
    EventIdEntry,
    format_event_id,
    parse_event_id,
)
from wikistate.adapters.connectors.eventstreams.parser import ServerSentEvent
from wikistate.adapters.connectors.eventstreams.position import MAX_REMEMBERED_EVENTS, StreamPosition
from wikistate.adapters.connectors.start_stop import Moment
from wikistate.adapters.http.client import HttpSettings
from wikistate.errors import SourceError
from wikistate.streaming.record import Partition

if TYPE_CHECKING:
    from collections.abc import Iterator

BEGUN = 5_000
FIRST, SECOND, THIRD = (Partition(f"{name}.changes") for name in ("first", "second", "third"))


def event(*entries: EventIdEntry, data: bytes = b"{}") -> ServerSentEvent:
    """Return an event with these entries in its id."""
    return ServerSentEvent(format_event_id(list(entries)), data)


@pytest.mark.parametrize("together", [True, False], ids=["one-id", "many-ids"])
def test_partitions_are_bounded(*, together: bool) -> None:
    """An id that names more of them ends the source with the stream, the bound and the remedy."""
    progress = StreamPosition("changes", BEGUN)
    entries = [EventIdEntry(Partition("t", number), offset=1) for number in range(MAX_PARTITIONS + 1)]

    def receive() -> None:
        if together:
            progress.to_record(event(*entries))
        for entry in entries:
            progress.to_record(event(entry))

    with pytest.raises(SourceError, match=rf"event stream changes .* allowed {MAX_PARTITIONS} partitions"):
        receive()
    assert len(parse_event_id(progress.last_event_id())) <= MAX_PARTITIONS


def test_as_many_partitions_as_allowed_are_followed() -> None:
    """Each event of each partition is a record."""
    progress = StreamPosition("changes", BEGUN)
    entries = [EventIdEntry(Partition("t", number), offset=1) for number in range(MAX_PARTITIONS)]
    assert all(progress.to_record(event(entry)) for entry in entries)


def test_name_of_a_topic_is_bounded() -> None:
    """An entry with a longer name than Kafka allows is left out, as one with a number beyond its range."""
    long, longest = Partition("t" * 250), Partition("t" * 249)
    assert parse_event_id(format_event_id([EventIdEntry(long, offset=1), EventIdEntry(longest, timestamp=1)])) == [
        EventIdEntry(longest, timestamp=1)
    ]


def test_tokens_do_not_grow_with_the_number_of_partitions() -> None:
    """Thousands of records wait at a time, each with its token."""
    progress = StreamPosition("changes", BEGUN)
    everything = [EventIdEntry(Partition("t", number), offset=1) for number in range(300)]
    progress.to_record(event(*everything))
    arrivals = [progress.to_record(event(*everything[:-1], everything[-1]._replace(offset=n))) for n in range(2, 202)]
    assert sum(len(arrival.token) for arrival in arrivals if arrival) < 200 * 100


def test_long_ids_of_events_are_not_remembered_as_they_are() -> None:
    """A repeat is found all the same."""
    progress = StreamPosition("changes", BEGUN)

    def named(number: int) -> ServerSentEvent:
        data = orjson.dumps({"meta": {"id": f"{number:0100000}"}})
        return event(EventIdEntry(FIRST, timestamp=9_000), data=data)

    tracemalloc.start()
    try:
        assert all(progress.to_record(named(number)) for number in range(200))
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 2_000_000 < 200 * 100_000 < MAX_REMEMBERED_EVENTS * 100_000
    assert progress.to_record(named(7)) is None


def test_token_names_the_partitions_without_a_commit_where_they_began() -> None:
    """A server begins a partition that an id does not name with the next event; a record that is not done is read again."""
    progress = StreamPosition("changes", BEGUN)
    unread = EventIdEntry(THIRD, offset=-1)
    progress.to_record(event(EventIdEntry(FIRST, offset=1), unread))
    progress.to_record(event(EventIdEntry(FIRST, offset=1), EventIdEntry(SECOND, offset=7), unread))
    arrival = progress.to_record(event(EventIdEntry(FIRST, offset=2), EventIdEntry(SECOND, offset=7), unread))
    assert arrival is not None
    token = progress.token_after(FIRST, arrival.token)
    resumed = StreamPosition("changes", 9_999)
    resumed.restore({FIRST: ResumePosition(3, token)})
    assert set(parse_event_id(resumed.last_event_id())) == {
        EventIdEntry(FIRST, offset=2),
        EventIdEntry(SECOND, timestamp=BEGUN),
        EventIdEntry(THIRD, timestamp=BEGUN),
    }


def test_token_of_an_earlier_release_is_read() -> None:
    """It names all partitions at their latest positions."""
    progress = StreamPosition("changes", BEGUN)
    token = format_event_id([EventIdEntry(FIRST, offset=2), EventIdEntry(SECOND, offset=4)])
    progress.restore({FIRST: ResumePosition(3, token)})
    again = progress.token_after(FIRST, format_event_id([EventIdEntry(FIRST, offset=3)]))
    assert parse_event_id(again) == [EventIdEntry(FIRST, offset=3), EventIdEntry(SECOND, offset=4)]


def drips() -> Iterator[tuple[str, bytes]]:
    """Yield beginnings of events that never end, and what follows each of them without an end."""
    yield "data", b"data: a\n"
    yield "line", b"data: a"
    yield "comment", b": comment, "
    yield "field", b"event: e\n"


@pytest.mark.parametrize("drip", [drip for _, drip in drips()], ids=[name for name, _ in drips()])
async def test_event_that_never_ends_does_not_keep_the_end_from_coming(drip: bytes) -> None:
    """The source ends although bytes arrive; the event is not taken for done."""

    async def respond(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        while True:
            await response.write(drip)
            await asyncio.sleep(0.01)

    async with serving(respond) as origin:
        settings = EventStreamsSettings(
            streams=("s",), base=f"{origin}/", since=Moment(0), end=Moment(1), quiet=0.1, silence=0.5
        )
        feed = EventStreamsFeed(settings, HttpSettings())
        await feed.open({}, MemoryMetadata())
        async with asyncio.timeout(60):
            assert await feed.receive() is None
        await feed.close()
