"""Bodies of HTTP responses, bounded while they are read and decompressed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from wikistate.adapters.compression.decoder import MAX_HTTP_WINDOW, Decoder
from wikistate.adapters.compression.formats import Format
from wikistate.core.enrichment.failures import Failure, FailureKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    import aiohttp

STEP_BYTES = 1024 * 1024
"""Bytes that are decompressed at once; then other tasks get a turn."""

_STEPS_PER_TURN = 8
"""Shorter steps after which other tasks get a turn: an ordinary answer takes fewer."""

_MAX_PARTS = 1024
"""Chunks that are kept apart: a server may send each byte alone, and an object of its own for each takes 40 bytes."""

_FEED_BYTES = 64 * 1024  # compressed bytes that are decoded at once: they may hold thousands of empty members
_OVERHEAD = 64 * 1024  # bytes by which a compressed body may exceed its content: headers, and blocks that are stored


class Headers(Protocol):
    """Headers of a response, with names that ignore case."""

    def get(self, name: str, /) -> str | None:
        """Return a header; None if there is none."""


ENCODINGS = {
    "": Format.PLAIN,
    "identity": Format.PLAIN,
    "gzip": Format.GZIP,
    "x-gzip": Format.GZIP,
    "deflate": Format.DEFLATE,
    "zstd": Format.ZSTD,
}
"""Encodings that are read. Only gzip is requested; some servers and proxies send others all the same."""


def find_encoding(headers: Headers) -> Format | None:
    """Return the format of a body by its ``Content-Encoding``; None if it is not read."""
    return ENCODINGS.get((headers.get("Content-Encoding") or "").strip().lower())


def encoding_failure(response: aiohttp.ClientResponse) -> Failure:
    """Return the failure for a response with an encoding that is not read."""
    encoding = response.headers.get("Content-Encoding", "")
    return Failure(FailureKind.UNPARSABLE, f"{_response_host(response)} answers in the encoding {encoding!r:.40}")


async def read_bounded(response: aiohttp.ClientResponse, limit: int) -> bytes | Failure:
    """Read and decompress the body. Return a `Failure` as soon as it has more than `limit` bytes.

    At most `limit` bytes and one read buffer are held, whatever the server claims or compresses. The compressed bytes are
    bounded likewise: empty members are bytes without content.
    """
    encoding = find_encoding(response.headers)
    if encoding is None:
        return encoding_failure(response)
    body = BodyBuffer(limit) if encoding is Format.PLAIN else DecodedBodyBuffer(limit, encoding)
    if response.content_length is not None and response.content_length > limit:
        return _too_large(response, limit)
    steps, turn_at = 0, limit - STEP_BYTES
    while chunk := await response.content.readany():
        for is_within in body.feed_in_steps(chunk):
            if not is_within:
                return _too_large(response, limit)
            steps += 1
            if steps % _STEPS_PER_TURN == 0 or body.left <= turn_at:
                await asyncio.sleep(0)
                turn_at = body.left - STEP_BYTES
    if not body.is_complete:
        return Failure(
            FailureKind.UNPARSABLE, f"{_response_host(response)} answers with a truncated {encoding.value} body"
        )
    return body.join()


def _too_large(response: aiohttp.ClientResponse, limit: int) -> Failure:
    response.close()
    return Failure(
        FailureKind.TOO_LARGE, f"{_response_host(response)} answers with more than the allowed {limit} bytes"
    )


def _response_host(response: aiohttp.ClientResponse) -> str:
    return response.url.host or "the server"


class BodyBuffer:
    """Buffer of chunks with a limit in bytes.

    Attributes:
        left: The rest of the limit; negative beyond it.
    """

    def __init__(self, limit: int) -> None:
        self.left = limit
        self._parts: list[bytes] = []
        self._joined: list[bytes] = []

    @property
    def is_complete(self) -> bool:
        """Whether the chunks so far may be the whole body."""
        return True

    def feed_in_steps(self, chunk: bytes) -> Iterator[bool]:
        """Add a chunk in steps of bounded work. Yield after each whether the limit still holds; stop when it does not."""
        yield self._append(chunk)

    def feed(self, chunk: bytes) -> bool:
        """Add a chunk. Return False if the limit is exceeded."""
        return all(self.feed_in_steps(chunk))

    def join(self) -> bytes:
        """Return the whole body, once it is complete."""
        parts = [*self._joined, *self._parts]
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _append(self, chunk: bytes) -> bool:
        self.left -= len(chunk)
        self._parts.append(chunk)
        if len(self._parts) == _MAX_PARTS:
            self._joined.append(b"".join(self._parts))
            self._parts.clear()
        return self.left >= 0


class DecodedBodyBuffer(BodyBuffer):
    """Buffer of compressed chunks, which never decompresses beyond the limit.

    Args:
        limit: Largest size of the decompressed body, in bytes.
        encoding: The format of the chunks.
    """

    def __init__(self, limit: int, encoding: Format) -> None:
        super().__init__(limit)
        self._decoder = Decoder(encoding, max_window=MAX_HTTP_WINDOW)
        self._packed_left = limit + limit // 1000 + _OVERHEAD

    @property
    def is_complete(self) -> bool:
        """See `BodyBuffer`."""
        return self._decoder.is_complete

    def feed_in_steps(self, chunk: bytes) -> Iterator[bool]:
        """See `BodyBuffer`.

        Raises:
            DamagedError: The chunk is not in the format, or is damaged.
        """
        self._packed_left -= len(chunk)
        for start in range(0, len(chunk), _FEED_BYTES):
            self._decoder.feed(chunk[start : start + _FEED_BYTES])
            # One byte beyond the rest of the limit distinguishes "just fits" from "too much".
            while piece := self._decoder.read(min(self.left + 1, STEP_BYTES)):
                is_within = self._append(piece)
                yield is_within
                if not is_within:
                    return
            yield self._packed_left >= 0
