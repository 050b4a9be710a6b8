"""Bodies of HTTP responses, bounded while they are read and decompressed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from wikistate.adapters.compression.decoder import Decoder
from wikistate.adapters.compression.formats import Format
from wikistate.core.enrichment.failures import Failure, FailureKind

if TYPE_CHECKING:
    import aiohttp


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

    At most `limit` bytes and one read buffer are held, whatever the server claims or compresses.
    """
    encoding = find_encoding(response.headers)
    if encoding is None:
        return encoding_failure(response)
    body = BodyBuffer(limit) if encoding is Format.PLAIN else DecodedBodyBuffer(limit, encoding)
    if response.content_length is not None and response.content_length > limit:
        return _too_large(response, limit)
    while chunk := await response.content.readany():
        if not body.feed(chunk):
            return _too_large(response, limit)
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
    """Buffer of chunks with a limit in bytes."""

    def __init__(self, limit: int) -> None:
        self._left = limit
        self._parts: list[bytes] = []

    @property
    def is_complete(self) -> bool:
        """Whether the chunks so far may be the whole body."""
        return True

    def feed(self, chunk: bytes) -> bool:
        """Add a chunk. Return False if the limit is exceeded."""
        self._left -= len(chunk)
        self._parts.append(chunk)
        return self._left >= 0

    def join(self) -> bytes:
        """Return the whole body, once it is complete."""
        return self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)


class DecodedBodyBuffer(BodyBuffer):
    """Buffer of compressed chunks, which never decompresses beyond the limit.

    Args:
        limit: Largest size of the decompressed body, in bytes.
        encoding: The format of the chunks.
    """

    def __init__(self, limit: int, encoding: Format) -> None:
        super().__init__(limit)
        self._decoder = Decoder(encoding)

    @property
    def is_complete(self) -> bool:
        """See `BodyBuffer`."""
        return self._decoder.is_complete

    def feed(self, chunk: bytes) -> bool:
        """Add a compressed chunk. Return False if its content exceeds the limit.

        Raises:
            DamagedError: The chunk is not in the format, or is damaged.
        """
        self._decoder.feed(chunk)
        # One byte beyond the rest of the limit distinguishes "just fits" from "too much".
        while piece := self._decoder.read(self._left + 1):
            if not super().feed(piece):
                return False
        return True
