"""Text of others with all that must not reach a terminal, and the check that an output is free of it."""

from __future__ import annotations

import re

HOSTILE = {
    "colours": "\x1b[31;1mred\x1b[0m",
    "title": "\x1b]0;owned\x07",
    "link": "\x1b]8;;https://evil.example\x1b\\click\x1b]8;;\x1b\\",
    "clipboard": "\x1b]52;c;cm0gLXJmIC8=\x07",
    "clear": "\x1b[2J\x1b[H\x1bc",
    "c1": "\x9b31m\x9d0;owned\x9c",
    "lines": "a\r\nwikistate: forged\rwikistate: forged",
    "separators": "a\u2028wikistate: forged\u2029wikistate: forged\x85wikistate: forged\x0b\x0c",
    "direction": "\u202etxt.exe\u202c\u2066x\u2069\u200f",
    "invisible": "a\u200b\u200d\u2060\ufeff\u00ad\u3164b\U000e0041",
    "null": "a\x00b\x08\x7f",
    "markup": "[/b][red]x[/red][link=https://evil.example]y[/link]",
    "emoji": ":smile: :warning:",
    "surrogate": "a\ud800b",
    "long": "n" * 100_000,
}
"""A text of each kind."""

EVERYTHING = " ".join(text for kind, text in HOSTILE.items() if kind not in ("surrogate", "long"))
"""All kinds in one text, which UTF-8 can hold."""

_STYLES = re.compile(r"\x1b\[(\?25[lh]|[0-9;]*[mK]|[0-9]*A)|\r")
"""The sequences that Rich and the log write themselves at a terminal: styles, the cursor, and the start of the line."""


def find_faults(output: str, *, at_terminal: bool = False) -> list[str]:
    """Return what is wrong with an output; empty if it is safe.

    Args:
        output: The whole output of a command.
        at_terminal: Whether it was written to a terminal, where styles are allowed.
    """
    text = _STYLES.sub("", output) if at_terminal else output
    faults = [
        f"the line {line!r:.200} has an invisible character" for line in text.split("\n") if not line.isprintable()
    ]
    faults += [f"the filler of {line!r:.200}" for line in text.split("\n") if "\u3164" in line]
    faults += [f"the line {line!r:.200} is forged" for line in text.split("\n") if line.startswith("wikistate: forged")]
    if "☺" in text or "😄" in text or "⚠" in text:
        faults.append("a name of an emoji was interpreted")
    if "n" * 10_000 in text.replace("\n", ""):
        faults.append("a text without a bound")
    return faults
