"""Endless HTTP response, read chunk by chunk."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import aiohttp

from wikistate.adapters.compression.decoder import MAX_HTTP_WINDOW, DamagedError, Decoder, TruncatedError
from wikistate.adapters.compression.formats import Format
from wikistate.adapters.http.body import encoding_failure, find_encoding
from wikistate.core.enrichment.failures import Failure, FailureKind

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_PIECE = 64 * 1024
"""Bytes that one read returns at most, and that it decompresses at most: the unit of work between two turns of the loop."""


class ByteStream:
    """Decompressed body of one response. Call `read` until it returns an empty result or a failure, then `close`.

    Each read gives other tasks a turn: a server that sends faster than its bytes are processed does not hold the loop.

    Args:
        response: Response with the status 200 and an encoding that is read; see `check_encoding`.
        failure_of: Maps an exception to a failure.
    """

    def __init__(self, response: aiohttp.ClientResponse, failure_of: Callable[[BaseException], Failure]) -> None:
        self.content_type = response.content_type
        self._response = response
        self._failure_of = failure_of
        self._received = b""
        self._taken = 0  # of the received bytes
        encoding = find_encoding(response.headers) or Format.PLAIN
        self._decoder = None if encoding is Format.PLAIN else Decoder(encoding, max_window=MAX_HTTP_WINDOW)

    async def read(self, wait_seconds: float) -> bytes | Failure:
        """Return the next bytes, at most `MAX_PIECE`; empty at the end.

        After `wait_seconds` without a byte, return a failure of the kind `READ_TIMEOUT`. It loses nothing: read again.
        """
        try:
            async with asyncio.timeout(wait_seconds):
                return await self._next()
        except TruncatedError:
            return Failure(
                FailureKind.CONNECTION_FAILED, f"{self._response.url.host} ends its answer within compressed bytes"
            )
        except (aiohttp.ClientError, OSError, ValueError, DamagedError) as error:
            return self._failure_of(error)

    async def _next(self) -> bytes:
        # The wait comes first: a timeout that cancels it loses no bytes.
        await asyncio.sleep(0)
        if self._decoder is None:
            return await self._receive_piece()
        # A compressed piece may hold a header alone, or empty members, which are not the end of the body.
        while not (piece := self._decoder.read(MAX_PIECE)):
            if not (chunk := await self._receive_piece()):
                self._decoder.finish()
                return b""
            self._decoder.feed(chunk)
            await asyncio.sleep(0)
        return piece

    async def _receive_piece(self) -> bytes:
        """Return the next bytes of the body, which may be there already; empty at the end."""
        if self._taken == len(self._received):
            self._received, self._taken = await self._response.content.readany(), 0
        piece = self._received[self._taken : self._taken + MAX_PIECE]
        self._taken += len(piece)
        return piece

    def close(self) -> None:
        """Close the connection."""
        self._response.close()


def check_encoding(response: aiohttp.ClientResponse) -> Failure | None:
    """Return the failure of an encoding that cannot be read; None if the body can be read."""
    return encoding_failure(response) if find_encoding(response.headers) is None else None
