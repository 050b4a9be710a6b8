"""Decoder of compressed bytes: member after member, in steps of a bounded size.

A stream may consist of several members (RFC 1952), frames (RFC 8878) or streams (bzip2, xz), one after the other, and of
zero bytes between and behind them, which writers to tapes and disk images add. It is read to its real end; an end within
a member is an error.

A few bytes may decompress to gigabytes. `Decoder.read` therefore returns at most the number of bytes that its caller
allows and keeps the rest compressed.
"""

from __future__ import annotations

import bz2
import lzma
import zlib
from typing import TYPE_CHECKING, Protocol

import zstandard

from wikistate.adapters.compression.formats import Format

if TYPE_CHECKING:
    from collections.abc import Callable


class DamagedError(Exception):
    """Invalid compressed bytes. The error is never raised outside of the adapters."""


class TruncatedError(DamagedError):
    """Compressed bytes that end inside a member."""

    def __init__(self) -> None:
        super().__init__("it ends in the middle")


class Member(Protocol):
    """Decompressor of one member, as those of the standard library."""

    @property
    def eof(self) -> bool:
        """Whether the end of the member was reached and all its bytes were returned."""

    @property
    def needs_input(self) -> bool:
        """Whether it returns nothing more without further input."""

    @property
    def unused_data(self) -> bytes:
        """Bytes behind the end of the member."""

    def decompress(self, data: bytes, /, max_length: int) -> bytes:
        """Return the next at most `max_length` bytes, of this and earlier input."""


class Decoder:
    """Decoder of a stream. Protocol: `feed`, then `read` until it is empty, and so on; `finish` at the end.

    Args:
        stream_format: The format of the stream.

    Attributes:
        complete_bytes: The number of compressed bytes in the members that have ended, with the zero bytes behind them.
    """

    def __init__(self, stream_format: Format) -> None:
        self._new = _MEMBERS[stream_format]
        self._member: Member | None = None
        self._pending = b""
        self._fed = 0
        self.complete_bytes = 0

    @property
    def is_complete(self) -> bool:
        """Whether the bytes so far may be the whole stream."""
        return self._member is None and not self._pending

    def feed(self, chunk: bytes) -> None:
        """Add compressed bytes."""
        self._fed += len(chunk)
        self._pending = self._pending + chunk if self._pending else chunk

    def read(self, limit: int) -> bytes:
        """Return the next decompressed bytes, at most `limit` of them; none if it needs to be fed.

        Raises:
            DamagedError: The bytes have another format, or are damaged.
        """
        while (member := self._member or self._begin_member()) is not None:
            if member.needs_input and not self._pending:
                return b""
            chunk, self._pending = self._pending, b""
            try:
                piece = member.decompress(chunk, limit)
            except (zlib.error, zstandard.ZstdError, lzma.LZMAError, OSError, EOFError) as error:
                raise DamagedError(str(error)) from error
            if member.eof:
                self._member, self._pending = None, member.unused_data
                self.complete_bytes = self._fed - len(self._pending)
            if piece:
                return piece
        return b""

    def finish(self) -> None:
        """Check the end of the stream.

        Raises:
            TruncatedError: The last member has no end.
        """
        if not self.is_complete:
            raise TruncatedError

    def _begin_member(self) -> Member | None:
        if self.complete_bytes:
            self._pending = self._pending.lstrip(b"\0")
            self.complete_bytes = self._fed - len(self._pending)
        if self._pending:
            self._member = self._new()
        return self._member


class _ZlibMember:
    """Member of gzip, or of "deflate" in HTTP."""

    def __init__(self, window_bits: int) -> None:
        self._stream = zlib.decompressobj(window_bits)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._stream.eof

    @property
    def unused_data(self) -> bytes:
        return self._stream.unused_data

    def decompress(self, data: bytes, /, max_length: int) -> bytes:
        tail = self._stream.unconsumed_tail
        piece = self._stream.decompress(tail + data if tail else data, max_length)
        # A full piece may leave output behind although all input is consumed.
        self.needs_input = not self._stream.unconsumed_tail and len(piece) < max_length
        return piece


class _DeflateMember:
    """Member of "deflate" in HTTP: the zlib format, or raw (RFC 9110, section 8.4.1.2).

    Some servers send the raw format. The first two bytes distinguish them.
    """

    _HEADER = 2

    def __init__(self) -> None:
        self._head = b""
        self._member: _ZlibMember | None = None

    @property
    def eof(self) -> bool:
        return self._member is not None and self._member.eof

    @property
    def needs_input(self) -> bool:
        return self._member is None or self._member.needs_input

    @property
    def unused_data(self) -> bytes:
        return b"" if self._member is None else self._member.unused_data

    def decompress(self, data: bytes, /, max_length: int) -> bytes:
        if self._member is None:
            self._head += data
            if len(self._head) < self._HEADER:
                return b""
            method, check = self._head[0] & 0x0F, int.from_bytes(self._head[:2], "big") % 31
            self._member = _ZlibMember(zlib.MAX_WBITS if (method, check) == (8, 0) else -zlib.MAX_WBITS)
            data, self._head = self._head, b""
        return self._member.decompress(data, max_length)


class _ZstdFrame:
    """Frame of Zstandard.

    The library has no bound for its output. A block of at most 128 KB takes at least four compressed bytes, so a slice of
    input bounds it instead: to 8 MB.
    """

    _SLICE = 256

    def __init__(self) -> None:
        self._frame = zstandard.ZstdDecompressor().decompressobj()
        self._input = b""
        self._output = b""

    @property
    def eof(self) -> bool:
        return self._frame.eof and not self._output

    @property
    def needs_input(self) -> bool:
        return not self._input and not self._output

    @property
    def unused_data(self) -> bytes:
        return self._frame.unused_data + self._input

    def decompress(self, data: bytes, /, max_length: int) -> bytes:
        self._input = self._input + data if self._input else data
        pieces = [self._output] if self._output else []
        size, at = len(self._output), 0
        while size < max_length and at < len(self._input) and not self._frame.eof:
            pieces.append(self._frame.decompress(self._input[at : at + self._SLICE]))
            size, at = size + len(pieces[-1]), at + self._SLICE
        self._input = self._input[at:]
        found = b"".join(pieces)
        self._output = found[max_length:]
        return found[:max_length]


_XZ_MEMORY = 256 * 1024 * 1024  # bytes; the presets of xz need at most 65 MB

_MEMBERS: dict[Format, Callable[[], Member]] = {
    Format.GZIP: lambda: _ZlibMember(zlib.MAX_WBITS | 16),
    Format.DEFLATE: _DeflateMember,
    Format.ZSTD: _ZstdFrame,
    Format.BZIP2: bz2.BZ2Decompressor,
    Format.XZ: lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY),
}
