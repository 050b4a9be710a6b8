"""Decoder of compressed bytes: member after member, in steps of a bounded size.

A stream may consist of several members (RFC 1952), frames (RFC 8878) or streams (bzip2, xz), one after the other, and of
zero bytes between and behind them, which writers to tapes and disk images add. It is read to its real end; an end within
a member is an error.

A few bytes may decompress to gigabytes. `Decoder.read` therefore returns at most the number of bytes that its caller
allows and keeps the rest compressed. The memory of a decompressor is bounded, too: a frame may demand a window of any
size. Work grows with the bytes that are fed and returned: a member is given a slice at a time, so that the bytes behind
its end are not copied for each of many short members.

gzip and "deflate" are decompressed by isal, which takes a third to a sixth of the time of zlib.
"""

from __future__ import annotations

import bz2
import lzma
import re
import zlib
from typing import TYPE_CHECKING, Protocol, assert_never

import zstandard
from isal import isal_zlib

from wikistate.adapters.compression.formats import Format

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_WINDOW = 128 * 1024 * 1024
"""The largest window of a Zstandard frame in a file, in bytes: that of ``zstd --long``, and the limit of its decoder."""

MAX_HTTP_WINDOW = 8 * 1024 * 1024
"""The largest window of a Zstandard frame in an HTTP body, in bytes (RFC 9659)."""

MAX_XZ_MEMORY = 256 * 1024 * 1024
"""The largest memory of the decoder of xz, in bytes; the presets of xz need at most 65 MB."""

_FIRST_SLICE, _SLICE = 4_096, 65_536  # bytes that a member is given first, and then at a time: many are short
_ZEROS = re.compile(rb"\0*")
_ZLIB_ERROR: type[Exception] = isal_zlib.error  # type: ignore[assignment]  # its stub states an instance


class DamagedError(Exception):
    """Invalid compressed bytes. The error is never raised outside of the adapters."""


class TruncatedError(DamagedError):
    """Compressed bytes that end inside a member."""

    def __init__(self) -> None:
        super().__init__("it ends in the middle")


class MemoryDemandError(DamagedError):
    """Compressed bytes that need more memory to be decompressed than is allowed."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"it needs more than the allowed {limit} bytes of memory to decompress")


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

    The work of a `read` grows with the bytes that were fed. A caller on an event loop feeds at most some 64 KB at a time.

    Args:
        stream_format: The format of the stream.
        max_window: The largest window of a Zstandard frame, in bytes.

    Attributes:
        complete_bytes: The number of compressed bytes in the members that have ended, with the zero bytes behind them.
    """

    def __init__(self, stream_format: Format, *, max_window: int = MAX_WINDOW) -> None:
        self._new = _member_factory(stream_format, max_window)
        self._member: Member | None = None
        self._slice = _FIRST_SLICE
        self._pending = b""
        self._at = 0  # in the pending bytes; those before it were given to a member
        self._fed = 0
        self._failure: DamagedError | None = None
        self.complete_bytes = 0

    @property
    def is_complete(self) -> bool:
        """Whether the bytes so far may be the whole stream."""
        return self._member is None and self._at == len(self._pending) and self._failure is None

    def feed(self, chunk: bytes) -> None:
        """Add compressed bytes."""
        self._fed += len(chunk)
        self._pending = self._pending[self._at :] + chunk if self._at < len(self._pending) else chunk
        self._at = 0

    def read(self, limit: int) -> bytes:
        """Return the next decompressed bytes, at most `limit` of them; none if it needs to be fed.

        Raises:
            DamagedError: The bytes have another format, are damaged, or need too much memory.
        """
        if self._failure is not None:
            raise self._failure
        pieces: list[bytes] = []
        left = limit
        while left > 0 and (member := self._member or self._begin_member()) is not None:
            if member.needs_input and self._at == len(self._pending):
                break
            try:
                piece = self._decompress(member, left)
            except DamagedError as error:
                if not pieces:
                    raise
                self._failure = error  # the bytes before it are returned first
                break
            if piece:
                pieces.append(piece)
                left -= len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def finish(self) -> None:
        """Check the end of the stream.

        Raises:
            TruncatedError: The last member has no end.
        """
        if not self.is_complete:
            raise TruncatedError

    def _decompress(self, member: Member, limit: int) -> bytes:
        chunk = self._pending[self._at : self._at + self._slice] if member.needs_input else b""
        self._at += len(chunk)
        self._slice = _SLICE
        try:
            piece = member.decompress(chunk, limit)
        except (_ZLIB_ERROR, zstandard.ZstdError, lzma.LZMAError, OSError, EOFError) as error:
            raise DamagedError(str(error)) from error
        if member.eof:
            self._member = None
            self._return_to_pending(member.unused_data)
            self.complete_bytes = self._fed - len(self._pending) + self._at
        return piece

    def _return_to_pending(self, unused: bytes) -> None:
        if len(unused) <= self._at:
            self._at -= len(unused)
        else:  # more was fed before all was read
            self._pending, self._at = unused + self._pending[self._at :], 0

    def _begin_member(self) -> Member | None:
        if self.complete_bytes and (zeros := _ZEROS.match(self._pending, self._at)):
            self._at = zeros.end()
            self.complete_bytes = self._fed - len(self._pending) + self._at
        if self._at < len(self._pending):
            self._member, self._slice = self._new(), _FIRST_SLICE
        return self._member


class _ZlibMember:
    """Member of gzip, or of "deflate" in HTTP."""

    def __init__(self, window_bits: int) -> None:
        self._stream = isal_zlib.decompressobj(window_bits)
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

    def __init__(self, context: zstandard.ZstdDecompressor, max_window: int) -> None:
        self._max_window = max_window
        self._frame = context.decompressobj()
        self._input = b""
        self._output = b""
        self._returned = 0  # bytes of the output

    @property
    def eof(self) -> bool:
        return self._frame.eof and self._returned == len(self._output)

    @property
    def needs_input(self) -> bool:
        return not self._input and self._returned == len(self._output)

    @property
    def unused_data(self) -> bytes:
        return self._frame.unused_data + self._input

    def decompress(self, data: bytes, /, max_length: int) -> bytes:
        self._input = self._input + data if self._input else data
        if self._returned == len(self._output):
            self._output, self._returned = self._decompress_slices(max_length), 0
        piece = self._output[self._returned : self._returned + max_length]
        self._returned += len(piece)
        if self._returned == len(self._output):
            self._output, self._returned = b"", 0
        return piece

    def _decompress_slices(self, wanted: int) -> bytes:
        pieces: list[bytes] = []
        size = at = 0
        try:
            while size < wanted and at < len(self._input) and not self._frame.eof:
                pieces.append(self._frame.decompress(self._input[at : at + self._SLICE]))
                size, at = size + len(pieces[-1]), at + self._SLICE
        except zstandard.ZstdError as error:
            if _ZSTD_MEMORY_ERROR in str(error):
                raise MemoryDemandError(self._max_window) from error
            raise
        self._input = self._input[at:]
        return b"".join(pieces)


_ZSTD_MEMORY_ERROR = "too much memory"
_XZ_MEMORY_ERROR = "Memory usage limit"


class _XzStream:
    """Stream of xz."""

    def __init__(self) -> None:
        self._stream = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MAX_XZ_MEMORY)

    @property
    def eof(self) -> bool:
        return self._stream.eof

    @property
    def needs_input(self) -> bool:
        return self._stream.needs_input

    @property
    def unused_data(self) -> bytes:
        return self._stream.unused_data

    def decompress(self, data: bytes, /, max_length: int) -> bytes:
        try:
            return self._stream.decompress(data, max_length)
        except lzma.LZMAError as error:
            if _XZ_MEMORY_ERROR in str(error):
                raise MemoryDemandError(MAX_XZ_MEMORY) from error
            raise


def _member_factory(stream_format: Format, max_window: int) -> Callable[[], Member]:
    match stream_format:
        case Format.GZIP:
            return lambda: _ZlibMember(zlib.MAX_WBITS | 16)
        case Format.DEFLATE:
            return _DeflateMember
        case Format.ZSTD:
            # A context takes 80 µs to build, and a stream may consist of frames of a few bytes.
            context = zstandard.ZstdDecompressor(max_window_size=max_window)
            return lambda: _ZstdFrame(context, max_window)
        case Format.BZIP2:
            return bz2.BZ2Decompressor
        case Format.XZ:
            return _XzStream
        case Format.PLAIN:
            raise ValueError("Plain text is not decompressed.")
        case unreachable:
            assert_never(unreachable)
