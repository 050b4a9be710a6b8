"""Lines of text that the commands write for people and programs, without Rich, which takes a while to import.

This module and `wikistate.cli.terminal` are the only ones that write to the standard streams. A test forbids it elsewhere.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from wikistate.secret import mask
from wikistate.telemetry.outside_text import MAX_LINE, show_lines, show_text
from wikistate.telemetry.standard_streams import make_encodable, unguarded

if TYPE_CHECKING:
    from typing import TextIO


def print_line(text: object, *, stderr: bool = False, limit: int = MAX_LINE) -> None:
    """Print one line of visible characters, whatever the text holds; see `show_text`."""
    _write(show_text(text, limit), stderr=stderr)


def print_lines(text: str, *, stderr: bool = False, indent: str = "") -> None:
    """Print a text that wikistate or Python has divided into lines. Indent one with texts of others, such as a traceback."""
    _write("\n".join(f"{indent}{line}" for line in show_lines(text.removesuffix("\n"))), stderr=stderr)


def print_document(text: str) -> None:
    """Print a text for programs as it is, except secrets. Its format has escaped all control characters."""
    _write(mask(text).removesuffix("\n"), stderr=False)


def is_terminal() -> bool:
    """Return whether standard output is a terminal."""
    return unguarded(sys.stdout).isatty()


def open_stream(*, stderr: bool) -> TextIO:
    """Return a standard stream for text that is prepared: it has no guard."""
    return unguarded(sys.stderr if stderr else sys.stdout)


def _write(text: str, *, stderr: bool) -> None:
    stream = open_stream(stderr=stderr)
    stream.write(make_encodable(f"{text}\n", stream))
    stream.flush()
