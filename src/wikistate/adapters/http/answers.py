"""The texts of answers: without byte order marks, and their first line for messages.

A proxy, a firewall or a wiki that refuses a client answers with a text that states the reason. An error message about an
answer that cannot be read therefore quotes its first line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from wikistate.core.events.byte_order_mark import remove_marks
from wikistate.core.events.first_line import quote_first_line

if TYPE_CHECKING:
    from wikistate.adapters.http.client import HttpResponse

log = structlog.get_logger(__name__)

_MAX_ORIGINS = 1000
_reported: set[str] = set()


def clean_body(body: bytes, origin: str) -> bytes:
    """Return a body without byte order marks before and behind it. A mark is logged once for each origin."""
    clean = remove_marks(body)
    if clean is not body:
        report_mark(origin)
    return clean


def report_mark(origin: str) -> None:
    """Log that an origin sends byte order marks, once."""
    if origin not in _reported and len(_reported) < _MAX_ORIGINS:
        _reported.add(origin)
        log.warning("byte_order_mark_removed", origin=origin)


def quote_answer(answer: HttpResponse) -> str:
    """Return the type and the first line of an answer, for a message: ``(text/plain: 'Please set a user agent')``."""
    return f"({answer.headers.get('Content-Type', 'no content type')!s:.80}: {quote_first_line(answer.body)})"


__all__ = ["clean_body", "quote_answer", "quote_first_line", "report_mark"]
