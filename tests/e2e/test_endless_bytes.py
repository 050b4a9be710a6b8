"""A stop is heard while a server sends bytes without end and without content, as fast as they are read."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from tests.e2e.commands import start_command
from tests.unit.adapters.compression.bombs import build_bomb
from tests.unit.adapters.compression.compressed import COMPRESS, SKIPPABLE_FRAME
from tests.unit.adapters.http.http_server import serving

from wikistate.adapters.compression.formats import Format

if TYPE_CHECKING:
    from pathlib import Path

ENDLESS = {
    "comments": ("identity", b":\n" * 100_000),
    "packed-comments": ("gzip", build_bomb(Format.GZIP, b":\n", 1 << 26)),
    "empty-members": ("gzip", COMPRESS[Format.GZIP](b"") * 5000),
    "skippable-frames": ("zstd", SKIPPABLE_FRAME * 10_000),
    "empty-data": ("gzip", build_bomb(Format.GZIP, b"data\n", 1 << 26)),
    "tiny-events": ("gzip", build_bomb(Format.GZIP, b"data\n\n", 1 << 24)),
}
"""The encoding of each stream, and the bytes that it repeats."""


@pytest.mark.parametrize("name", ENDLESS)
async def test_stop_is_heard(name: str, tmp_path: Path) -> None:
    """The job drains and ends as after any other stop."""
    encoding, block = ENDLESS[name]

    async def respond(request: web.Request) -> web.StreamResponse:
        headers = {"Content-Type": "text/event-stream", "Content-Encoding": encoding}
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        while True:
            await response.write(block)

    async with serving(respond) as origin:
        words = ("--source", f"eventstreams:s?base={origin}/", "--sink", "file:out.ndjson", "--state", "state")
        async with start_command("run", "page-content-change", *words, folder=tmp_path) as command:
            await command.wait_for_log("stream_opened")
            command.send(signal.SIGTERM)
            await command.wait_for_log("stop_requested")
            finished = await command.finish()
    assert finished.status in (0, 8), finished.err  # 8: most events of the run were not valid
    assert "Traceback" not in finished.err
