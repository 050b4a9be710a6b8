"""The first line of a text that cannot be read, for messages."""

from __future__ import annotations

import html
import re

from wikistate.secret import mask

_MAX_CHARS = 160  # of a quoted line
_MAX_READ = 16_384  # bytes that are searched for text
_TAGS = re.compile(r"(?is:<(style|script|head)\b.*?</\1>|<!--.*?-->)|<[^>]*>")
_TITLE = re.compile(r"(?is)<title[^>]*>(.*?)</title>")
_HTML = re.compile(r"(?i)\s*(<\?xml[^>]*>\s*)?<(!doctype html|html|head|body)\b")


def quote_first_line(body: bytes) -> str:
    """Return the first line of a text, bounded and escaped; for a page its title, or else its first words."""
    text = mask(body[:_MAX_READ].decode("utf-8", "replace").lstrip("\ufeff"))
    if _HTML.match(text):
        title = _TITLE.search(text)
        words = html.unescape(title[1] if title else _TAGS.sub(" ", text)).split()
        text = " ".join(words) or text
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    if not line:
        return "no text"
    return repr(line if len(line) <= _MAX_CHARS else f"{line[:_MAX_CHARS]}…")
