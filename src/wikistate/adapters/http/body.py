"""Bodies of HTTP answers, bounded while they are read and decompressed."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from wikistate.core.enrichment.failures import Failure, FailureKind

if TYPE_CHECKING:
    import aiohttp


async def read_bounded(response: aiohttp.ClientResponse, limit: int) -> bytes | Failure:
    """The body, decompressed, or `Failure` as soon as it turns out to have more than `limit` bytes.

    At most `limit` bytes and one read buffer are held, whatever a server claims or compresses.
    """
    encoding = response.headers.get("Content-Encoding", "identity").lower()
    if encoding not in ("identity", "gzip", "x-gzip"):
        return Failure(FailureKind.UNPARSABLE, f"{_response_host(response)} answers in the encoding {encoding!r:.40}")
    body = BodyBuffer(limit) if encoding == "identity" else GzipBodyBuffer(limit)
    if response.content_length is not None and response.content_length > limit:
        return _too_large(response, limit)
    while chunk := await response.content.readany():
        if not body.feed(chunk):
            return _too_large(response, limit)
    if not body.is_complete:
        return Failure(FailureKind.UNPARSABLE, f"{_response_host(response)} answers with gzip that is cut short")
    return body.join()


def _too_large(response: aiohttp.ClientResponse, limit: int) -> Failure:
    response.close()
    return Failure(
        FailureKind.TOO_LARGE, f"{_response_host(response)} answers with more than the {limit} bytes allowed"
    )


def _response_host(response: aiohttp.ClientResponse) -> str:
    return response.url.host or "the server"


class BodyBuffer:
    """Collects chunks up to a limit of bytes.

    Attributes:
        is_complete: Whether what was fed so far may be all of it.
    """

    def __init__(self, limit: int) -> None:
        self.is_complete = True
        self._left = limit
        self._parts: list[bytes] = []

    def feed(self, chunk: bytes) -> bool:
        """Take a chunk. False when that is too much."""
        self._left -= len(chunk)
        self._parts.append(chunk)
        return self._left >= 0

    def join(self) -> bytes:
        """The whole, once it is complete."""
        return self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)


class GzipBodyBuffer(BodyBuffer):
    """Collects what gzip chunks decompress to, and never decompresses beyond the limit (RFC 1952)."""

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self._member = _gunzip()

    def feed(self, chunk: bytes) -> bool:
        """Take a compressed chunk. False when its content is too much."""
        while chunk:
            if self._member.eof:
                self._member = _gunzip()
            # One byte beyond what is left tells "just fits" from "too much".
            if not super().feed(self._member.decompress(chunk, self._left + 1)):
                return False
            chunk = self._member.unused_data or self._member.unconsumed_tail
        self.is_complete = self._member.eof
        return True


def _gunzip() -> zlib._Decompress:
    return zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
