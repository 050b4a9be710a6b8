"""Endless HTTP response, read chunk by chunk."""

from __future__ import annotations

import asyncio
import zlib
from typing import TYPE_CHECKING

import aiohttp

from wikistate.core.enrichment.failures import Failure, FailureKind

if TYPE_CHECKING:
    from collections.abc import Callable

_MAX_CHUNK = 1 << 20  # bytes; one read decompresses to at most this size


class ByteStream:
    """Decompressed body of one response. Call `read` until it returns an empty result or a failure, then `close`.

    Args:
        response: Response with the status 200 and the encoding identity or gzip.
        failure_of: Maps an exception to a failure.
    """

    def __init__(self, response: aiohttp.ClientResponse, failure_of: Callable[[BaseException], Failure]) -> None:
        self.content_type = response.content_type
        self._response = response
        self._failure_of = failure_of
        is_gzip = response.headers.get("Content-Encoding", "identity").lower() in ("gzip", "x-gzip")
        self._gunzip = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16) if is_gzip else None

    async def read(self, wait_seconds: float) -> bytes | Failure:
        """Return the next bytes; empty at the end.

        After `wait_seconds` without a byte, return a failure of the kind `READ_TIMEOUT`. It loses nothing: read again.
        """
        try:
            if self._gunzip is not None and self._gunzip.unconsumed_tail:
                return self._gunzip.decompress(self._gunzip.unconsumed_tail, _MAX_CHUNK)
            async with asyncio.timeout(wait_seconds):
                return await self._next()
        except (aiohttp.ClientError, OSError, ValueError, zlib.error) as error:
            return self._failure_of(error)

    async def _next(self) -> bytes:
        # A compressed chunk may hold a header alone, which is not the end of the body.
        while chunk := await self._response.content.readany():
            if self._gunzip is None:
                return chunk
            if decompressed := self._gunzip.decompress(chunk, _MAX_CHUNK):
                return decompressed
        return b""

    def close(self) -> None:
        """Close the connection."""
        self._response.close()


def check_encoding(response: aiohttp.ClientResponse) -> Failure | None:
    """Return the failure of an encoding that cannot be read; None if the body can be read."""
    encoding = response.headers.get("Content-Encoding", "identity").lower()
    if encoding in ("identity", "gzip", "x-gzip"):
        return None
    return Failure(FailureKind.UNPARSABLE, f"{response.url.host} answers in the encoding {encoding!r:.40}")
