"""Compression of NDJSON files: gzip and Zstandard as streams of members, which may be appended to one another.

Sources: RFC 1952 (gzip members) and RFC 8878 (Zstandard frames). Both define that a concatenation of compressed files
is a compressed file.
"""

from __future__ import annotations

import zlib
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

import zstandard

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Codec(StrEnum):
    """The compression of a file."""

    PLAIN = ""
    GZIP = ".gz"
    ZSTD = ".zst"


class DamagedError(Exception):
    """Invalid compressed bytes. The error is never raised outside of this package."""


class TruncatedError(DamagedError):
    """Compressed bytes that end inside a member."""


class Member(Protocol):
    """The decompressor of one gzip member or one Zstandard frame."""

    @property
    def eof(self) -> bool:
        """Whether the end of the member was reached."""

    @property
    def unused_data(self) -> bytes:
        """The bytes after the end of the member."""

    def decompress(self, chunk: bytes, /) -> bytes:
        """Return the decompressed chunk."""


class Compressor(Protocol):
    """A compressor of one member after the other."""

    def compress(self, chunk: bytes, /) -> bytes:
        """Return the bytes to write now; may be empty."""

    def flush(self) -> bytes:
        """Return the remaining bytes, which end the member."""


_MAGIC = {b"\x1f\x8b": Codec.GZIP, b"\x28\xb5\x2f\xfd": Codec.ZSTD}


def codec_by_name(path: Path) -> Codec:
    """Return the codec for the name of a file."""
    return next((codec for codec in (Codec.GZIP, Codec.ZSTD) if path.name.endswith(codec.value)), Codec.PLAIN)


def codec_by_magic(head: bytes) -> Codec | None:
    """Return the codec for the first bytes of a file, or None if there are too few bytes.

    No JSON document begins with the bytes of a compressed document.
    """
    for magic, codec in _MAGIC.items():
        if head.startswith(magic):
            return codec
        if magic.startswith(head):
            return None
    return Codec.PLAIN


def build_compressor(codec: Codec) -> Compressor | None:
    """Return the compressor of the next member; None for a plain file."""
    match codec:
        case Codec.GZIP:
            return zlib.compressobj(wbits=_GZIP)
        case Codec.ZSTD:
            return zstandard.ZstdCompressor().compressobj()
        case Codec.PLAIN:
            return None


class Decompressor:
    """A decompressor of one member after the other.

    Args:
        codec: The codec of the stream.
    """

    def __init__(self, codec: Codec) -> None:
        self._new = _MEMBERS[codec]
        self._member: Member | None = None
        self._taken = 0
        self.complete_bytes = 0
        """The number of compressed bytes in the members that have ended."""

    def feed(self, chunk: bytes) -> bytes:
        """Return the decompressed chunk.

        Raises:
            DamagedError: The bytes have another compression, or are damaged.
        """
        parts = []
        while chunk:
            member = self._member = self._member or self._new()
            try:
                parts.append(member.decompress(chunk))
            except (zlib.error, zstandard.ZstdError) as error:
                raise DamagedError(str(error)) from error
            left = member.unused_data if member.eof else b""
            self._taken += len(chunk) - len(left)
            chunk = left
            if member.eof:
                self._member, self.complete_bytes = None, self._taken
        return b"".join(parts)

    def finish(self) -> None:
        """Check the end of the stream.

        Raises:
            TruncatedError: The last member has no end.
        """
        if self._member is not None:
            raise TruncatedError("it ends in the middle")


class PlainReader:
    """The counterpart of `Decompressor` for plain files, which returns the bytes unchanged."""

    def feed(self, chunk: bytes) -> bytes:
        """Return the chunk."""
        return chunk

    def finish(self) -> None:
        """Check nothing: a plain file may end anywhere."""


_GZIP = 16 + zlib.MAX_WBITS  # zlib: with the header and checksum of gzip

_MEMBERS: dict[Codec, Callable[[], Member]] = {
    Codec.GZIP: lambda: zlib.decompressobj(_GZIP),
    Codec.ZSTD: lambda: zstandard.ZstdDecompressor().decompressobj(),
}


def build_decompressor(codec: Codec) -> Decompressor | PlainReader:
    """Return the decompressor of a stream with this codec."""
    return PlainReader() if codec is Codec.PLAIN else Decompressor(codec)
