"""Address of an entity's RDF, and the check of a response without parsing its body."""

from __future__ import annotations

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from wikistate.adapters.http.client import HttpResponse
from wikistate.adapters.mediawiki.entity_responses import (
    EntityDataSettings,
    EntityUrl,
    find_prefix,
    parse_response,
    resolve_redirect,
)
from wikistate.core.enrichment.failures import Failure, FailureKind
from wikistate.errors import ConfigError

SETTINGS = EntityDataSettings(prefix="https://wiki.example/wiki/Special:EntityData/")
ADDRESS = SETTINGS.build_url("Q1", 123, now_ms=5)


def answer(status: int, body: bytes = b"<s> <p> <o> .", **headers: str) -> HttpResponse:
    """Return a response; header names are written with underscores."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return HttpResponse(status, CIMultiDictProxy(CIMultiDict(named)), body)


def test_address_names_the_revision() -> None:
    """The flavour comes first, then the revision."""
    assert str(ADDRESS) == "https://wiki.example/wiki/Special:EntityData/Q1.ttl?flavor=dump&revision=123"


def test_request_for_the_current_revision_bypasses_all_caches() -> None:
    """A parameter has a new value each time."""
    address = SETTINGS.build_url("Q1", 0, now_ms=1_700_000_000_123)
    assert address.query == "flavor=dump&nocache=1700000000123"


def test_prefix_may_have_the_title_in_the_query() -> None:
    """Wikis without short URLs have such addresses."""
    settings = EntityDataSettings(prefix="http://w.example/index.php?title=Special:EntityData/", format="nt")
    asked = str(settings.build_url("P7", 9, now_ms=0))
    assert asked == "http://w.example/index.php?title=Special:EntityData/P7.nt&flavor=dump&revision=9"
    assert settings.mime_type == "application/n-triples"


def test_final_slash_of_the_prefix_is_optional() -> None:
    """Both forms of the setting have the same address."""
    settings = EntityDataSettings(prefix=SETTINGS.prefix.rstrip("/"))
    assert settings.build_url("Q1", 123, now_ms=5) == ADDRESS


@pytest.mark.parametrize("prefix", ["", "wiki.example/wiki/Special:EntityData/", "ftp://wiki.example/"])
def test_invalid_prefix_is_rejected_at_the_start(prefix: str) -> None:
    """The message has a valid example."""
    with pytest.raises(ConfigError, match=r"https://wiki\.example/wiki/Special:EntityData/"):
        EntityDataSettings(prefix=prefix)


def test_body_of_a_good_response_is_the_rdf() -> None:
    """The body is returned unchanged."""
    assert parse_response(answer(200, Content_Type="text/turtle"), ADDRESS, now=0.0) == b"<s> <p> <o> ."


@pytest.mark.parametrize(
    ("found", "kind"),
    [
        (answer(404), FailureKind.BAD_REVISION),
        (answer(410), FailureKind.BAD_REVISION),
        (answer(204), FailureKind.OTHER_SUCCESS),
        (answer(200, b" \n"), FailureKind.EMPTY),
        (answer(200, b"<!DOCTYPE html>", Content_Type="text/html; charset=utf-8"), FailureKind.UNPARSABLE),
        (answer(302, Location="https://elsewhere.example/"), FailureKind.REDIRECT),
        (answer(400), FailureKind.CLIENT_ERROR),
        (answer(429), FailureKind.TOO_MANY_REQUESTS),
        (answer(500), FailureKind.SERVER_ERROR),
        (answer(503), FailureKind.UNAVAILABLE),
    ],
)
def test_response_without_rdf_is_a_failure_with_the_address(found: HttpResponse, kind: FailureKind) -> None:
    """The cases are statuses, an empty body and a web page."""
    failure = parse_response(found, ADDRESS, now=0.0)
    assert isinstance(failure, Failure)
    assert failure.kind is kind
    assert str(ADDRESS) in failure.detail


def test_retry_after_is_read() -> None:
    """The rule applies to all statuses."""
    failure = parse_response(answer(503, Retry_After="7"), ADDRESS, now=0.0)
    assert isinstance(failure, Failure)
    assert failure.retry_after == 7.0


LOCAL_NAME = "/index.php?title=Spezial:Objektdaten/Q1.ttl&flavor=dump&revision=123"


@pytest.mark.parametrize(
    ("prefix", "location", "found"),
    [
        ("/wiki/Special:EntityData/", LOCAL_NAME, "/index.php?title=Spezial:Objektdaten/"),
        ("/index.php?title=Special:EntityData/", LOCAL_NAME, "/index.php?title=Spezial:Objektdaten/"),
        (
            "/wiki/Special:EntityData/",
            "/w/index.php?title=Sp%C3%A9cial:Donn%C3%A9es/Q1.ttl&flavor=dump&revision=123",
            "/w/index.php?title=Sp%C3%A9cial:Donn%C3%A9es/",
        ),
        (
            "/index.php?title=Spezial:Objektdaten/",
            "/wiki/Spezial:Objektdaten/Q1.ttl?flavor=dump&revision=123",
            "/wiki/Spezial:Objektdaten/",
        ),
        ("/wiki/Special:EntityData/", "/data/Q1.ttl?revision=123&flavor=dump", "/data/"),
    ],
)
def test_redirect_to_another_name_of_the_page_is_followed(prefix: str, location: str, found: str) -> None:
    """Later addresses have the prefix of the target; the title may be in the path or in the query."""
    settings = EntityDataSettings(prefix=f"https://wiki.example{prefix}")
    asked = settings.build_url("Q1", 123, now_ms=5)
    for place in (location, f"https://wiki.example{location}"):
        target = resolve_redirect(answer(302, Location=place), asked)
        assert target is not None
        assert str(target) == f"https://wiki.example{location}"
        assert find_prefix(target, settings) == f"https://wiki.example{found}"


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("/index.php?title=Spezial:Objektdaten/Q2.ttl&flavor=dump&revision=123", "another entity"),
        ("/index.php?title=Spezial:Objektdaten/Q1.json&flavor=dump&revision=123", "another format"),
        ("/index.php?title=Spezial:Objektdaten/Q1.ttl&flavor=dump&revision=124", "another revision"),
        ("/index.php?title=Spezial:Objektdaten/Q1.ttl&flavor=dump", "another revision"),
        ("/index.php?title=Spezial:Objektdaten/Q1.ttl&flavor=dump&revision=123&id=Q2", "other parameters"),
        ("//other.example/index.php?title=Spezial:Objektdaten/Q1.ttl&flavor=dump&revision=123", "another server"),
        ("http://wiki.example/wiki/Special:EntityData/Q1.ttl?flavor=dump&revision=123", "another server"),
        ("/wiki/Special:EntityData/Q1.ttl?revision=123&flavor=dump", "the same address"),
        ("http://[", "an invalid address"),
    ],
)
def test_redirect_that_is_not_followed_is_a_failure_with_the_reason(location: str, reason: str) -> None:
    """Its target would be taken for the requested revision."""
    found = answer(301, Location=location)
    assert resolve_redirect(found, ADDRESS) is None
    failure = parse_response(found, ADDRESS, now=0.0)
    assert isinstance(failure, Failure)
    assert failure.kind is FailureKind.REDIRECT
    assert location in failure.detail
    assert reason in failure.detail


def test_address_that_cannot_be_built_is_not_used_again() -> None:
    """Some parameters of the target are not those of a request."""
    settings = EntityDataSettings(prefix="https://wiki.example/index.php?action=view&title=Special:EntityData/")
    asked = settings.build_url("Q1", 123, now_ms=5)
    location = "/index.php?title=Spezial:Objektdaten/Q1.ttl&action=view&flavor=dump&revision=123"
    target = resolve_redirect(answer(302, Location=location), asked)
    assert target is not None
    assert find_prefix(target, settings) == ""


@pytest.mark.parametrize(
    ("location", "followed"),
    [
        ("https://wiki.example/entity-data/Q1.ttl?flavor=dump&revision=123", True),
        ("/w/Special:EntityData/Q1.ttl?revision=123&flavor=dump", True),
        ("https://wiki.example/wiki/Special:EntityData/Q2.ttl?flavor=dump&revision=123", False),
        ("https://wiki.example/entity-data/Q1.ttl?flavor=dump", False),
        ("https://wiki.example/entity-data/Q1.ttl?flavor=dump&revision=124", False),
        ("https://elsewhere.example/wiki/Special:EntityData/Q1.ttl?flavor=dump&revision=123", False),
        ("http://wiki.example/wiki/Special:EntityData/Q1.ttl?flavor=dump&revision=123", False),
        ("http://169.254.169.254/Q1.ttl?flavor=dump&revision=123", False),
        ("https://wiki.example/wiki/Special:EntityData/Q1.ttl?flavor=dump&revision=123", False),
        ("http://[", False),
        ("", False),
    ],
)
def test_redirect_is_followed_only_to_the_same_revision(location: str, *, followed: bool) -> None:
    """It may lead to another spelling on the same server, never to another entity, revision, server or to itself."""
    target = resolve_redirect(answer(302, Location=location), ADDRESS)
    assert isinstance(target, EntityUrl) == followed


@pytest.mark.parametrize("status", [200, 403, 500])
def test_error_quotes_first_line_of_answer(status: int) -> None:
    """The title of a page, or the text of a proxy."""
    page = answer(status, b"<html><title>Access denied</title></html>", Content_Type="text/html")
    failure = parse_response(page, ADDRESS, now=0.0)
    assert isinstance(failure, Failure)
    assert "(text/html: 'Access denied')" in failure.detail


def test_byte_order_mark_before_rdf_is_removed() -> None:
    """Turtle does not allow it."""
    assert parse_response(answer(200, b"\xef\xbb\xbf<s> <p> <o> ."), ADDRESS, now=0.0) == b"<s> <p> <o> ."
