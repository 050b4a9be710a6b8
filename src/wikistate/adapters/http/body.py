"""Bodies of HTTP responses, bounded while they are read and decompressed."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from wikistate.core.enrichment.failures import Failure, FailureKind

if TYPE_CHECKING:
    import aiohttp


async def read_bounded(response: aiohttp.ClientResponse, limit: int) -> bytes | Failure:
    """Read and decompress the body. Return a `Failure` as soon as it has more than `limit` bytes.

    At most `limit` bytes and one read buffer are held, whatever the server claims or compresses.
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
        return Failure(FailureKind.UNPARSABLE, f"{_response_host(response)} answers with a truncated gzip body")
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
        is_complete: Whether the chunks so far may be the whole body.
    """

    def __init__(self, limit: int) -> None:
        self.is_complete = True
        self._left = limit
        self._parts: list[bytes] = []

    def feed(self, chunk: bytes) -> bool:
        """Add a chunk. Return False if the limit is exceeded."""
        self._left -= len(chunk)
        self._parts.append(chunk)
        return self._left >= 0

    def join(self) -> bytes:
        """Return the whole body, once it is complete."""
        return self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)


class GzipBodyBuffer(BodyBuffer):
    """Buffer of gzip chunks, which never decompresses beyond the limit (RFC 1952)."""

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self._member = _gunzip()

    def feed(self, chunk: bytes) -> bool:
        """Add a compressed chunk. Return False if its content exceeds the limit."""
        while chunk:
            if self._member.eof:
                self._member = _gunzip()
            # One byte beyond the rest of the limit distinguishes "just fits" from "too much".
            if not super().feed(self._member.decompress(chunk, self._left + 1)):
                return False
            chunk = self._member.unused_data or self._member.unconsumed_tail
        self.is_complete = self._member.eof
        return True


def _gunzip() -> zlib._Decompress:
    return zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
