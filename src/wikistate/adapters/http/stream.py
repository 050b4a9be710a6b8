"""An answer that goes on for as long as the server likes, chunk by chunk."""

from __future__ import annotations

import asyncio
import zlib
from typing import TYPE_CHECKING

import aiohttp

from wikistate.core.enrichment.failures import Failure, FailureKind

if TYPE_CHECKING:
    from collections.abc import Callable

_PIECE = 1 << 20  # bytes that one read decompresses to at the most, whatever was compressed


class ByteStream:
    """The body of one answer, decompressed. `read` until it is empty or a failure, then `close`.

    Args:
        response: With the status 200 and an encoding that is identity or gzip.
        failure_of: Makes a failure of what goes wrong on the way.
    """

    def __init__(self, response: aiohttp.ClientResponse, failure_of: Callable[[BaseException], Failure]) -> None:
        self.content_type = response.content_type
        self._response = response
        self._failure_of = failure_of
        zipped = response.headers.get("Content-Encoding", "identity").lower() in ("gzip", "x-gzip")
        self._gunzip = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16) if zipped else None

    async def read(self, wait_seconds: float) -> bytes | Failure:
        """The next bytes; empty at the end. `READ_TIMEOUT` after `wait_seconds` loses nothing: read again."""
        try:
            if self._gunzip is not None and self._gunzip.unconsumed_tail:
                return self._gunzip.decompress(self._gunzip.unconsumed_tail, _PIECE)
            async with asyncio.timeout(wait_seconds):
                return await self._next()
        except (aiohttp.ClientError, OSError, ValueError, zlib.error) as error:
            return self._failure_of(error)

    async def _next(self) -> bytes:
        # A compressed chunk may be a header alone, which is no end yet.
        while chunk := await self._response.content.readany():
            if self._gunzip is None:
                return chunk
            if piece := self._gunzip.decompress(chunk, _PIECE):
                return piece
        return b""

    def close(self) -> None:
        """Drop the connection."""
        self._response.close()


def check_encoding(response: aiohttp.ClientResponse) -> Failure | None:
    """Why the body cannot be read, None when it can."""
    encoding = response.headers.get("Content-Encoding", "identity").lower()
    if encoding in ("identity", "gzip", "x-gzip"):
        return None
    return Failure(FailureKind.UNPARSABLE, f"{response.url.host} answers in the encoding {encoding!r:.40}")
