"""Classification of the responses of a SPARQL endpoint: success, retry, or rejection. Pure.

Source: "SPARQL 1.1 Protocol", and the error responses of Blazegraph, Fuseki and Virtuoso.
"""

from __future__ import annotations

import html
import re
from typing import NamedTuple, TypeAlias

from wikistate.adapters.http.client import HttpResponse, parse_retry_after
from wikistate.core.enrichment.failures import Failure, FailureKind
from wikistate.core.events.html_tags import strip_tags
from wikistate.core.events.integers import parse_integer
from wikistate.errors import StoreError
from wikistate.secret import mask

_BUSY_STATUSES = frozenset({408, 425, 429, 502, 503, 504})
_HEAD_BYTES = 4096
_MESSAGE_BYTES = 16_384
_MAX_MESSAGE_CHARS = 400  # characters of a store's message: a Java stack trace fills pages
_WRONG_REQUEST_STATUSES = frozenset({400, 413, 414, 422, 431})
"""Statuses that name a fault of the request: they stay when the store is well."""
_PAGE_TYPES = ("text/html", "application/xhtml")
_PAGE_START = re.compile(rb"\s*<(?:!doctype html|html)", re.IGNORECASE)
_TOO_MANY_REQUESTS = 429
_TIMED_OUT = b"operation timed out"
_TIME_LIMIT_HINT = (
    "Raise the time limit of the server (QLever: option -s, or ?timeout=600s at the end of `store.location`). For updates, "
    "a lower `store.batch_triples` makes smaller ones."
)
_COUNT = re.compile(rb"mutationCount\s*=\s*(\d+)")
_TRANSIENT_KINDS = frozenset(
    {FailureKind.CONNECT_TIMEOUT, FailureKind.READ_TIMEOUT, FailureKind.CONNECTION_FAILED, FailureKind.UNPARSABLE}
)


class Success(NamedTuple):
    """Successful request.

    Attributes:
        body: Body of the response.
        is_page: Whether the body is a web page. Some stores answer updates with one, and so does a proxy.
    """

    body: bytes
    is_page: bool = False


class Retry(NamedTuple):
    """Failed request that may succeed later.

    Attributes:
        reason: Reason for the operator, one line.
        after: Seconds until the retry that the endpoint requests; None if it does not say.
        is_limited: Whether the request may never succeed, so that the attempts are limited.
        error: Error when the wait ends; None for that of an unreachable store.
    """

    reason: str
    after: float | None
    is_limited: bool
    error: StoreError | None = None


class Rejected(NamedTuple):
    """Request that can never succeed.

    Attributes:
        error: Error of the request.
        is_odd: Whether another server may have answered in place of the store, such as a proxy during maintenance. Once the
            store has answered well, this passes.
    """

    error: StoreError
    is_odd: bool = False


ResponseClass: TypeAlias = Success | Retry | Rejected


def classify(answer: HttpResponse | Failure, *, url: str, now: float) -> ResponseClass:
    """Classify the response to a request.

    Args:
        answer: Response, or failure of the client.
        url: Address of the request, for messages.
        now: Current time, seconds since the epoch.
    """
    if isinstance(answer, Failure):
        if answer.kind in _TRANSIENT_KINDS:
            return Retry(answer.detail, None, is_limited=False)
        return Rejected(StoreError(f"The request to {url} failed: {answer.detail}.", url=url))
    if answer.status // 100 == 2:  # noqa: PLR2004 (a class of statuses)
        kind = answer.headers.get("Content-Type", "").strip().lower()
        return Success(answer.body, kind.startswith(_PAGE_TYPES) or _PAGE_START.match(answer.body) is not None)
    reason = f"{url} answers {answer.status}: {format_message(answer.body)}"
    if (retry := _find_retry(answer, reason, url=url, now=now)) is not None:
        return retry
    hint = _hint(answer.status, answer.headers.get("Location", ""))
    error = StoreError(reason, hint=hint, url=url, status=answer.status)
    return Rejected(error, is_odd=answer.status not in _WRONG_REQUEST_STATUSES)


def _find_retry(answer: HttpResponse, reason: str, *, url: str, now: float) -> Retry | None:
    """Return the retry for a status of an overloaded or failing store; None for another status."""
    if (
        answer.status == _TOO_MANY_REQUESTS
        and "Retry-After" not in answer.headers
        and _TIMED_OUT in answer.body.lower()
    ):
        # QLever: the time limit of the server has ended this request, and ends the same request again.
        error = StoreError(reason, hint=_TIME_LIMIT_HINT, url=url, status=answer.status)
        return Retry(reason, None, is_limited=True, error=error)
    if answer.status in _BUSY_STATUSES:
        return Retry(reason, parse_retry_after(answer.headers, now), is_limited=False)
    if answer.status // 100 == 5 and answer.status != 501:  # noqa: PLR2004 (a class of statuses)
        # The store may be out of memory, may have aborted a transaction, or may fail at this request: the status is the same.
        return Retry(reason, parse_retry_after(answer.headers, now), is_limited=True)
    return None


def classify_unreadable(error: StoreError, body: bytes) -> Retry:
    """Return the retry of a query whose answer cannot be read.

    Results have a head. An answer without one is from another server; the store itself may answer the query in this way
    again and again.
    """
    return Retry(
        str(error), None, is_limited=body.lstrip()[:1] == b"{" and b'"head"' in body[:_HEAD_BYTES], error=error
    )


def format_message(body: bytes) -> str:
    """Return the message of a store on one line, without mark-up and cut to a readable length."""
    body = body[:_MESSAGE_BYTES]
    is_page = b"<html" in body.lower()  # in other texts, angle brackets enclose an IRI
    text = (strip_tags(body) if is_page else body).decode("utf-8", "replace")
    text = mask(html.unescape(text) if is_page else text)
    text = " ".join(text.split())
    text = "".join(character for character in text if character.isprintable())
    return f"{text[:_MAX_MESSAGE_CHARS]} …" if len(text) > _MAX_MESSAGE_CHARS else text or "(empty response)"


def parse_change_count(body: bytes) -> int | None:
    """Return the number of triples that an update changed; None if the store does not say. Blazegraph says it."""
    found = _COUNT.findall(body)
    return parse_integer(found[-1].decode()) if found else None


def _hint(status: int, location: str) -> str:
    match status:
        case 401 | 403:
            return "Set `store.authentication`, and check that this user may update."
        case 404 | 405 | 415 | 501:
            return "Set `store.location` to the URL for updates, and `store.query_url` if queries have another URL."
        case 413:
            return "Lower `store.batch_triples`, or configure the store to accept larger requests."
        case 301 | 302 | 303 | 307 | 308:
            return (
                f"The URL redirects{' to ' + location[:200] if location else ''}: set `store.location` to the new URL."
            )
        case _:
            return "The message above is from the store."
