"""Response bodies as sequences of pieces, so that a piece of many responses is encoded and compressed once.

Deflate allows this (RFC 1951): separately compressed runs of blocks may be joined to one stream if each run is flushed
to a byte boundary with an empty history. Only the checksum is computed for each response.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_UNCOMPRESSED_BYTES = 200
"""Size in bytes up to which compression costs more than it saves; such a piece is stored uncompressed."""

MAX_STORED_BLOCK = 65_535
_HEAD = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"  # RFC 1952: deflate, no name, no time, unknown system
_LAST_BLOCK = b"\x01\x00\x00\xff\xff"


class CachedBody:
    """Part of a response body; it is compressed at the first use of `compressed`."""

    __slots__ = ("_compressed", "raw")

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self._compressed: bytes | None = None

    @property
    def compressed(self) -> bytes:
        """Deflate blocks for `raw`; they end on a byte boundary and refer to nothing before them."""
        if self._compressed is None:
            self._compressed = (
                _encode_stored(self.raw) if len(self.raw) <= MAX_UNCOMPRESSED_BYTES else _deflate(self.raw)
            )
        return self._compressed


def _encode_stored(raw: bytes) -> bytes:
    return struct.pack("<BHH", 0, len(raw), len(raw) ^ MAX_STORED_BLOCK) + raw


def _deflate(raw: bytes) -> bytes:
    deflate = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    return deflate.compress(raw) + deflate.flush(zlib.Z_FULL_FLUSH)


def join_plain(pieces: Sequence[CachedBody]) -> bytes:
    """Return the uncompressed body."""
    return b"".join([piece.raw for piece in pieces])


def join_gzipped(pieces: Sequence[CachedBody]) -> bytes:
    """Return the body as one gzip member (RFC 1952)."""
    checksum = size = 0
    for piece in pieces:
        checksum = zlib.crc32(piece.raw, checksum)
        size += len(piece.raw)
    body = [piece.compressed for piece in pieces]
    return b"".join([_HEAD, *body, _LAST_BLOCK, struct.pack("<II", checksum, size & 0xFFFFFFFF)])
