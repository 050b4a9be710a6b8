"""Streamed responses: chunk by chunk, decompressed, and never larger than one piece at a time."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from tests.unit.adapters.compression.compressed import COMPRESS
from tests.unit.adapters.http.http_server import serving

from wikistate.adapters.compression.formats import Format
from wikistate.adapters.http.client import HttpClient, HttpResponse, HttpSettings
from wikistate.adapters.http.stream import ByteStream
from wikistate.core.enrichment.failures import Failure, FailureKind

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.unit.adapters.http.http_server import Respond

PATIENCE = 30.0


@asynccontextmanager
async def streaming(respond: Respond) -> AsyncIterator[ByteStream | HttpResponse | Failure]:
    """Yield the result of a streamed request."""
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
    """Return a response that has begun and continues."""
    response = web.StreamResponse(headers={"Content-Type": "text/plain", **headers})
    await response.prepare(request)
    return response


async def all_of(stream: ByteStream | HttpResponse | Failure) -> bytes:
    """Return the whole body."""
    assert isinstance(stream, ByteStream)
    whole = b""
    while chunk := await stream.read(PATIENCE):
        assert isinstance(chunk, bytes)
        whole += chunk
    return whole


async def test_chunks_arrive_before_the_response_ends() -> None:
    """The server delays the end until the beginning was read. A wait that times out loses nothing."""
    may_continue = asyncio.Event()

    async def respond(request: web.Request) -> web.StreamResponse:
        assert request.query_string == "since=now"
        assert request.headers["Accept"] == "text/plain"
        response = await begun(request)
        await response.write(b"first")
        await may_continue.wait()
        await response.write(b"second")
        return response

    async with streaming(respond) as stream:
        assert isinstance(stream, ByteStream)
        assert await stream.read(PATIENCE) == b"first"
        waited = await stream.read(0.05)
        assert isinstance(waited, Failure)
        assert waited.kind is FailureKind.READ_TIMEOUT
        may_continue.set()
        assert await all_of(stream) == b"second"


async def test_gzip_is_decompressed_in_pieces_as_it_arrives() -> None:
    """A flush in the middle is enough to read up to it; 8 MB of zeros arrive in pieces of 1 MB."""
    may_continue = asyncio.Event()

    async def respond(request: web.Request) -> web.StreamResponse:
        packed = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
        response = await begun(request, **{"Content-Encoding": "gzip"})
        await response.write(packed.compress(b"first") + packed.flush(zlib.Z_SYNC_FLUSH))
        await may_continue.wait()
        await response.write(packed.compress(bytes(8_000_000)) + packed.flush())
        return response

    async with streaming(respond) as stream:
        assert isinstance(stream, ByteStream)
        assert await stream.read(PATIENCE) == b"first"
        may_continue.set()
        piece = await stream.read(PATIENCE)
        assert isinstance(piece, bytes)
        assert len(piece) <= 1 << 20
        assert len(piece) + len(await all_of(stream)) == 8_000_000


@pytest.mark.parametrize(
    ("encoding", "body"), [("gzip", b"no gzip at all"), ("gzip", gzip.compress(b"x")[:4] + bytes(50)), ("br", b"x")]
)
async def test_invalid_compression_is_a_failure(encoding: str, body: bytes) -> None:
    """The failure table decides whether its kind is retried."""

    async def respond(request: web.Request) -> web.StreamResponse:
        response = await begun(request, **{"Content-Encoding": encoding})
        await response.write(body)
        return response

    async with streaming(respond) as answer:
        outcome = await answer.read(PATIENCE) if isinstance(answer, ByteStream) else answer
        assert isinstance(outcome, Failure)
        assert outcome.kind is FailureKind.UNPARSABLE


@pytest.mark.parametrize("stream_format", [Format.GZIP, Format.DEFLATE, Format.ZSTD])
async def test_each_member_is_read(stream_format: Format) -> None:
    """Some servers compress each event alone; each is read as soon as it arrives."""
    encoding = {Format.GZIP: "gzip", Format.DEFLATE: "deflate", Format.ZSTD: "zstd"}[stream_format]
    may_continue = asyncio.Event()

    async def respond(request: web.Request) -> web.StreamResponse:
        response = await begun(request, **{"Content-Encoding": encoding})
        await response.write(COMPRESS[stream_format](b"first"))
        await may_continue.wait()
        await response.write(COMPRESS[stream_format](b"second") + bytes(3) + COMPRESS[stream_format](b"third"))
        return response

    async with streaming(respond) as stream:
        assert isinstance(stream, ByteStream)
        assert await stream.read(PATIENCE) == b"first"
        may_continue.set()
        assert await all_of(stream) == b"secondthird"


@pytest.mark.parametrize("stream_format", [Format.GZIP, Format.DEFLATE, Format.ZSTD])
async def test_end_within_a_member_is_a_failure(stream_format: Format) -> None:
    """The response is complete for HTTP, but what was compressed is not."""
    encoding = {Format.GZIP: "gzip", Format.DEFLATE: "deflate", Format.ZSTD: "zstd"}[stream_format]

    async def respond(_: web.Request) -> web.StreamResponse:
        body = COMPRESS[stream_format](b"first") + COMPRESS[stream_format](b"second")[:-3]
        return web.Response(body=body, headers={"Content-Encoding": encoding})

    async with streaming(respond) as stream:
        assert isinstance(stream, ByteStream)
        chunk: bytes | Failure = b"-"
        while isinstance(chunk, bytes) and chunk:
            chunk = await stream.read(PATIENCE)
        assert isinstance(chunk, Failure)
        assert chunk.kind is FailureKind.CONNECTION_FAILED
        assert "within compressed bytes" in chunk.detail


async def test_broken_connection_is_a_failure() -> None:
    """The failure is not an end: the last chunk of a response marks its end."""

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


async def test_any_other_status_is_a_response() -> None:
    """It has its headers, for `Retry-After`, and its body, for the message."""

    async def respond(_: web.Request) -> web.StreamResponse:
        return web.Response(status=503, text="Come back later.", headers={"Retry-After": "7"})

    async with streaming(respond) as answer:
        assert isinstance(answer, HttpResponse)
        assert (answer.status, answer.body, answer.headers["Retry-After"]) == (503, b"Come back later.", "7")


async def test_unreachable_server_is_a_failure() -> None:
    """The failures are those of `request`."""
    client = HttpClient(HttpSettings())
    closed = await client.stream(client.endpoint("http://127.0.0.1:1/"), "", headers={})
    assert isinstance(closed, Failure)
    assert closed.kind is FailureKind.INTERNAL
    await client.open()
    refused = await client.stream(client.endpoint("http://127.0.0.1:1/"), "", headers={})
    assert isinstance(refused, Failure)
    assert refused.kind is FailureKind.CONNECTION_FAILED
    await client.close()
