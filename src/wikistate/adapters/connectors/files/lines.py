"""Bytes into lines, in chunks as they come, with a bound on the length of a line."""

from __future__ import annotations

from typing import NamedTuple


class Line(NamedTuple):
    """One line without its end.

    Attributes:
        value: Its bytes, at most the bound.
        cut: How many bytes behind the bound were left out.
    """

    value: bytes
    cut: int


class LineSplitter:
    """Cuts a stream of bytes at its line feeds.

    A line longer than the bound is never held in memory: its head is kept and the rest counted.

    Args:
        bound: The longest line in bytes, without the line feed.
    """

    def __init__(self, bound: int) -> None:
        self._bound = bound
        self._begun: list[bytes] = []
        self._kept = 0
        self._cut = 0

    def feed(self, chunk: bytes) -> list[Line]:
        """The lines that end in this chunk."""
        first, *rest = chunk.split(b"\n")
        self._extend(first)
        if not rest:
            return []
        lines = [self._line()]
        last = rest.pop()
        lines += [self._bounded(value) for value in rest]
        self._extend(last)
        return lines

    def finish(self) -> list[Line]:
        """The last line, when the stream ends without a line feed."""
        return [self._line()] if self._kept or self._cut else []

    def _extend(self, piece: bytes) -> None:
        room = self._bound - self._kept
        if room:
            self._begun.append(piece[:room])
            self._kept += min(len(piece), room)
        self._cut += max(0, len(piece) - room)

    def _line(self) -> Line:
        line = Line(b"".join(self._begun), self._cut)
        self._begun, self._kept, self._cut = [], 0, 0
        return line

    def _bounded(self, value: bytes) -> Line:
        return Line(value[: self._bound], max(0, len(value) - self._bound))
