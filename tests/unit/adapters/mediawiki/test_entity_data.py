"""Entities are fetched from a Wikibase that works, and from one with faults."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from random import Random
from time import time
from typing import TYPE_CHECKING, Any

import pyoxigraph
import pytest
from aiohttp import web
from tests.unit.adapters.http.http_server import serving

from wikistate.adapters.http.client import HttpClient, HttpSettings
from wikistate.adapters.mediawiki.credentials import BearerToken
from wikistate.adapters.mediawiki.entity_data import EntityDataClient
from wikistate.adapters.mediawiki.entity_responses import EntityDataSettings
from wikistate.adapters.mediawiki.limits import FarmSettings
from wikistate.adapters.mediawiki.sessions import TokenSession
from wikistate.core.enrichment.failures import FailureKind
from wikistate.core.enrichment.retry import RetryPolicy
from wikistate.core.updater.fetch_failures import FetchErrorType, FetchFailure
from wikistate.telemetry.meter import RecordingMeter
from wikistate.telemetry.metrics import WIKI_REQUESTS, WIKI_RETRIES
from wikistate.testing import faults
from wikistate.testing.faults import Rule
from wikistate.testing.wikibase import EntityGenerator, FakeWikibase, Repository, make_wikibase_wiki

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from wikistate.demo.pages import Wiki
    from wikistate.telemetry.meter import Report
    from wikistate.telemetry.metrics import Counter

HURRIED = RetryPolicy(max_attempts=3, base_delay=0.002, max_delay=0.01, retry_after_cap=0.02, acceptable_lag=10.0)
TURTLE = {"Content-Type": "text/turtle; charset=UTF-8"}


def repository(wiki: Wiki | None = None) -> Repository:
    """Return a repository of two items: Q1 with the revisions 1 and 3, Q2 with 2."""
    made, author = Repository(wiki), EntityGenerator(Random(4))
    first = author.make_item("Q1")
    made.save(first)
    made.save(author.make_item("Q2"))
    made.save(replace(first, labels={"en": "renamed"}))
    return made


class RetryEventMeter(RecordingMeter):
    """Meter with an event that is set by the first retry."""

    def __init__(self) -> None:
        super().__init__()
        self.retried = asyncio.Event()

    def counter(self, metric: Counter, **labels: str) -> Report:
        """See `Meter`."""
        if metric is WIKI_RETRIES:
            self.retried.set()
        return super().counter(metric, **labels)


@asynccontextmanager
async def asking(
    wikibase: FakeWikibase,
    *,
    limits: FarmSettings | None = None,
    meter: RecordingMeter | None = None,
    read_timeout: float = 30.0,
    **settings: Any,
) -> AsyncIterator[EntityDataClient]:
    """Yield a client of this Wikibase."""
    prefix = wikibase.document_url("Q1").partition("Q1")[0]
    where = EntityDataSettings(prefix=prefix, **settings)
    http = HttpClient(HttpSettings(read_timeout=read_timeout, total_timeout=60.0))
    client = EntityDataClient(where, http, meter or RecordingMeter(), limits=limits, policy=HURRIED)
    await client.open()
    try:
        yield client
    finally:
        await client.close()


def failed(found: bytes | FetchFailure) -> FetchFailure:
    """Return the failure after a check of its type."""
    assert isinstance(found, FetchFailure)
    return found


@pytest.mark.parametrize(
    ("form", "rdf_format"), [("ttl", pyoxigraph.RdfFormat.TURTLE), ("nt", pyoxigraph.RdfFormat.N_TRIPLES)]
)
async def test_revision_is_fetched_in_either_format(form: str, rdf_format: pyoxigraph.RdfFormat) -> None:
    """Old and current revisions have the triples of the Wikibase."""
    async with FakeWikibase(repository()) as wikibase, asking(wikibase, format=form) as client:
        for revision in (1, 3):
            body = await client.fetch("Q1", revision)
            assert isinstance(body, bytes)
            triples = {quad.triple for quad in pyoxigraph.parse(body, format=rdf_format)}
            assert triples == set(wikibase.repository.document("Q1", revision) or ())


async def test_merged_entity_is_a_redirect_stub() -> None:
    """The stub is the RDF of its revision. The current revision redirects to the other entity and is not followed."""
    made = repository()
    merged = made.redirect("Q1", "Q2").revision.rev_id
    async with FakeWikibase(made) as wikibase, asking(wikibase) as client:
        body = await client.fetch("Q1", merged)
        assert isinstance(body, bytes)
        assert b"wd:Q1 owl:sameAs wd:Q2" in body
        failure = failed(await client.fetch("Q1", 0))
        assert failure.kind is FetchErrorType.UNEXPECTED_RESPONSE
        assert "/Q2.ttl" in failure.message


async def test_redirect_to_another_spelling_of_the_address_is_followed() -> None:
    """The redirect leads to the same entity and revision within the wiki."""
    async with FakeWikibase(repository()) as wikibase, asking(wikibase) as client:
        asked = f"{wikibase.url}/entity-data/Q1.ttl?flavor=dump&revision=3"
        wikibase.set_faults([Rule(faults.HttpRedirect(asked), path="Special:EntityData")])
        failure = failed(await client.fetch("Q1", 3))  # Nothing is at that address, which shows that it was requested.
        assert failure.kind is FetchErrorType.ENTITY_NOT_FOUND
        assert wikibase.request_log.requests == 2


@pytest.mark.parametrize("article_path", ["/wiki/$1", "/index.php/$1", "/index.php?title=$1", "/view/$1"])
async def test_wiki_of_another_language_is_asked_at_its_own_address_from_then_on(article_path: str) -> None:
    """It redirects from the English name of the special page; later requests are not redirected."""
    made = repository(make_wikibase_wiki(article_path=article_path, language="de"))
    async with FakeWikibase(made) as wikibase, asking(wikibase) as client:
        for revision in (1, 3):
            body = await client.fetch("Q1", revision)
            assert isinstance(body, bytes)
            assert {quad.triple for quad in pyoxigraph.parse(body, format=pyoxigraph.RdfFormat.TURTLE)} == set(
                wikibase.repository.document("Q1", revision) or ()
            )
        assert wikibase.request_log.responses == {302: 1, 200: 2}
        assert client.settings.prefix.endswith("/index.php?title=Spezial:Objektdaten/")
        assert failed(await client.fetch("Q1", 99)).kind is FetchErrorType.ENTITY_NOT_FOUND


async def test_redirects_are_followed_up_to_a_bound() -> None:
    """Each target is another address of the same document; the last redirect is the failure."""
    asked: list[str] = []

    async def circle(request: web.Request) -> web.StreamResponse:
        asked.append(request.path)
        return web.Response(status=302, headers={"Location": f"/{len(asked)}/Q1.ttl?{request.query_string}"})

    async with serving(circle) as origin:
        client = EntityDataClient(
            EntityDataSettings(prefix=f"{origin}/0/"), HttpClient(HttpSettings()), RecordingMeter(), policy=HURRIED
        )
        await client.open()
        failure = failed(await client.fetch("Q1", 3))
        await client.close()
    assert (failure.kind, failure.error_type) == (FetchErrorType.UNEXPECTED_RESPONSE, FailureKind.REDIRECT.value)
    assert asked == [f"/{number}/Q1.ttl" for number in range(6)]
    assert "/6/Q1.ttl" in failure.message


async def test_credentials_are_not_sent_to_another_server() -> None:
    """A redirect to another port of the same host is not followed."""
    asked: list[str] = []

    async def other(request: web.Request) -> web.StreamResponse:
        asked.append(request.path)
        return web.Response(text="<a:b> <c:d> <e:f> .")

    async with serving(other) as elsewhere:

        async def redirect(request: web.Request) -> web.StreamResponse:
            return web.Response(status=302, headers={"Location": f"{elsewhere}/Q1.ttl?{request.query_string}"})

        async with serving(redirect) as origin:
            client = EntityDataClient(
                EntityDataSettings(prefix=f"{origin}/wiki/Special:EntityData/"),
                HttpClient(HttpSettings()),
                RecordingMeter(),
                session=TokenSession(BearerToken("secret")),
                policy=HURRIED,
            )
            await client.open()
            assert "another server" in failed(await client.fetch("Q1", 3)).message
            await client.close()
    assert asked == []


async def test_page_that_asks_for_a_login_renews_the_login() -> None:
    """A private wiki answers with this page and the status 200 when the login has ended."""
    asked: list[str] = []

    async def guarded(request: web.Request) -> web.StreamResponse:
        asked.append(request.path)
        if len(asked) == 1:
            return web.Response(text="<!DOCTYPE html>Login required", content_type="text/html")
        return web.Response(text="<a:b> <c:d> <e:f> .")

    async with serving(guarded) as origin:
        session, meter = TokenSession(BearerToken("secret")), RecordingMeter()
        where = EntityDataSettings(prefix=f"{origin}/Special:EntityData/")
        client = EntityDataClient(where, HttpClient(HttpSettings()), meter, session=session, policy=HURRIED)
        await client.open()
        assert await client.fetch("Q1", 3) == b"<a:b> <c:d> <e:f> ."
        await client.close()
    assert meter.by_label(WIKI_RETRIES) == {(FailureKind.LOGGED_OUT.value,): 1}


async def test_revision_that_a_replica_lacks_is_requested_again() -> None:
    """It is requested within the acceptable lag, without a limit of attempts."""
    async with FakeWikibase(repository()) as wikibase, asking(wikibase) as client:
        wikibase.set_faults([Rule(faults.MissingRevision(asks=5))])
        assert isinstance(await client.fetch("Q1", 3, event_time=int(time() * 1000)), bytes)
        assert wikibase.request_log.count_requests(3) == 6


@pytest.mark.parametrize("event_time", [None, 1])
async def test_old_missing_revision_is_reported_at_once_by_its_number(event_time: int | None) -> None:
    """The revision before a change may be deleted or hidden by now."""
    async with FakeWikibase(repository()) as wikibase, asking(wikibase) as client:
        wikibase.repository.hide("Q1", 1)
        failure = failed(await client.fetch("Q1", 1, event_time=event_time))
        assert (failure.kind, failure.entity, failure.revision) == (FetchErrorType.ENTITY_NOT_FOUND, "Q1", 1)
        assert "revision=1" in failure.message
        assert wikibase.request_log.requests == 1


@pytest.mark.parametrize(
    "fault",
    [
        faults.HttpStatus(503, {"Retry-After": "1"}),
        faults.HttpStatus(429, {"Retry-After": "1"}),
        faults.HttpStatus(500),
        faults.HttpStatus(502),
        faults.ConnectionReset(),
        faults.ConnectionReset(after=50),
        faults.Hang(),
    ],
    ids=str,
)
async def test_outage_of_the_whole_wiki_is_waited_out(fault: faults.ResponseFault) -> None:
    """The wait exceeds the limit of attempts."""
    times, read_timeout = (2, 1.0) if isinstance(fault, faults.Hang) else (20, 30.0)
    async with FakeWikibase(repository()) as wikibase, asking(wikibase, read_timeout=read_timeout) as client:
        wikibase.set_faults([Rule(fault, times=times)])
        assert isinstance(await client.fetch("Q1", 3), bytes)
        assert wikibase.request_log.count_requests(3) == times + 1


async def test_server_that_is_not_up_yet_is_waited_for() -> None:
    """Refused connections are retried."""
    async with FakeWikibase(repository()) as wikibase:
        url, port = wikibase.url, int(wikibase.url.rpartition(":")[2])
        meter = RetryEventMeter()
        async with asking(wikibase, meter=meter) as client:
            assert isinstance(await client.fetch("Q1", 3), bytes)
            await wikibase.__aexit__(None, None, None)
            waiting = asyncio.create_task(client.fetch("Q1", 3))
            await meter.retried.wait()
            async with FakeWikibase(repository(), port=port) as restarted:
                assert restarted.url == url
                assert isinstance(await asyncio.wait_for(waiting, 10), bytes)


@pytest.mark.parametrize(
    "fault",
    [faults.HttpStatus(500), faults.HttpStatus(503), faults.ConnectionReset(), faults.ConnectionReset(after=50)],
    ids=str,
)
async def test_entity_that_always_fails_is_given_up_if_others_succeed(fault: faults.ResponseFault) -> None:
    """The retries of such an entity end."""
    async with FakeWikibase(repository()) as wikibase, asking(wikibase) as client:
        wikibase.set_faults([Rule(fault, path="/Q1.")])
        bad = asyncio.create_task(client.fetch("Q1", 3))
        while not bad.done():
            assert isinstance(await client.fetch("Q2", 2), bytes)
        assert failed(await bad).kind in {FetchErrorType.UNEXPECTED_RESPONSE, FetchErrorType.UNKNOWN}


@pytest.mark.parametrize(
    ("fault", "kind", "requests"),
    [
        (faults.HttpStatus(204, body=""), FetchErrorType.NO_CONTENT, 1),
        (faults.EmptyBody(), FetchErrorType.EMPTY_RESPONSE, HURRIED.max_attempts),
        (faults.NonJsonBody(), FetchErrorType.UNEXPECTED_RESPONSE, HURRIED.max_attempts),
        (faults.HttpStatus(400), FetchErrorType.UNEXPECTED_RESPONSE, 1),
        (faults.HttpRedirect("http://127.0.0.1:9/"), FetchErrorType.UNEXPECTED_RESPONSE, 1),
        (faults.HugeBody(200_000_000), FetchErrorType.UNKNOWN, 1),
        (faults.GzipBomb(200_000_000), FetchErrorType.UNKNOWN, 1),
    ],
    ids=str,
)
async def test_body_that_is_not_rdf_becomes_a_failure(
    fault: faults.ResponseFault, kind: FetchErrorType, requests: int
) -> None:
    """Each kind has its number of attempts.

    A body of 200 MB, or a small body that unpacks to them, is not read to the end.
    """
    async with FakeWikibase(repository()) as wikibase, asking(wikibase, max_bytes=1_000_000) as client:
        wikibase.set_faults([Rule(fault)])
        assert failed(await client.fetch("Q1", 3)).kind is kind
        assert wikibase.request_log.count_requests(3) == requests


@pytest.mark.parametrize(
    "fault", [faults.TruncatedBody(), faults.WrongRevision(), faults.HttpStatus(200, TURTLE, "no RDF")], ids=str
)
async def test_body_that_only_the_parser_can_check_is_returned(fault: faults.ResponseFault) -> None:
    """The RDF is cut short, of another entity, or invalid."""
    async with FakeWikibase(repository()) as wikibase, asking(wikibase) as client:
        good = await client.fetch("Q1", 3)
        wikibase.set_faults([Rule(fault)])
        damaged = await client.fetch("Q1", 3)
        assert isinstance(damaged, bytes)
        assert damaged != good


@pytest.mark.parametrize(
    "entity", ["../Q1", "Q1/../Q2", "Q1?x=", "Q1#", "q1", "Q1\n", "Q01", "", "Q" + "9" * 99, "L1-F1"]
)
async def test_invalid_entity_id_is_never_part_of_a_url(entity: str) -> None:
    """No request is sent."""
    async with FakeWikibase(repository()) as wikibase, asking(wikibase) as client:
        failure = failed(await client.fetch(entity, 1))
        assert (failure.kind, failure.error_type) == (FetchErrorType.UNKNOWN, "InvalidEntityId")
        assert wikibase.request_log.requests == 0


async def test_concurrent_requests_are_limited() -> None:
    """The limit holds for any number of fetches."""
    limits = FarmSettings(max_concurrency=3)
    async with FakeWikibase(repository()) as wikibase, asking(wikibase, limits=limits) as client:
        found = await asyncio.gather(*(client.fetch("Q1", 3) for _ in range(50)))
        assert all(isinstance(body, bytes) for body in found)
        assert wikibase.request_log.max_concurrent <= 3


async def test_cancelled_fetch_releases_its_slot() -> None:
    """A call that is cancelled while the wiki hangs does not block others."""
    limits = FarmSettings(max_concurrency=1)
    async with FakeWikibase(repository()) as wikibase, asking(wikibase, limits=limits) as client:
        wikibase.set_faults([Rule(faults.Hang(), path="/Q1.")])
        stuck = asyncio.create_task(client.fetch("Q1", 3))
        await wikibase.wait_for_in_flight(1)
        stuck.cancel()
        assert isinstance(await asyncio.wait_for(client.fetch("Q2", 2), 5), bytes)


async def test_requests_and_retries_are_measured() -> None:
    """They are counted by status and by kind of failure."""
    meter = RecordingMeter()
    async with FakeWikibase(repository()) as wikibase:
        wikibase.set_faults([Rule(faults.HttpStatus(503), times=1)])
        where = EntityDataSettings(prefix=f"{wikibase.url}/wiki/Special:EntityData/")
        client = EntityDataClient(where, HttpClient(HttpSettings()), meter, policy=HURRIED)
        await client.open()
        assert isinstance(await client.fetch("Q1", 3), bytes)
        await client.close()
    assert meter.by_label(WIKI_REQUESTS) == {("127.0.0.1", "503"): 1, ("127.0.0.1", "200"): 1}
    assert meter.by_label(WIKI_RETRIES) == {(FailureKind.UNAVAILABLE.value,): 1}


async def test_token_is_sent_with_each_request_to_a_private_wiki() -> None:
    """A rejected request is retried with a new login, up to the usual limit."""
    asked: list[str | None] = []

    async def guarded(request: web.Request) -> web.StreamResponse:
        asked.append(request.headers.get("Authorization"))
        return web.Response(status=403 if len(asked) < 3 else 200, text="<a:b> <c:d> <e:f> .")

    async with serving(guarded) as origin:
        where = EntityDataSettings(prefix=f"{origin}/Special:EntityData/")
        session = TokenSession(BearerToken("secret"))
        http, meter = HttpClient(HttpSettings()), RecordingMeter()
        client = EntityDataClient(where, http, meter, session=session, policy=HURRIED)
        await client.open()
        assert await client.fetch("Q1", 3) == b"<a:b> <c:d> <e:f> ."
        await client.close()
    assert asked == ["Bearer secret"] * 3
    assert meter.by_label(WIKI_RETRIES) == {(FailureKind.LOGGED_OUT.value,): 2}
