"""The first line of a text that cannot be read, for messages."""

from __future__ import annotations

import html
import re

from wikistate.core.events.byte_order_mark import MARK
from wikistate.core.events.html_tags import find_title, strip_tags
from wikistate.secret import mask

_MAX_CHARS = 160  # of a quoted line
_MAX_READ = 16_384  # bytes that are searched for text
_HTML = re.compile(rb"(?i)\s*(?:<\?xml[^>]*>\s*)?<(?:!doctype html|html|head|body)\b")


def quote_first_line(body: bytes) -> str:
    """Return the first line of a text, bounded and escaped; for a page its title, or else its first words."""
    body = body[:_MAX_READ].removeprefix(MARK)
    text = mask(body.decode("utf-8", "replace"))
    if _HTML.match(body):
        title = find_title(body)
        shown = strip_tags(body) if title is None else title
        text = mask(" ".join(html.unescape(shown.decode("utf-8", "replace")).split())) or text
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    if not line:
        return "no text"
    return repr(line if len(line) <= _MAX_CHARS else f"{line[:_MAX_CHARS]}…")
