"""Standard output and standard error of a command, guarded against text of others.

While the guard is in place, each text that any code writes to `sys.stdout` or `sys.stderr` (a library, a warning, an
uncaught exception of a thread) loses its control characters and secrets on the way. Only the code that has prepared its
text writes to the stream behind the guard: the terminal of the commands, with its own colours, and the log.
"""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Any, TextIO, cast

from wikistate.telemetry.outside_text import show_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

_MAX_GUARDED_LINE = 1_000_000
"""Characters of a line that a library writes, such as a list of options; a longer line is cut."""


class GuardedStream:
    """Text stream that escapes what it writes. All else is that of the stream behind it.

    Args:
        stream: The stream behind the guard.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write a text without control characters other than line feeds, and return its length."""
        shown = "\n".join(show_lines(text, _MAX_GUARDED_LINE))
        self._stream.write(make_encodable(shown, self._stream))
        return len(text)

    def writelines(self, lines: list[str]) -> None:
        """Write several texts."""
        for line in lines:
            self.write(line)

    @property
    def stream(self) -> TextIO:
        """The stream behind the guard."""
        return self._stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def make_encodable(text: str, stream: TextIO) -> str:
    """Return the text with escapes for the characters that the encoding of a stream does not have."""
    if text.isascii():
        return text
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


@contextlib.contextmanager
def guard_standard_streams() -> Iterator[None]:
    """Guard both streams inside the block."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (cast("TextIO", GuardedStream(unguarded(stream))) for stream in before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def unguarded(stream: TextIO) -> TextIO:
    """Return the stream behind the guard, for a writer that has prepared its text."""
    return stream.stream if isinstance(stream, GuardedStream) else stream
