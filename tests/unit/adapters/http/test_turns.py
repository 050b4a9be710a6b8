"""Other tasks get a turn while a server sends faster than its bytes are processed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Self

import pytest
from aiohttp import web
from tests.unit.adapters.compression.bombs import build_bomb
from tests.unit.adapters.compression.compressed import COMPRESS, SKIPPABLE_FRAME
from tests.unit.adapters.http.http_server import serving

from wikistate.adapters.compression.formats import Format
from wikistate.adapters.http.client import HttpClient, HttpResponse, HttpSettings
from wikistate.adapters.http.stream import MAX_PIECE, ByteStream
from wikistate.core.enrichment.failures import Failure, FailureKind

if TYPE_CHECKING:
    from collections.abc import Mapping

PATIENCE = 60.0
MIB = 1 << 20


class Turns:
    """Task that counts its turns, while the block runs."""

    def __init__(self) -> None:
        self.count = 0

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            self.count += 1
            await asyncio.sleep(0)


def answer_with(body: bytes, headers: Mapping[str, str]) -> web.Response:
    """Return a response that is there as a whole, so that no read waits for it."""
    return web.Response(body=body, headers={"Content-Type": "text/event-stream", **headers})


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({}, b":\n" * (2 * MIB)),
        ({"Content-Encoding": "gzip"}, build_bomb(Format.GZIP, b":\n", 4 * MIB)),
        ({"Content-Encoding": "deflate"}, build_bomb(Format.DEFLATE, b":\n", 4 * MIB)),
        ({"Content-Encoding": "zstd"}, build_bomb(Format.ZSTD, b":\n", 4 * MIB)),
    ],
    ids=["plain", "gzip", "deflate", "zstd"],
)
async def test_each_piece_of_a_stream_gives_a_turn(headers: Mapping[str, str], body: bytes) -> None:
    """A piece has a bounded size, whatever the server sends or compresses."""

    async def respond(_: web.Request) -> web.Response:
        return answer_with(body, headers)

    async with serving(respond) as origin:
        client = HttpClient(HttpSettings())
        await client.open()
        stream = await client.stream(client.endpoint(f"{origin}/s"), "", headers={})
        assert isinstance(stream, ByteStream)
        pieces = size = 0
        async with Turns() as turns:
            while piece := await stream.read(PATIENCE):
                assert isinstance(piece, bytes)
                assert len(piece) <= MAX_PIECE
                pieces, size = pieces + 1, size + len(piece)
            assert turns.count >= pieces >= 4 * MIB // MAX_PIECE
        assert size == 4 * MIB
        stream.close()
        await client.close()


@pytest.mark.parametrize(
    ("encoding", "empty"),
    [
        ("gzip", COMPRESS[Format.GZIP](b"")),
        ("gzip", b"\0" * 20),
        ("zstd", COMPRESS[Format.ZSTD](b"")),
        ("zstd", SKIPPABLE_FRAME),
    ],
)
async def test_bytes_without_content_give_turns_and_end_with_the_silence(encoding: str, empty: bytes) -> None:
    """Empty members, zero bytes behind a member, and skippable frames do not count as a sign of life."""
    block = empty * (65_536 // len(empty))

    async def respond(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Encoding": encoding})
        await response.prepare(request)
        await response.write(COMPRESS[Format.GZIP if encoding == "gzip" else Format.ZSTD](b"text"))
        while True:
            await response.write(block)

    async with serving(respond) as origin:
        client = HttpClient(HttpSettings())
        await client.open()
        stream = await client.stream(client.endpoint(f"{origin}/s"), "", headers={})
        assert isinstance(stream, ByteStream)
        assert await stream.read(PATIENCE) == b"text"
        async with Turns() as turns, asyncio.timeout(PATIENCE):
            found = await stream.read(0.3)
            assert turns.count > 1
        assert isinstance(found, Failure)
        assert found.kind is FailureKind.READ_TIMEOUT
        stream.close()
        await client.close()


async def test_answer_of_empty_members_is_too_large() -> None:
    """The compressed bytes of an answer are bounded as well as its content."""
    limit = MIB

    async def respond(_: web.Request) -> web.Response:
        return web.Response(body=COMPRESS[Format.GZIP](b"") * 100_000, headers={"Content-Encoding": "gzip"})

    async def respond_in_chunks(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Encoding": "gzip"})
        await response.prepare(request)
        await response.write((await respond(request)).body)  # type: ignore[arg-type]  # these bytes
        return response

    for handler in (respond, respond_in_chunks):
        async with serving(handler) as origin:
            client = HttpClient(HttpSettings())
            await client.open()
            found = await client.request(client.endpoint(f"{origin}/api.php"), "", headers={}, limit=limit)
            await client.close()
        assert isinstance(found, Failure)
        assert found.kind is FailureKind.TOO_LARGE
        assert f"127.0.0.1 answers with more than the allowed {limit} bytes" in found.detail


async def test_large_answer_gives_turns() -> None:
    """An answer is decompressed in steps of a megabyte."""
    body = build_bomb(Format.GZIP, b"a", 16 * MIB)

    async def respond(_: web.Request) -> web.Response:
        return web.Response(body=body, headers={"Content-Encoding": "gzip"})

    async with serving(respond) as origin:
        client = HttpClient(HttpSettings())
        await client.open()
        async with Turns() as turns:
            found = await client.request(client.endpoint(f"{origin}/api.php"), "", headers={}, limit=64 * MIB)
            assert turns.count >= 16
        await client.close()
    assert isinstance(found, HttpResponse)
    assert len(found.body) == 16 * MIB
