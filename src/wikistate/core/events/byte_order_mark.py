"""Byte order marks around JSON and other text in UTF-8.

Editors write one at the start of a file, so that each page of a wiki with such a PHP file begins or ends with one. A JSON
document must not have it (RFC 8259, section 8.1).
"""

from __future__ import annotations

import re

import orjson

MARK = b"\xef\xbb\xbf"
"""The byte order mark in UTF-8."""

_EDGE = 64  # bytes at each end that may hold marks and white space
_MARKS_BEFORE = re.compile(rb"\s*(?:\xef\xbb\xbf\s*)+")
_MARKS_BEHIND = re.compile(rb"(?:\s*\xef\xbb\xbf)+\s*\Z")


def remove_marks(text: bytes) -> bytes:
    """Return a text without the marks before and behind it; the same object if it has none."""
    if MARK in text[:_EDGE] and (found := _MARKS_BEFORE.match(text)):
        text = text[found.end() :]
    if MARK in text[-_EDGE:] and (found := _MARKS_BEHIND.search(text, max(0, len(text) - _EDGE))):
        text = text[: found.start()]
    return text


def load_json(text: bytes) -> object:
    """Return a parsed JSON document, with or without byte order marks around it.

    Raises:
        orjson.JSONDecodeError: It is not JSON.
    """
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        # Documents without a mark pay nothing.
        if (bare := remove_marks(text)) is text:
            raise
        return orjson.loads(bare)
