"""The feed of EventStreams against servers that compress or answer in other ways."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from structlog.testing import capture_logs
from tests.unit.adapters.http.http_server import serving

from wikistate.adapters.connectors.checkpoint import ResumePosition
from wikistate.adapters.connectors.eventstreams import EventStreamsFeed, EventStreamsSettings
from wikistate.adapters.connectors.eventstreams.event_id import EventIdEntry, format_event_id
from wikistate.adapters.connectors.start_stop import Moment
from wikistate.adapters.http.client import HttpSettings
from wikistate.errors import SourceError
from wikistate.streaming.record import Partition
from wikistate.testing.sse import SseConditions, SseServer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

STREAM, TOPIC = "s.change", "eqiad.s.change"
NEW_YEAR = 1_767_225_600_000
"""1 January 2026, in milliseconds since the epoch."""
EVENTS = [b'{"n":%d}' % number for number in range(50)]


class MemoryMetadata(dict[str, str]):
    """Stored values of a feed, in memory."""

    async def load_metadata(self, names: Iterable[str]) -> dict[str, str]:
        """See `Metadata`."""
        return {name: self[name] for name in names if name in self}

    async def save_metadata(self, values: Mapping[str, str]) -> None:
        """See `Metadata`."""
        self.update(values)


async def read(server: SseServer, count: int) -> list[bytes | None]:
    """Return so many events of a server."""
    settings = EventStreamsSettings(streams=(STREAM,), base=server.base, since=Moment(0))
    feed = EventStreamsFeed(settings, HttpSettings())
    await feed.open({}, MemoryMetadata())
    found: list[bytes | None] = []
    try:
        async with asyncio.timeout(30):
            while len(found) < count:
                found += [item.record.value for item in await feed.receive() or []]
    finally:
        await feed.close()
    return found


@pytest.mark.parametrize(
    "conditions",
    [
        SseConditions(separate_members=True),
        SseConditions(separate_members=True, chunk=7),
        SseConditions(separate_members=True, cut_after=11),
        SseConditions(byte_order_mark=True),
        SseConditions(),
    ],
    ids=str,
)
async def test_all_events_arrive(conditions: SseConditions) -> None:
    """A server may compress each event as a member of its own, cut within one, or begin with a byte order mark."""
    async with SseServer({STREAM: (TOPIC,)}, conditions) as server:
        for event in EVENTS:
            server.append(TOPIC, event)
        with capture_logs() as logs:
            assert await read(server, len(EVENTS)) == EVENTS
    marks = [line for line in logs if line["event"] == "byte_order_mark_removed"]
    assert len(marks) == int(conditions.byte_order_mark)


async def open_lines(server: SseServer, since: Moment | None, stored: dict[Partition, ResumePosition]) -> list[str]:
    """Return the starts that were ignored when a feed opened; its metadata is that of a first run at 1 January 2026."""
    settings = EventStreamsSettings(streams=(STREAM,), base=server.base, since=since)
    feed = EventStreamsFeed(settings, HttpSettings())
    with capture_logs() as lines:
        await feed.open(stored, MemoryMetadata({"begun": str(NEW_YEAR)} if stored or since else {}))
        await feed.close()
    return ["{reader} {position} {start}".format_map(line) for line in lines if line["event"] == "start_ignored"]


async def test_stored_position_that_beats_since_is_named() -> None:
    """Without ``since``, and where the stored start is the same, nothing is ignored."""
    later = Moment(NEW_YEAR + 86_400_000)
    partition = Partition(TOPIC)
    stored = {partition: ResumePosition(1, format_event_id([EventIdEntry(partition, offset=0)]))}
    async with SseServer({STREAM: (TOPIC,)}, SseConditions()) as server:
        server.append(TOPIC, b"{}")
        assert await open_lines(server, later, stored) == [
            "The stream s.change its stored position since=2026-01-02T00:00:00.000Z"
        ]
        assert await open_lines(server, later, {}) == [
            "The stream s.change 2026-01-01T00:00:00.000Z since=2026-01-02T00:00:00.000Z"
        ]
        assert await open_lines(server, Moment(NEW_YEAR), {}) == []
        assert await open_lines(server, None, stored) == []


@pytest.mark.parametrize(
    ("headers", "status", "says"),
    [
        ({"Content-Type": "text/html"}, 200, "'text/html': 'Please set a user agent.'"),
        ({"Content-Type": "text/plain"}, 403, "status 403 (text/plain: 'Please set a user agent.')"),
        ({"Content-Type": "application/json"}, 200, "'application/json': 'Please set a user agent.'"),
    ],
)
async def test_first_line_of_another_answer_is_in_the_error(headers: Mapping[str, str], status: int, says: str) -> None:
    """It states the reason."""

    async def respond(_: web.Request) -> web.StreamResponse:
        return web.Response(status=status, body=b"Please set a user agent.\nSee our policy.", headers=headers)

    async with serving(respond) as origin:
        settings = EventStreamsSettings(streams=(STREAM,), base=f"{origin}/", since=Moment(0))
        feed = EventStreamsFeed(settings, HttpSettings())
        with pytest.raises(SourceError) as caught:
            await feed.open({}, MemoryMetadata())
        await feed.close()
    assert says in caught.value.message
