"""A stream that was read once is asked again, whatever it answers; at the first connection each odd answer is its cause."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from wikistate.adapters.connectors.eventstreams import EventStreamsFeed, EventStreamsSettings
from wikistate.adapters.connectors.push_source import FeedSource
from wikistate.adapters.connectors.start_stop import Moment
from wikistate.adapters.http.client import HttpSettings
from wikistate.adapters.http.outages import OUTAGES
from wikistate.core.enrichment.retry import RetryPolicy
from wikistate.errors import SourceError
from wikistate.testing.sse import OddAnswer, SseServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

ODD = {
    "page": OddAnswer(),
    "login page": OddAnswer(302, location="https://login.example/"),
    "moved": OddAnswer(301, location="/elsewhere"),
    "not found": OddAnswer(404),
    "forbidden": OddAnswer(403),
    "unauthorized": OddAnswer(401),
    "gone": OddAnswer(410),
    "plain text": OddAnswer(200, b"ok", "text/plain"),
    "empty": OddAnswer(200, b""),
    "empty stream": OddAnswer(200, b"", "text/event-stream"),
    "unavailable": OddAnswer(503),
    "not implemented": OddAnswer(501),
}
NO_CONTENT = OddAnswer(204, b"")


@asynccontextmanager
async def stream(folder: Path, *, reconnect_limit: float | None = None) -> AsyncIterator[tuple[SseServer, FeedSource]]:
    """Yield a server with one event, and a source that does not wait long."""
    async with SseServer({"changes": ["a.changes"]}) as server:
        server.append("a.changes", b"{}")
        settings = EventStreamsSettings(
            streams=("changes",),
            base=server.base,
            since=Moment(0),
            backoff=RetryPolicy(base_delay=0.001, max_delay=0.002),
        )
        source = FeedSource(
            EventStreamsFeed(replace(settings, reconnect_limit=reconnect_limit), HttpSettings()),
            folder / "state.sqlite",
        )
        try:
            yield server, source
        finally:
            await source.close()


async def read_one(source: FeedSource) -> bytes:
    """Return the next record."""
    async with asyncio.timeout(60):
        while not (records := await source.poll(1, 0.1)):
            assert records is not None
    return records[0].value or b""


async def ignore(_: object) -> None:
    """Ignore revoked partitions, which a stream does not have."""


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
async def test_odd_answers_at_a_reconnect_are_waited_out(odd: OddAnswer, tmp_path: Path) -> None:
    """The source reads on behind its last event, and the outage is known meanwhile."""
    async with stream(tmp_path) as (server, source):
        await source.open(ignore)
        await read_one(source)
        server.answer_oddly(*[odd] * 5)
        server.drop_connections()
        server.append("a.changes", b'{"second":true}')
        assert await read_one(source) == b'{"second":true}'
        assert len(server.connections) == 7
        assert OUTAGES.counts().get("source", 0) == 0


@pytest.mark.parametrize("odd", [ODD["page"], ODD["not found"], ODD["login page"], NO_CONTENT])
async def test_odd_answer_at_the_first_connection_is_an_error(odd: OddAnswer, tmp_path: Path) -> None:
    """The settings may be wrong, so nothing is retried."""
    async with stream(tmp_path) as (server, source):
        server.answer_oddly(odd)
        with pytest.raises(SourceError, match="cannot be read"):
            await source.open(ignore)
        assert len(server.connections) == 1


async def test_status_204_ends_the_source(tmp_path: Path) -> None:
    """The server forbids its clients to connect again."""
    async with stream(tmp_path) as (server, source):
        await source.open(ignore)
        await read_one(source)
        server.answer_oddly(NO_CONTENT)
        server.drop_connections()
        with pytest.raises(SourceError, match="204"):
            await read_one(source)


async def test_limit_of_an_outage_ends_the_source(tmp_path: Path) -> None:
    """The error names the last answer."""
    async with stream(tmp_path, reconnect_limit=0.05) as (server, source):
        await source.open(ignore)
        await read_one(source)
        server.answer_oddly(*[ODD["not found"]] * 100_000)
        server.drop_connections()
        with pytest.raises(SourceError, match="404"):
            await read_one(source)
