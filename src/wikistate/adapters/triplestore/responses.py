"""What an endpoint's answer means: done, try again, or refused for good. Pure.

Source: "SPARQL 1.1 Protocol", and what Blazegraph, Fuseki and Virtuoso answer when something is wrong.
"""

from __future__ import annotations

import html
import re
from typing import NamedTuple, TypeAlias

from wikistate.adapters.http.client import HttpResponse, parse_retry_after
from wikistate.core.enrichment.failures import Failure, FailureKind
from wikistate.errors import StoreError

_BUSY_STATUSES = frozenset({408, 425, 429, 502, 503, 504})
_MAX_MESSAGE_CHARS = 400  # characters of a store's message: a Java trace goes on for pages
_TAGS = re.compile(r"(?s:<(style|script).*?</\1>)|<[^>]*>")
_COUNT = re.compile(rb"mutationCount\s*=\s*(\d+)")
_TRANSIENT_KINDS = frozenset(
    {FailureKind.CONNECT_TIMEOUT, FailureKind.READ_TIMEOUT, FailureKind.CONNECTION_FAILED, FailureKind.UNPARSABLE}
)


class Success(NamedTuple):
    """It was done. `body` is what was answered."""

    body: bytes


class Retry(NamedTuple):
    """It was not done, and may be the next time.

    Attributes:
        reason: For the person who waits, one line.
        after: Seconds that the endpoint asks to wait; None when it does not say.
        is_limited: Whether it may just as well never be done, so that the tries are counted.
    """

    reason: str
    after: float | None
    is_limited: bool


class Rejected(NamedTuple):
    """It will never be done like this."""

    error: StoreError


ResponseClass: TypeAlias = Success | Retry | Rejected


def classify(answer: HttpResponse | Failure, *, url: str, now: float) -> ResponseClass:
    """The verdict on one request.

    Args:
        answer: What came back.
        url: Where it went, for messages.
        now: Seconds since the epoch.
    """
    if isinstance(answer, Failure):
        if answer.kind in _TRANSIENT_KINDS:
            return Retry(answer.detail, None, is_limited=False)
        return Rejected(StoreError(f"{url} could not be asked: {answer.detail}.", url=url))
    if answer.status // 100 == 2:  # noqa: PLR2004 (a class of statuses)
        return Success(answer.body)
    reason = f"{url} answers {answer.status}: {format_message(answer.body)}"
    if answer.status in _BUSY_STATUSES:
        return Retry(reason, parse_retry_after(answer.headers, now), is_limited=False)
    if answer.status // 100 == 5 and answer.status != 501:  # noqa: PLR2004 (same)
        # Out of memory, a transaction that lost, or a defect that it has with just this request: nobody can tell.
        return Retry(reason, parse_retry_after(answer.headers, now), is_limited=True)
    hint = _hint(answer.status, answer.headers.get("Location", ""))
    return Rejected(StoreError(reason, hint=hint, url=url, status=answer.status))


def format_message(body: bytes) -> str:
    """A store's message on one line: without mark-up, and no more of it than a person reads."""
    text = body[:16_384].decode("utf-8", "replace")
    if "<html" in text.lower():  # elsewhere, what stands in angle brackets is an IRI
        text = html.unescape(_TAGS.sub(" ", text))
    text = " ".join(text.split())
    text = "".join(character for character in text if character.isprintable())
    return f"{text[:_MAX_MESSAGE_CHARS]} …" if len(text) > _MAX_MESSAGE_CHARS else text or "(nothing)"


def parse_change_count(body: bytes) -> int | None:
    """How many triples an update changed, where the store says so (Blazegraph); None elsewhere."""
    found = _COUNT.findall(body)
    return int(found[-1]) if found else None


def _hint(status: int, location: str) -> str:
    match status:
        case 401 | 403:
            return "Set `store.authentication`, and see whether this user may update."
        case 404 | 405 | 415 | 501:
            return "Set `store.location` to the URL for updates, and `store.query_url` where queries have another one."
        case 413:
            return "Set `store.batch_triples` lower, or let the store take larger requests."
        case 301 | 302 | 303 | 307 | 308:
            return f"It redirects{' to ' + location[:200] if location else ''}: set `store.location` to where it really is."
        case _:
            return "What the store says of it is above."
