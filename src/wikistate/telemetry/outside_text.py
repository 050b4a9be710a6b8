"""Text of others for people: titles, names, answers of servers, messages of other programs.

Such a text may hold sequences that control a terminal, line breaks that forge a line, and characters that change the
order of the characters around them or are not visible. Each output for people passes through `show_text`: it writes them
as backslash escapes, hides secrets and bounds the length. Data for programs (events, JSON logs) keep the exact text.
"""

from __future__ import annotations

from wikistate.secret import mask

MAX_LINE = 4_000
"""Characters of a line: some fifty lines of a terminal, enough for each message of wikistate."""

MAX_CELL = 200
"""Characters of a cell of a table, of a field of the live line and of a label of a metric."""

_BLANK = "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"
"""Printable characters without a glyph: fillers, vowels that are not written, and the empty pattern of Braille."""

_ESCAPES = {ord(character): f"\\u{ord(character):04x}" for character in _BLANK}


def show_text(text: object, limit: int = MAX_LINE) -> str:
    r"""Return a text on one line, of visible characters, with at most `limit` characters.

    Line breaks, control characters, marks of writing direction, invisible characters and lone surrogates become escapes
    such as ``\n``, ``\x1b`` and ``\u202e``. Secrets become ``***``.
    """
    shown = mask(text if isinstance(text, str) else str(text))
    is_cut = len(shown) > limit
    shown = shown[:limit]
    if not shown.isprintable():
        shown = "".join(each if each.isprintable() else _escape(each) for each in shown)
    if not shown.isascii():
        shown = shown.translate(_ESCAPES)
    return f"{shown[: limit - 1]}…" if is_cut or len(shown) > limit else shown


def show_lines(text: str, limit: int = MAX_LINE) -> list[str]:
    """Return the lines of a text that wikistate or Python has divided into lines, each as by `show_text`.

    Only a line feed divides lines. Use it for tracebacks and help, and never for a text of others.
    """
    return [show_text(line, limit) for line in mask(text).split("\n")]


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
