"""The address of an entity's RDF, and what an answer says without anybody parsing it."""

from __future__ import annotations

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from wikistate.adapters.http.client import HttpResponse
from wikistate.adapters.mediawiki.entity_responses import (
    EntityDataSettings,
    EntityUrl,
    parse_response,
    resolve_redirect,
)
from wikistate.core.enrichment.failures import Failure, FailureKind
from wikistate.errors import ConfigError

SETTINGS = EntityDataSettings(prefix="https://wiki.example/wiki/Special:EntityData/")
ADDRESS = SETTINGS.build_url("Q1", 123, now_ms=5)


def answer(status: int, body: bytes = b"<s> <p> <o> .", **headers: str) -> HttpResponse:
    """An answer; header names are written with underscores."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return HttpResponse(status, CIMultiDictProxy(CIMultiDict(named)), body)


def test_the_address_names_the_revision() -> None:
    """Flavour first, then the revision."""
    assert str(ADDRESS) == "https://wiki.example/wiki/Special:EntityData/Q1.ttl?flavor=dump&revision=123"


def test_the_current_revision_is_asked_for_past_all_caches() -> None:
    """By a parameter that is new each time."""
    address = SETTINGS.build_url("Q1", 0, now_ms=1_700_000_000_123)
    assert address.query == "flavor=dump&nocache=1700000000123"


def test_a_wiki_whose_titles_are_in_the_query_can_be_asked() -> None:
    """As it is where nobody has set up short URLs."""
    settings = EntityDataSettings(prefix="http://w.example/index.php?title=Special:EntityData/", format="nt")
    asked = str(settings.build_url("P7", 9, now_ms=0))
    assert asked == "http://w.example/index.php?title=Special:EntityData/P7.nt&flavor=dump&revision=9"
    assert settings.mime_type == "application/n-triples"


def test_a_slash_more_or_less_does_not_matter() -> None:
    """At the end of the setting."""
    settings = EntityDataSettings(prefix=SETTINGS.prefix.rstrip("/"))
    assert settings.build_url("Q1", 123, now_ms=5) == ADDRESS


@pytest.mark.parametrize("prefix", ["", "wiki.example/wiki/Special:EntityData/", "ftp://wiki.example/"])
def test_what_is_no_url_is_refused_at_start(prefix: str) -> None:
    """With what one looks like."""
    with pytest.raises(ConfigError, match=r"https://wiki\.example/wiki/Special:EntityData/"):
        EntityDataSettings(prefix=prefix)


def test_the_body_of_a_good_answer_is_the_rdf() -> None:
    """As it is."""
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
def test_what_is_no_rdf_is_a_failure_that_names_the_address(found: HttpResponse, kind: FailureKind) -> None:
    """By status, by emptiness, by being a web page."""
    failure = parse_response(found, ADDRESS, now=0.0)
    assert isinstance(failure, Failure)
    assert failure.kind is kind
    assert str(ADDRESS) in failure.detail


def test_retry_after_is_read() -> None:
    """For all statuses alike."""
    failure = parse_response(answer(503, Retry_After="7"), ADDRESS, now=0.0)
    assert isinstance(failure, Failure)
    assert failure.retry_after == 7.0


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
def test_a_redirect_is_followed_only_to_the_same_thing(location: str, *, followed: bool) -> None:
    """Another spelling on the same server; never another entity, revision or server, and never to itself."""
    target = resolve_redirect(answer(302, Location=location), ADDRESS)
    assert isinstance(target, EntityUrl) == followed
