"""The tags of a web page, as far as messages and discovery need them.

A page comes from a stranger, so that each byte is looked at a bounded number of times: the scan only moves forward. Neither
regular expressions nor `html.parser` promise that. Sixteen kilobytes of ``<a `` take the latter some seconds, because it
reads the rest of the page again behind each tag that does not end.
"""

from __future__ import annotations

from html.parser import HTMLParser
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAX_PAGE_BYTES = 65_536
"""Bytes of a page that are scanned: the head of a page of MediaWiki has some ten thousand."""

_MAX_TAG_BYTES = 2048  # of a tag with attributes; a longer one has none
_COMMENT = b"<!--"
_RAW = frozenset({b"script", b"style"})
"""Elements whose content is not text. It ends at the end tag alone."""

_HIDDEN = _RAW | {b"head"}
_NAME_ENDS = b" \t\r\n\f/>"


class Tag(NamedTuple):
    """Tag of a page.

    Attributes:
        name: Name in lower case; that of an end tag begins with a slash.
        start: Position of its first byte.
        end: Position behind its last byte.
    """

    name: bytes
    start: int
    end: int


def find_tags(page: bytes) -> Iterator[Tag]:
    """Yield the tags of a page in their order. Comments and the content of scripts and styles have none."""
    page = page[:MAX_PAGE_BYTES]
    folded = page.lower()
    position = 0
    while (start := page.find(b"<", position)) >= 0:
        is_comment = page.startswith(_COMMENT, start)
        end = page.find(b"-->" if is_comment else b">", start + len(_COMMENT) if is_comment else start)
        if end < 0:
            return
        position = end + (3 if is_comment else 1)
        name = b"" if is_comment else _read_name(folded, start + 1, end)
        yield Tag(name, start, position)
        if name in _RAW:
            closing = folded.find(b"</" + name, position)
            if closing < 0:
                return
            position = closing


def find_title(page: bytes) -> bytes | None:
    """Return the content of the first title of a page; None without a title."""
    tags = find_tags(page)
    start = next((tag.end for tag in tags if tag.name == b"title"), None)
    end = next((tag.start for tag in tags if tag.name == b"/title"), None)
    return None if start is None or end is None else page[start:end]


def strip_tags(page: bytes) -> bytes:
    """Return the text of a page: a space for each tag, and nothing of its head, scripts, styles and comments."""
    pieces: list[bytes] = []
    position, hidden = 0, b""
    for tag in find_tags(page):
        if not hidden:
            pieces.append(page[position : tag.start])
        position = tag.end
        if not hidden and tag.name in _HIDDEN:
            hidden = tag.name
        elif tag.name == b"/" + hidden:
            hidden = b""
    if not hidden:
        pieces.append(page[position:MAX_PAGE_BYTES])
    return b" ".join(pieces)


def find_links(page: bytes) -> Iterator[Mapping[str, str]]:
    """Yield the attributes of each ``link`` in the head of a page, with names in lower case."""
    for tag in find_tags(page):
        if tag.name in (b"/head", b"body"):
            return
        if tag.name == b"link" and tag.end - tag.start <= _MAX_TAG_BYTES:
            yield _read_attributes(page[tag.start : tag.end].decode(errors="replace"))


def _read_name(folded: bytes, start: int, end: int) -> bytes:
    name = folded[start : min(end, start + 32)]
    slash = name[:1] if name.startswith(b"/") else b""
    name = name[len(slash) :]
    length = next((place for place, byte in enumerate(name) if byte in _NAME_ENDS), len(name))
    return slash + name[:length]


def _read_attributes(tag: str) -> Mapping[str, str]:
    parser = _AttributeParser()
    parser.feed(tag)
    return parser.attributes


class _AttributeParser(HTMLParser):
    """Parser of one complete tag of a bounded length."""

    def __init__(self) -> None:
        super().__init__()
        self.attributes: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002  (see `HTMLParser`)
        """See `HTMLParser`. The first of several attributes of one name counts."""
        for name, value in attrs:
            self.attributes.setdefault(name, value or "")
