"""The revisions query of the Action API: the request, and the parsing of its response. Pure.

Sources: MediaWiki Action API documentation (API:Query, API:Revisions, API:Etiquette, API:Errors and warnings).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

import orjson

from wikistate.adapters.http.answers import clean_body, quote_answer
from wikistate.adapters.http.client import OK, HttpResponse, parse_retry_after
from wikistate.adapters.mediawiki.format_version import describe_old_format, find_old_format
from wikistate.core.enrichment.content import Content, read_revision
from wikistate.core.enrichment.failures import Failure, FailureKind, classify_api_error, classify_status
from wikistate.core.events.fields import quote_value

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator, Mapping

Json = dict[str, Any]

MAX_REVISIONS = 50
"""Largest number of revisions in a request; 500 for an account with ``apihighlimits``."""

_PROPERTIES = "ids|timestamp|flags|size|sha1|slotsize|slotsha1|contentmodel|roles|content"
_BASE: dict[str, str] = {
    "action": "query",
    "format": "json",
    "formatversion": "2",
    "rvslots": "*",
    "rvprop": _PROPERTIES,
}


class ParsedResponse(NamedTuple):
    """Parsed response to one request.

    Attributes:
        results: Results by subject (a revision id, a page, a title); only subjects of the request.
        continuation: Parameters to add to the same query for the rest; empty at the end.
        warnings: Texts for the log.
    """

    results: dict[Any, Any]
    continuation: Mapping[str, str]
    warnings: list[str]


def encode(parameters: Mapping[str, str]) -> str:
    """Percent-encode parameters for a query or a form (RFC 3986)."""
    return "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in parameters.items())


_BASE_QUERY = encode(_BASE)


def build_revisions_query(rev_ids: Iterable[int], extra: Mapping[str, str], *, prop: str = "revisions") -> str:
    """Return the percent-encoded query for some revisions with their content.

    Args:
        rev_ids: Revision ids, at most `MAX_REVISIONS`.
        extra: Further parameters: a continuation, an assertion.
        prop: Properties of their pages; ``revisions`` is one of them.
    """
    query = f"{_BASE_QUERY}&prop={quote(prop)}&revids={'%7C'.join(map(str, rev_ids))}"
    return f"{query}&{encode(extra)}" if extra else query


def parse_json(answer: HttpResponse, *, place: str, now: float, old_format: bool = False) -> Json | Failure:
    """Return the JSON object of a response, or the failure: a status, an empty body, invalid JSON, an API error, an old form.

    Args:
        answer: HTTP response.
        place: Domain or address of the wiki, for messages.
        now: Current time, seconds since the epoch, for a Retry-After that is a date.
        old_format: Whether the request asks for format version 1.
    """
    if answer.status != OK:
        detail = f"{place} answers with the HTTP status {answer.status} {quote_answer(answer)}"
        return Failure(classify_status(answer.status), detail, parse_retry_after(answer.headers, now))
    body = clean_body(answer.body, place)
    if not body.strip():
        return Failure(FailureKind.EMPTY, f"{place} answers 200 with an empty body")
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        return Failure(
            FailureKind.UNPARSABLE, f"{place} answers with invalid JSON {quote_answer(answer)}: {error!s:.100}"
        )
    if not isinstance(document, dict):
        return Failure(
            FailureKind.UNPARSABLE, f"{place} answers with JSON that is not an object {quote_answer(answer)}"
        )
    if "error" in document or "errors" in document:
        return _api_error(document, place, parse_retry_after(answer.headers, now))
    sign = None if old_format else find_old_format(document)
    return document if sign is None else Failure(FailureKind.OLD_FORMAT, describe_old_format(place, sign))


def _api_error(document: Json, place: str, wait: float | None) -> Failure:
    """Return the failure of both forms: ``error`` by default, a list ``errors`` with other values of ``errorformat``."""
    error = document.get("error") or document.get("errors")
    if isinstance(error, list):
        error = error[0] if error else None
    if not isinstance(error, dict):
        return Failure(FailureKind.UNPARSABLE, f"{place} answers with an error that is not an object")
    stated = error.get("code")
    code = stated if isinstance(stated, str) else quote_value(stated)
    text = error.get("info") or error.get("text") or ""
    detail = (
        f"{place} answers with the API error {code:.60}: {text if isinstance(text, str) else quote_value(text)!s:.200}"
    )
    return Failure(classify_api_error(code), detail, wait, code)


def _build_content(page: Json, revision: Json) -> Content | Failure:
    del page
    return read_revision(revision)


def parse_revisions(
    document: Json, requested: Container[int], *, place: str, read: Callable[[Json, Json], Any] = _build_content
) -> ParsedResponse | Failure:
    """Return the results for the requested revisions of a document without an error.

    Args:
        document: Result of `parse_json`.
        requested: Revision ids; other revisions in the document are ignored with a warning.
        place: Domain or address of the wiki, for messages.
        read: Returns the result, or a `Failure`, for a page and one of its revisions.
    """
    query = get_query_object(document, place=place)
    if isinstance(query, Failure):
        return query
    results: dict[int, Any] = {}
    warnings = list(get_warnings(document))
    for page, revision in _parse_revisions(query):
        rev_id = revision.get("revid")
        if type(rev_id) is int and rev_id in requested:
            results[rev_id] = read(page, revision)
        else:
            warnings.append(f"The answer holds the revision {quote_value(rev_id, 40)}, which was not requested")
    for rev_id in get_bad_revision_ids(query):
        if rev_id in requested:
            results[rev_id] = missing_revision_failure(rev_id, place)
    return ParsedResponse(results, get_continuation(document), warnings)


def get_query_object(document: Json, *, place: str) -> Json | Failure:
    """Return the object ``query`` of a document without an error; empty if the response only holds a continuation."""
    query = document.get("query")
    if not query and not get_continuation(document):
        return Failure(FailureKind.EMPTY, f"{place} answers with a document that has no query result")
    if query is not None and not isinstance(query, dict):
        return Failure(FailureKind.UNPARSABLE, f"{place} answers with a query result that is not an object")
    return query or {}


def missing_revision_failure(rev_id: int, place: str) -> Failure:
    """Return the failure for a revision that is in ``badrevids``, or that a complete response does not mention."""
    return Failure(FailureKind.BAD_REVISION, f"{place} does not know the revision {rev_id}, or no longer shows it")


def _parse_revisions(query: Json) -> Iterator[tuple[Json, Json]]:
    """Yield pairs of a page and a revision. A page that was deleted meanwhile is ``missing`` and has no revisions."""
    for page in get_objects(query, "pages"):
        for revision in get_objects(page, "revisions"):
            yield page, revision


def get_objects(document: Json, name: str) -> Iterator[Json]:
    """Yield the objects of a list; elements of other types are not part of the format."""
    found = document.get(name)
    for element in found if isinstance(found, list) else ():
        if isinstance(element, dict):
            yield element


def get_bad_revision_ids(query: Json) -> Iterator[int]:
    """Yield the revisions that the wiki does not know.

    With ``formatversion=2`` they are an object by revision id, although the other lists are arrays.
    """
    bad = query.get("badrevids") or {}
    entries = bad.values() if isinstance(bad, dict) else bad if isinstance(bad, list) else ()
    for entry in entries:
        rev_id = entry.get("revid") if isinstance(entry, dict) else None
        if type(rev_id) is int:
            yield rev_id


def get_continuation(document: Json) -> dict[str, str]:
    """Return the parameters to add to the same query for the rest; empty at the end."""
    found = document.get("continue")
    return (
        {name: str(value) for name, value in found.items() if isinstance(value, str | int)}
        if isinstance(found, dict)
        else {}
    )


def get_warnings(document: Json) -> Iterator[str]:
    """Yield the warnings of the wiki, for the log."""
    warnings = document.get("warnings")
    if isinstance(warnings, dict):
        for module, warning in warnings.items():
            text = warning.get("warnings") if isinstance(warning, dict) else warning
            yield f"{module:.40}: {text if isinstance(text, str) else quote_value(text)!s:.300}"
