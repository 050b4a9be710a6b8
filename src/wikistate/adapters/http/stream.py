"""Endless HTTP response, read chunk by chunk."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import aiohttp

from wikistate.adapters.compression.decoder import DamagedError, Decoder, TruncatedError
from wikistate.adapters.compression.formats import Format
from wikistate.adapters.http.body import encoding_failure, find_encoding
from wikistate.core.enrichment.failures import Failure, FailureKind

if TYPE_CHECKING:
    from collections.abc import Callable

_MAX_CHUNK = 1 << 20  # bytes; one read decompresses to at most this size


class ByteStream:
    """Decompressed body of one response. Call `read` until it returns an empty result or a failure, then `close`.

    Args:
        response: Response with the status 200 and an encoding that is read; see `check_encoding`.
        failure_of: Maps an exception to a failure.
    """

    def __init__(self, response: aiohttp.ClientResponse, failure_of: Callable[[BaseException], Failure]) -> None:
        self.content_type = response.content_type
        self._response = response
        self._failure_of = failure_of
        encoding = find_encoding(response.headers) or Format.PLAIN
        self._decoder = None if encoding is Format.PLAIN else Decoder(encoding)

    async def read(self, wait_seconds: float) -> bytes | Failure:
        """Return the next bytes; empty at the end.

        After `wait_seconds` without a byte, return a failure of the kind `READ_TIMEOUT`. It loses nothing: read again.
        """
        try:
            if self._decoder is not None and (piece := self._decoder.read(_MAX_CHUNK)):
                return piece
            async with asyncio.timeout(wait_seconds):
                return await self._next()
        except TruncatedError:
            return Failure(
                FailureKind.CONNECTION_FAILED, f"{self._response.url.host} ends its answer within compressed bytes"
            )
        except (aiohttp.ClientError, OSError, ValueError, DamagedError) as error:
            return self._failure_of(error)

    async def _next(self) -> bytes:
        # A compressed chunk may hold a header alone, which is not the end of the body.
        while chunk := await self._response.content.readany():
            if self._decoder is None:
                return chunk
            self._decoder.feed(chunk)
            if piece := self._decoder.read(_MAX_CHUNK):
                return piece
        if self._decoder is not None:
            self._decoder.finish()
        return b""

    def close(self) -> None:
        """Close the connection."""
        self._response.close()


def check_encoding(response: aiohttp.ClientResponse) -> Failure | None:
    """Return the failure of an encoding that cannot be read; None if the body can be read."""
    return encoding_failure(response) if find_encoding(response.headers) is None else None
