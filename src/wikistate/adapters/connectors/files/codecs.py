"""Compression of NDJSON files: gzip and Zstandard as streams of members, which may be appended to one another.

Sources: RFC 1952 (gzip members) and RFC 8878 (Zstandard frames); both say that a concatenation of compressed files is
a compressed file.
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
    """How a file is compressed."""

    PLAIN = ""
    GZIP = ".gz"
    ZSTD = ".zst"


class DamagedError(Exception):
    """The compressed bytes are not what they must be. Never leaves this package."""


class TruncatedError(DamagedError):
    """The compressed bytes end in the middle."""


class Member(Protocol):
    """Decompresses one gzip member or one Zstandard frame."""

    @property
    def eof(self) -> bool:
        """Whether its end was reached."""

    @property
    def unused_data(self) -> bytes:
        """What was fed behind its end."""

    def decompress(self, chunk: bytes, /) -> bytes:
        """What the chunk decompresses to."""


class Compressor(Protocol):
    """Makes one member after the other."""

    def compress(self, chunk: bytes, /) -> bytes:
        """Bytes to write now; may be empty."""

    def flush(self) -> bytes:
        """The rest, which ends the member."""


_MAGIC = {b"\x1f\x8b": Codec.GZIP, b"\x28\xb5\x2f\xfd": Codec.ZSTD}


def codec_by_name(path: Path) -> Codec:
    """The codec that a file's name asks for."""
    return next((codec for codec in (Codec.GZIP, Codec.ZSTD) if path.name.endswith(codec.value)), Codec.PLAIN)


def codec_by_magic(head: bytes) -> Codec | None:
    """The codec that the first bytes of a file show, or None when they are too few to tell.

    No JSON document begins like a compressed one.
    """
    for magic, codec in _MAGIC.items():
        if head.startswith(magic):
            return codec
        if magic.startswith(head):
            return None
    return Codec.PLAIN


def build_compressor(codec: Codec) -> Compressor | None:
    """What makes the next member; None for a plain file."""
    match codec:
        case Codec.GZIP:
            return zlib.compressobj(wbits=_GZIP)
        case Codec.ZSTD:
            return zstandard.ZstdCompressor().compressobj()
        case Codec.PLAIN:
            return None


class Decompressor:
    """Decompresses members one after the other.

    Args:
        codec: Of the stream.
    """

    def __init__(self, codec: Codec) -> None:
        self._new = _MEMBERS[codec]
        self._member: Member | None = None
        self._taken = 0
        self.complete_bytes = 0
        """How many compressed bytes the members take that have ended."""

    def feed(self, chunk: bytes) -> bytes:
        """What the chunk decompresses to.

        Raises:
            DamagedError: The bytes are not compressed in this way.
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
        """Say that the stream has ended.

        Raises:
            TornError: A member has begun and not ended.
        """
        if self._member is not None:
            raise TruncatedError("it ends in the middle")


class PlainReader:
    """Passes bytes on; the counterpart of `Decompressor` for files that are not compressed."""

    def feed(self, chunk: bytes) -> bytes:
        """The chunk."""
        return chunk

    def finish(self) -> None:
        """Nothing can be missing."""


_GZIP = 16 + zlib.MAX_WBITS  # zlib's way to say "with gzip's header and check sum"

_MEMBERS: dict[Codec, Callable[[], Member]] = {
    Codec.GZIP: lambda: zlib.decompressobj(_GZIP),
    Codec.ZSTD: lambda: zstandard.ZstdDecompressor().decompressobj(),
}


def build_decompressor(codec: Codec) -> Decompressor | PlainReader:
    """What reads a stream of this codec."""
    return PlainReader() if codec is Codec.PLAIN else Decompressor(codec)
