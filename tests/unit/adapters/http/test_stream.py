"""Answers that go on: chunk by chunk, decompressed, and never larger than a piece at a time."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from tests.unit.adapters.http.http_server import serving

from wikistate.adapters.http.client import HttpClient, HttpResponse, HttpSettings
from wikistate.adapters.http.stream import ByteStream
from wikistate.core.enrichment.failures import Failure, FailureKind

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.unit.adapters.http.http_server import Respond

PATIENCE = 30.0


@asynccontextmanager
async def streaming(respond: Respond) -> AsyncIterator[ByteStream | HttpResponse | Failure]:
    """What a server's answer becomes."""
    client = HttpClient(HttpSettings())
    await client.open()
    async with serving(respond) as origin:
        answer = await client.stream(client.endpoint(f"{origin}/stream"), "since=now", headers={"Accept": "text/plain"})
        try:
            yield answer
        finally:
            if isinstance(answer, ByteStream):
                answer.close()
            await client.close()


async def begun(request: web.Request, **headers: str) -> web.StreamResponse:
    """An answer that has begun and goes on."""
    response = web.StreamResponse(headers={"Content-Type": "text/plain", **headers})
    await response.prepare(request)
    return response


async def all_of(stream: ByteStream | HttpResponse | Failure) -> bytes:
    """The whole body."""
    assert isinstance(stream, ByteStream)
    whole = b""
    while chunk := await stream.read(PATIENCE):
        assert isinstance(chunk, bytes)
        whole += chunk
    return whole


async def test_chunks_come_before_the_end_does() -> None:
    """The server holds the end back until the beginning was read. A wait that is over loses nothing."""
    go_on = asyncio.Event()

    async def respond(request: web.Request) -> web.StreamResponse:
        assert request.query_string == "since=now"
        assert request.headers["Accept"] == "text/plain"
        response = await begun(request)
        await response.write(b"first")
        await go_on.wait()
        await response.write(b"second")
        return response

    async with streaming(respond) as stream:
        assert isinstance(stream, ByteStream)
        assert await stream.read(PATIENCE) == b"first"
        waited = await stream.read(0.05)
        assert isinstance(waited, Failure)
        assert waited.kind is FailureKind.READ_TIMEOUT
        go_on.set()
        assert await all_of(stream) == b"second"


async def test_gzip_is_unpacked_as_it_comes_and_a_piece_at_a_time() -> None:
    """A flush in the middle is enough to read up to it; 8 MB of nothing come in pieces of 1 MB."""
    go_on = asyncio.Event()

    async def respond(request: web.Request) -> web.StreamResponse:
        packed = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
        response = await begun(request, **{"Content-Encoding": "gzip"})
        await response.write(packed.compress(b"first") + packed.flush(zlib.Z_SYNC_FLUSH))
        await go_on.wait()
        await response.write(packed.compress(bytes(8_000_000)) + packed.flush())
        return response

    async with streaming(respond) as stream:
        assert isinstance(stream, ByteStream)
        assert await stream.read(PATIENCE) == b"first"
        go_on.set()
        piece = await stream.read(PATIENCE)
        assert isinstance(piece, bytes)
        assert len(piece) <= 1 << 20
        assert len(piece) + len(await all_of(stream)) == 8_000_000


@pytest.mark.parametrize(
    ("encoding", "body"), [("gzip", b"no gzip at all"), ("gzip", gzip.compress(b"x")[:4] + bytes(50)), ("br", b"x")]
)
async def test_what_cannot_be_unpacked_is_a_failure(encoding: str, body: bytes) -> None:
    """Of the kind that is tried again or not by the failure table."""

    async def respond(request: web.Request) -> web.StreamResponse:
        response = await begun(request, **{"Content-Encoding": encoding})
        await response.write(body)
        return response

    async with streaming(respond) as answer:
        outcome = await answer.read(PATIENCE) if isinstance(answer, ByteStream) else answer
        assert isinstance(outcome, Failure)
        assert outcome.kind is FailureKind.UNPARSABLE


async def test_a_connection_that_breaks_is_a_failure() -> None:
    """Not an end: chunked answers say where they end."""

    async def respond(request: web.Request) -> web.StreamResponse:
        response = await begun(request)
        await response.write(b"first")
        assert request.transport is not None
        request.transport.close()
        return response

    async with streaming(respond) as stream:
        assert isinstance(stream, ByteStream)
        chunk: bytes | Failure = b"-"
        while isinstance(chunk, bytes) and chunk:
            chunk = await stream.read(PATIENCE)
        assert isinstance(chunk, Failure)
        assert chunk.kind is not FailureKind.INTERNAL


async def test_any_other_status_is_an_answer() -> None:
    """With its headers, for `Retry-After`, and its body, for the message."""

    async def respond(_: web.Request) -> web.StreamResponse:
        return web.Response(status=503, text="Come back later.", headers={"Retry-After": "7"})

    async with streaming(respond) as answer:
        assert isinstance(answer, HttpResponse)
        assert (answer.status, answer.body, answer.headers["Retry-After"]) == (503, b"Come back later.", "7")


async def test_a_server_that_is_not_there_is_a_failure() -> None:
    """As by `ask`."""
    client = HttpClient(HttpSettings())
    closed = await client.stream(client.endpoint("http://127.0.0.1:1/"), "", headers={})
    assert isinstance(closed, Failure)
    assert closed.kind is FailureKind.INTERNAL
    await client.open()
    refused = await client.stream(client.endpoint("http://127.0.0.1:1/"), "", headers={})
    assert isinstance(refused, Failure)
    assert refused.kind is FailureKind.CONNECTION_FAILED
    await client.close()
