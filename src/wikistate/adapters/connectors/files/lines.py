"""The lines of a stream of chunks, with a bound on the length of a line."""

from __future__ import annotations

from typing import NamedTuple

from wikistate.core.events.byte_order_mark import MARK

MAX_LINES = 4096
"""Lines that are made of a text at once: a line is an object of some 250 bytes even if it is empty."""


class Line(NamedTuple):
    """One line without its end.

    Attributes:
        value: Its bytes, at most the bound.
        truncated_bytes: The number of bytes after the bound, which are left out.
    """

    value: bytes
    truncated_bytes: int


class LineSplitter:
    """A splitter of a stream of bytes at its line feeds.

    A line longer than the bound is never held in memory: its beginning is kept, and the other bytes are counted.

    Args:
        bound: The longest line in bytes, without the line feed.
    """

    def __init__(self, bound: int) -> None:
        self._bound = bound
        self._begun = bytearray()
        self._truncated_bytes = 0
        self._pending = b""

    @property
    def is_pending(self) -> bool:
        """Whether the last chunk has text behind the lines that were returned: feed an empty chunk for the next ones."""
        return bool(self._pending)

    def feed(self, chunk: bytes) -> list[Line]:
        """Return the lines that end in this chunk, at most `MAX_LINES`; see `is_pending`."""
        first, *rest = (self._pending + chunk if self._pending else chunk).split(b"\n", MAX_LINES)
        self._extend(first)
        if not rest:
            self._pending = b""
            return []
        lines = [self._build_line()]
        last = rest.pop()
        self._pending, last = (last, b"") if len(rest) == MAX_LINES - 1 else (b"", last)
        lines += [self._truncate(value) for value in rest]
        self._extend(last)
        return lines

    def finish(self) -> list[Line]:
        """Return the last line if the stream ends without a line feed."""
        return [self._build_line()] if self._begun or self._truncated_bytes else []

    def _extend(self, piece: bytes) -> None:
        room = self._bound - len(self._begun)
        self._begun += piece[:room] if len(piece) > room else piece
        self._truncated_bytes += max(0, len(piece) - room)

    def _build_line(self) -> Line:
        line = Line(bytes(self._begun), self._truncated_bytes)
        self._begun, self._truncated_bytes = bytearray(), 0
        return line

    def _truncate(self, value: bytes) -> Line:
        return Line(value[: self._bound], max(0, len(value) - self._bound))


_MARK_BEGIN, _MARK_END = MARK[0], MARK[-1]


def strip_mark(value: bytes) -> bytes:
    """Return a line without byte order marks before and behind it.

    Files that were joined have marks in their middle. No JSON document begins or ends with these bytes.
    """
    if value and (value[0] == _MARK_BEGIN or value[-1] == _MARK_END):
        return value.removeprefix(MARK).removesuffix(MARK)
    return value
