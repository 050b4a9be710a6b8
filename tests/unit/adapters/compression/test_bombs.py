"""A few kilobytes that decompress to hundreds of megabytes take bounded memory in each reader, and are named."""

from __future__ import annotations

import asyncio
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from tests.support.limited_memory import run_within_allowance
from tests.unit.adapters.compression.bombs import build_bomb, build_wide_frame
from tests.unit.adapters.compression.compressed import COMPRESS
from tests.unit.adapters.connectors.eventstreams.test_source import MemoryMetadata
from tests.unit.adapters.http.http_server import serving

from wikistate.adapters.compression.decoder import MAX_HTTP_WINDOW, MAX_WINDOW, Decoder, MemoryDemandError
from wikistate.adapters.compression.formats import Format
from wikistate.adapters.connectors.eventstreams import EventStreamsFeed, EventStreamsSettings
from wikistate.adapters.connectors.files import FileSource
from wikistate.adapters.connectors.start_stop import Moment
from wikistate.adapters.http.client import HttpClient, HttpSettings
from wikistate.adapters.http.documents import MAX_BYTES, DocumentReader
from wikistate.core.enrichment.failures import Failure, FailureKind
from wikistate.errors import DocumentError, InputError
from wikistate.ops.bootstrap import read_revisions

if TYPE_CHECKING:
    from collections.abc import Callable

MIB = 1 << 20
FILE_FORMATS = [Format.GZIP, Format.ZSTD, Format.BZIP2, Format.XZ]
HTTP_FORMATS = [Format.GZIP, Format.DEFLATE, Format.ZSTD]
ENCODINGS = {Format.GZIP: "gzip", Format.DEFLATE: "deflate", Format.ZSTD: "zstd"}
SIZES = {Format.GZIP: 40, Format.DEFLATE: 40, Format.ZSTD: 400, Format.BZIP2: 100, Format.XZ: 100}
"""Megabytes of the text of each bomb, which has at most 100 KB."""

ENOUGH_LINES = 20_000
ALLOWED = 32 * MIB
ALLOWANCE = 256 * MIB
"""Bytes of address space for a reader, of which each thread reserves 64 MB: less than a bomb or the lines in it take."""


def bomb(stream_format: Format, unit: bytes = b"\n", *, head: bytes = b"") -> bytes:
    """Return a bomb of a format."""
    packed = build_bomb(stream_format, unit, SIZES[stream_format] * MIB, head=head)
    assert len(packed) < 128 * 1024
    return packed


@pytest.mark.parametrize("reader", ["read_lines", "read_line", "read_list"])
def test_file_takes_bounded_memory(reader: str) -> None:
    """A file of empty lines, a file of one line, and a list of revisions, in each format."""
    run_within_allowance(f"{__name__}:{reader}", *FILE_FORMATS, allowance=ALLOWANCE)


@pytest.mark.parametrize("reader", ["read_answer", "read_document", "read_stream"])
def test_body_takes_bounded_memory(reader: str) -> None:
    """An answer of a wiki, a schema or stream configuration, and an event stream, in each encoding."""
    run_within_allowance(f"{__name__}:{reader}", *HTTP_FORMATS, allowance=ALLOWANCE)


@pytest.mark.parametrize(("window_log", "allowed"), [(28, MAX_WINDOW), (31, MAX_WINDOW), (24, MAX_HTTP_WINDOW)])
def test_window_of_a_frame_is_bounded(window_log: int, allowed: int) -> None:
    """The error names the limit; a frame with a smaller window is read."""
    decoder = Decoder(Format.ZSTD, max_window=allowed)
    decoder.feed(build_wide_frame(window_log, MIB))
    with pytest.raises(MemoryDemandError, match=str(allowed)):
        decoder.read(MIB)
    decoder = Decoder(Format.ZSTD, max_window=allowed)
    decoder.feed(build_wide_frame(23, MIB))
    assert len(decoder.read(2 * MIB)) == MIB


def test_file_that_demands_too_much_memory_is_named(tmp_path: Path) -> None:
    """The message has the file, the limit, and a remedy."""
    file = tmp_path / "wide.zst"
    file.write_bytes(build_wide_frame(31, MIB))
    with pytest.raises(InputError, match=rf"wide\.zst.*{MAX_WINDOW}") as raised:
        list(read_revisions(file))
    assert "smaller window" in raised.value.hint


# These functions run in a child with a limit on its memory.


def in_file(read: Callable[[Path], object], content: bytes) -> None:
    """Read a file with this content."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "bomb")
        file.write_bytes(content)
        found = read(file)
        if asyncio.iscoroutine(found):
            asyncio.run(found)


def read_lines(*names: str) -> None:
    """Read empty lines."""

    async def read(file: Path) -> int:
        source = FileSource([file], max_record_bytes=ALLOWED)
        await source.open(lambda _: asyncio.sleep(0))
        found = 0
        while found < ENOUGH_LINES and (records := await source.poll(500, 1.0)) is not None:
            found += len(records)
        await source.close()
        assert found >= ENOUGH_LINES
        return found

    for name in names:
        in_file(read, bomb(Format(name)))


def read_line(*names: str) -> None:
    """Read one long line."""

    async def read(file: Path, size: int) -> None:
        source = FileSource([file], max_record_bytes=ALLOWED)
        await source.open(lambda _: asyncio.sleep(0))
        sizes = []
        while (records := await source.poll(500, 1.0)) is not None:
            sizes += [(len(record.value or b""), record.truncated_bytes) for record in records]
        await source.close()
        assert sizes == [(ALLOWED, size - ALLOWED)]

    for name in map(Format, names):
        in_file(partial(read, size=SIZES[name] * MIB), bomb(name, b"a"))


def read_list(*names: str) -> None:
    """Read a list of revisions."""

    def read(file: Path) -> None:
        with pytest.raises(InputError, match=r"bomb, line 2, is '1{9}"):
            list(read_revisions(file))

    for name in names:
        in_file(read, bomb(Format(name), b"1", head=b"Q1,1\n"))


def over_http(name: str, content: bytes, read: Callable[[str], object], *, content_type: str = "text/plain") -> None:
    """Call a function with the address of a server that answers with this compressed body."""

    async def respond(_: web.Request) -> web.StreamResponse:
        headers = {"Content-Encoding": ENCODINGS[Format(name)], "Content-Type": content_type}
        return web.Response(body=content, headers=headers)

    async def serve() -> None:
        async with serving(respond) as origin:
            found = read(origin)
            if asyncio.iscoroutine(found):
                await found

    asyncio.run(serve())


def read_answer(*names: str) -> None:
    """Read an answer of a wiki."""

    async def read(origin: str) -> None:
        client = HttpClient(HttpSettings())
        await client.open()
        answer = await client.request(client.endpoint(f"{origin}/api.php"), "", headers={}, limit=ALLOWED)
        await client.close()
        assert isinstance(answer, Failure)
        assert answer.kind is FailureKind.TOO_LARGE
        assert "127.0.0.1" in answer.detail
        assert str(ALLOWED) in answer.detail

    for name in names:
        over_http(name, bomb(Format(name)), read)


def read_document(*names: str) -> None:
    """Read a schema."""

    async def read(origin: str) -> None:
        with pytest.raises(DocumentError, match=rf"{origin}/schema\.json has more than {MAX_BYTES} bytes"):
            await asyncio.to_thread(DocumentReader(HttpSettings()), f"{origin}/schema.json")

    for name in names:
        over_http(name, bomb(Format(name)), read)


def read_stream(*names: str) -> None:
    """Read the one event of a stream."""

    async def read(origin: str) -> None:
        settings = EventStreamsSettings(
            streams=("s",), base=f"{origin}/", since=Moment(0), max_record_bytes=ALLOWED, reconnect_limit=0.0
        )
        feed = EventStreamsFeed(settings, HttpSettings())
        await feed.open({}, MemoryMetadata())
        (arrival,) = await feed.receive() or []
        assert len(arrival.record.value or b"") == ALLOWED
        assert arrival.record.truncated_bytes == SIZES[Format.GZIP] * MIB - ALLOWED
        await feed.close()

    for name in map(Format, names):
        # The event ends behind the bomb, in a member of its own.
        packed = build_bomb(name, b"a", SIZES[Format.GZIP] * MIB, head=b"data: ") + COMPRESS[name](b"\n\n")
        over_http(name, packed, read, content_type="text/event-stream")
