from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict, CIMultiDictProxy
from structlog.testing import capture_logs

from wikistate.adapters.http.client import HttpResponse
from wikistate.adapters.mediawiki.action_api import (
    ParsedResponse,
    build_revisions_query,
    encode,
    parse_json,
    parse_revisions,
)
from wikistate.core.enrichment.content import Content, Slot
from wikistate.core.enrichment.failures import Failure, FailureKind

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
PLACE = "w.example"


def answer(body: bytes | Any, status: int = 200, **headers: str) -> HttpResponse:
    """Return a response; a body that is not bytes is encoded as JSON."""
    encoded = body if isinstance(body, bytes) else orjson.dumps(body)
    named = CIMultiDict({name.replace("_", "-"): value for name, value in headers.items()})
    return HttpResponse(status, CIMultiDictProxy(named), encoded)


def revision(rev_id: int, body: str = "text") -> dict[str, Any]:
    """Return a revision as the API gives it."""
    return {"revid": rev_id, "slots": {"main": {"contentmodel": "wikitext", "content": body}}}


def content(body: str = "text") -> Content:
    """Return the parsed content."""
    return Content({"main": Slot(body, "wikitext", None, None, None)})


def test_query_requests_all_needed_fields() -> None:
    """It requests all slots with content, format version 2, by revision id; extra parameters are added encoded."""
    assert parse_qs(build_revisions_query([3, 5], {"maxlag": "5", "continue": "||"})) == {
        "action": ["query"],
        "format": ["json"],
        "formatversion": ["2"],
        "prop": ["revisions"],
        "rvslots": ["*"],
        "rvprop": ["ids|timestamp|flags|size|sha1|slotsize|slotsha1|contentmodel|roles|content"],
        "revids": ["3|5"],
        "maxlag": ["5"],
        "continue": ["||"],
    }


@given(st.dictionaries(st.text(min_size=1), st.text(min_size=1)))
def test_encoded_parameters_are_decoded_by_a_server(parameters: dict[str, str]) -> None:
    """Any text arrives unchanged."""
    assert {name: values[0] for name, values in parse_qs(encode(parameters)).items()} == parameters


@pytest.mark.parametrize(
    ("response", "kind", "wait"),
    [
        (answer(b"", 204), FailureKind.OTHER_SUCCESS, None),
        (answer(b"", 302), FailureKind.REDIRECT, None),
        (answer(b"", 404), FailureKind.CLIENT_ERROR, None),
        (answer(b"", 429, Retry_After="9"), FailureKind.TOO_MANY_REQUESTS, 9.0),
        (answer(b"{}", 500), FailureKind.SERVER_ERROR, None),
        (answer(b"", 503, retry_after="30"), FailureKind.UNAVAILABLE, 30.0),
        (answer(b""), FailureKind.EMPTY, None),
        (answer(b" \n"), FailureKind.EMPTY, None),
        (answer(b"<html>"), FailureKind.UNPARSABLE, None),
        (answer(b'{"query": '), FailureKind.UNPARSABLE, None),
        (answer(b'"text"'), FailureKind.UNPARSABLE, None),
        (answer(b"null"), FailureKind.UNPARSABLE, None),
        (answer({"error": {"code": "maxlag", "info": "slow"}}, Retry_After="5"), FailureKind.MAXLAG, 5.0),
        (answer({"error": {"code": "internal_api_error_DBQueryError"}}), FailureKind.API_INTERNAL_ERROR, None),
        (answer({"errors": [{"code": "readonly", "text": "now"}]}), FailureKind.READ_ONLY, None),
        (answer({"error": {"code": "badvalue"}}), FailureKind.API_ERROR, None),
        (answer({"error": None}), FailureKind.UNPARSABLE, None),
        (answer({"errors": []}), FailureKind.UNPARSABLE, None),
        (answer({"error": "text"}), FailureKind.UNPARSABLE, None),
    ],
)
def test_responses_without_a_result_are_failures(response: HttpResponse, kind: FailureKind, wait: float | None) -> None:
    """Status, emptiness, JSON and API error decide.

    The failure has the requested delay, and its detail names the wiki.
    """
    failure = parse_json(response, place=PLACE, now=0.0)
    assert isinstance(failure, Failure)
    assert (failure.kind, failure.retry_after) == (kind, wait)
    assert PLACE in failure.detail


def test_response_is_parsed_in_any_order() -> None:
    """Responses are grouped by page and sorted by the wiki; results are mapped by revision id."""
    document = {
        "batchcomplete": True,
        "query": {
            "badrevids": {"9": {"revid": 9, "missing": True}},
            "pages": [
                {"pageid": 1, "revisions": [revision(7, "b"), revision(5, "a")]},
                {"pageid": 2, "missing": True},
                {"pageid": 3, "revisions": [revision(6, "c")]},
            ],
        },
    }
    page = parse_revisions(document, {5, 6, 7, 9}, place=PLACE)
    assert isinstance(page, ParsedResponse)
    bad = page.results.pop(9)
    assert isinstance(bad, Failure)
    assert bad.kind is FailureKind.BAD_REVISION
    assert page == ParsedResponse({5: content("a"), 6: content("c"), 7: content("b")}, {}, [])


@pytest.mark.parametrize("bad", [{"9": {"revid": 9, "missing": True}}, [{"revid": 9}]])
def test_bad_ids_are_an_object_or_a_list(bad: object) -> None:
    """An object by id (MediaWiki 1.39) and a list are the same; pages may be absent."""
    page = parse_revisions({"query": {"badrevids": bad}}, {9}, place=PLACE)
    assert isinstance(page, ParsedResponse)
    assert list(page.results) == [9]


def test_unrequested_revision_is_left_out_with_a_warning() -> None:
    """A wrong revision never replaces the right one."""
    page = parse_revisions({"query": {"pages": [{"revisions": [revision(8)]}]}}, {7}, place=PLACE)
    assert isinstance(page, ParsedResponse)
    assert page.results == {}
    assert "8" in page.warnings[0]


def test_continuation_and_warnings_are_read() -> None:
    """Every value of `continue` is a parameter of the next query; warnings are texts."""
    document = {
        "continue": {"rvcontinue": 55, "continue": "||"},
        "warnings": {"result": {"warnings": "This result was truncated"}},
        "query": {},
    }
    page = parse_revisions(document, {7}, place=PLACE)
    assert page == ParsedResponse({}, {"rvcontinue": "55", "continue": "||"}, ["result: This result was truncated"])


@pytest.mark.parametrize("document", [{}, {"batchcomplete": True}, {"query": {}}, {"query": None}, {"query": []}])
def test_document_without_a_result_is_empty(document: dict[str, Any]) -> None:
    """The request is repeated; its revisions do not count as unknown."""
    failure = parse_revisions(document, {7}, place=PLACE)
    assert isinstance(failure, Failure)
    assert failure.kind is FailureKind.EMPTY


@given(
    st.dictionaries(st.sampled_from(["error", "errors", "query", "continue", "warnings", "batchcomplete"]), JSON)
    | st.fixed_dictionaries(
        {"query": st.fixed_dictionaries({}, optional={"pages": JSON, "badrevids": JSON})}, optional={"continue": JSON}
    )
    | st.fixed_dictionaries(
        {"query": st.fixed_dictionaries({"pages": st.lists(st.fixed_dictionaries({"revisions": JSON}))})}
    )
)
def test_any_document_is_parsed_or_a_failure(document: dict[str, Any]) -> None:
    """The parser returns a value and never raises, whatever JSON a wiki sends."""
    read = parse_json(answer(document), place=PLACE, now=0.0)
    if not isinstance(read, Failure):
        assert isinstance(parse_revisions(read, {1, 2}, place=PLACE), ParsedResponse | Failure)


@given(st.binary(max_size=30), st.integers(100, 599))
def test_any_bytes_are_parsed_or_a_failure(body: bytes, status: int) -> None:
    """The law includes bytes that are not JSON."""
    assert isinstance(parse_json(answer(body, status), place=PLACE, now=0.0), dict | Failure)


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        (b"Please set a user agent.", 200, "text/plain: 'Please set a user agent.'"),
        (b"Please set a user agent.", 403, "status 403 (text/plain: 'Please set a user agent.')"),
        (b"<html><title>Maintenance</title></html>", 503, "status 503 (text/plain: 'Maintenance')"),
        (b"[1]", 200, "that is not an object (text/plain: '[1]')"),
        (b"<br /><b>Fatal error</b>", 200, "invalid JSON (text/plain: '<br /><b>Fatal error</b>')"),
    ],
)
def test_error_quotes_first_line_of_answer(body: bytes, status: int, says: str) -> None:
    """A wiki or proxy that refuses a client states the reason there."""
    failure = parse_json(answer(body, status, Content_Type="text/plain"), place=PLACE, now=0.0)
    assert isinstance(failure, Failure)
    assert says in failure.detail


def test_byte_order_marks_around_json_are_removed_and_logged_once() -> None:
    """One PHP file of the wiki with a mark is enough for each answer to have one."""
    with capture_logs() as logs:
        for body in (b"\xef\xbb\xbf{}", b"\xef\xbb\xbf\xef\xbb\xbf\n{}\n", b"{}\xef\xbb\xbf\n"):
            assert parse_json(answer(body), place="marked.example", now=0.0) == {}
        empty = parse_json(answer(b"\xef\xbb\xbf"), place="marked.example", now=0.0)
    assert isinstance(empty, Failure)
    assert empty.kind is FailureKind.EMPTY
    assert [line["origin"] for line in logs if line["event"] == "byte_order_mark_removed"] == ["marked.example"]
