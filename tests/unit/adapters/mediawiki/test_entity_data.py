"""Entities are fetched from a Wikibase that behaves well, and from one that does not."""

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
from wikistate.testing.wikibase import EntityGenerator, FakeWikibase, Repository

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from wikistate.telemetry.meter import Report
    from wikistate.telemetry.metrics import Counter

HURRIED = RetryPolicy(max_attempts=3, base_delay=0.002, max_delay=0.01, retry_after_cap=0.02, acceptable_lag=10.0)
TURTLE = {"Content-Type": "text/turtle; charset=UTF-8"}


def repository() -> Repository:
    """Two items: Q1 with the revisions 1 and 3, Q2 with 2."""
    made, author = Repository(), EntityGenerator(Random(4))
    first = author.make_item("Q1")
    made.save(first)
    made.save(author.make_item("Q2"))
    made.save(replace(first, labels={"en": "renamed"}))
    return made


class Attentive(RecordingMeter):
    """Tells when something was asked for again."""

    def __init__(self) -> None:
        super().__init__()
        self.refused = asyncio.Event()

    def counter(self, metric: Counter, **labels: str) -> Report:
        """See `Meter`."""
        if metric is WIKI_RETRIES:
            self.refused.set()
        return super().counter(metric, **labels)


@asynccontextmanager
async def asking(
    wikibase: FakeWikibase, *, limits: FarmSettings | None = None, meter: RecordingMeter | None = None, **settings: Any
) -> AsyncIterator[EntityDataClient]:
    """A client of this Wikibase."""
    where = EntityDataSettings(prefix=f"{wikibase.url}/wiki/Special:EntityData/", **settings)
    http = HttpClient(HttpSettings(read_timeout=0.5, total_timeout=5.0))
    client = EntityDataClient(where, http, meter or RecordingMeter(), limits=limits, policy=HURRIED)
    await client.open()
    try:
        yield client
    finally:
        await client.close()


def failed(found: bytes | FetchFailure) -> FetchFailure:
    """The failure that it is."""
    assert isinstance(found, FetchFailure)
    return found


@pytest.mark.parametrize(
    ("form", "format_"), [("ttl", pyoxigraph.RdfFormat.TURTLE), ("nt", pyoxigraph.RdfFormat.N_TRIPLES)]
)
async def test_a_revision_is_fetched_in_either_format(form: str, format_: pyoxigraph.RdfFormat) -> None:
    """The old one as well as the current one, and they say what the Wikibase knows."""
    async with FakeWikibase(repository()) as wikibase, asking(wikibase, format=form) as client:
        for revision in (1, 3):
            body = await client.fetch("Q1", revision)
            assert isinstance(body, bytes)
            triples = {quad.triple for quad in pyoxigraph.parse(body, format=format_)}
            assert triples == set(wikibase.repository.document("Q1", revision) or ())


async def test_an_entity_that_was_merged_is_a_stub_that_says_so() -> None:
    """At its revision. Where the current one is asked for, the wiki leads to the other entity, and nobody follows."""
    made = repository()
    merged = made.redirect("Q1", "Q2").revision.rev_id
    async with FakeWikibase(made) as wikibase, asking(wikibase) as client:
        body = await client.fetch("Q1", merged)
        assert isinstance(body, bytes)
        assert b"wd:Q1 owl:sameAs wd:Q2" in body
        failure = failed(await client.fetch("Q1", 0))
        assert failure.kind is FetchErrorType.UNEXPECTED_RESPONSE
        assert "/Q2.ttl" in failure.message


async def test_another_spelling_of_the_address_is_followed() -> None:
    """A redirect within the wiki to the same entity and revision."""
    async with FakeWikibase(repository()) as wikibase, asking(wikibase) as client:
        asked = f"{wikibase.url}/entity-data/Q1.ttl?flavor=dump&revision=3"
        wikibase.set_faults([Rule(faults.HttpRedirect(asked), path="Special:EntityData")])
        failure = failed(await client.fetch("Q1", 3))  # there is nothing at that address, which shows that it was asked
        assert failure.kind is FetchErrorType.ENTITY_NOT_FOUND
        assert wikibase.request_log.requests == 2


async def test_a_revision_that_a_replica_does_not_have_yet_is_asked_for_again() -> None:
    """Within the acceptable lag, as often as it takes."""
    async with FakeWikibase(repository()) as wikibase, asking(wikibase) as client:
        wikibase.set_faults([Rule(faults.MissingRevision(asks=5))])
        assert isinstance(await client.fetch("Q1", 3, event_time=int(time() * 1000)), bytes)
        assert wikibase.request_log.count_requests(3) == 6


@pytest.mark.parametrize("event_time", [None, 1])
async def test_an_old_revision_that_is_gone_is_reported_at_once_and_by_its_number(event_time: int | None) -> None:
    """As of the revision before a change, which is deleted or hidden by now."""
    async with FakeWikibase(repository()) as wikibase, asking(wikibase) as client:
        wikibase.repository.hide("Q1", 1)
        failure = failed(await client.fetch("Q1", 1, event_time=event_time))
        assert (failure.kind, failure.entity, failure.revision) == (FetchErrorType.ENTITY_NOT_FOUND, "Q1", 1)
        assert "revision=1" in failure.message
        assert wikibase.request_log.requests == 1


@pytest.mark.parametrize(
    "trouble",
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
async def test_trouble_of_the_whole_wiki_is_waited_out(trouble: faults.ResponseFault) -> None:
    """For longer than there are tries."""
    times = 2 if isinstance(trouble, faults.Hang) else 20
    async with FakeWikibase(repository()) as wikibase, asking(wikibase) as client:
        wikibase.set_faults([Rule(trouble, times=times)])
        assert isinstance(await client.fetch("Q1", 3), bytes)
        assert wikibase.request_log.count_requests(3) == times + 1


async def test_a_server_that_is_not_there_yet_is_waited_for() -> None:
    """Refused connections do not end anything."""
    async with FakeWikibase(repository()) as wikibase:
        url, port = wikibase.url, int(wikibase.url.rpartition(":")[2])
        meter = Attentive()
        async with asking(wikibase, meter=meter) as client:
            assert isinstance(await client.fetch("Q1", 3), bytes)
            await wikibase.__aexit__(None, None, None)
            waiting = asyncio.create_task(client.fetch("Q1", 3))
            await meter.refused.wait()
            async with FakeWikibase(repository(), port=port) as again:
                assert again.url == url
                assert isinstance(await asyncio.wait_for(waiting, 10), bytes)


@pytest.mark.parametrize(
    "trouble",
    [faults.HttpStatus(500), faults.HttpStatus(503), faults.ConnectionReset(), faults.ConnectionReset(after=50)],
    ids=str,
)
async def test_an_entity_that_always_fails_ends_while_others_are_answered(trouble: faults.ResponseFault) -> None:
    """It must not be waited for without end."""
    async with FakeWikibase(repository()) as wikibase, asking(wikibase) as client:
        wikibase.set_faults([Rule(trouble, path="/Q1.")])
        bad = asyncio.create_task(client.fetch("Q1", 3))
        while not bad.done():
            assert isinstance(await client.fetch("Q2", 2), bytes)
        assert failed(await bad).kind in {FetchErrorType.UNEXPECTED_RESPONSE, FetchErrorType.UNKNOWN}


@pytest.mark.parametrize(
    ("trouble", "kind", "asks"),
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
async def test_what_is_no_rdf_ends_as_a_failure(trouble: faults.ResponseFault, kind: FetchErrorType, asks: int) -> None:
    """After as many tries as it is worth; 200 MB, or a small body that unpacks to them, are not read to their end."""
    async with FakeWikibase(repository()) as wikibase, asking(wikibase, max_bytes=1_000_000) as client:
        wikibase.set_faults([Rule(trouble)])
        assert failed(await client.fetch("Q1", 3)).kind is kind
        assert wikibase.request_log.count_requests(3) == asks


@pytest.mark.parametrize(
    "trouble", [faults.TruncatedBody(), faults.WrongRevision(), faults.HttpStatus(200, TURTLE, "no RDF")], ids=str
)
async def test_what_only_the_parser_can_judge_is_handed_on(trouble: faults.ResponseFault) -> None:
    """RDF that is cut short, of another entity, or none."""
    async with FakeWikibase(repository()) as wikibase, asking(wikibase) as client:
        good = await client.fetch("Q1", 3)
        wikibase.set_faults([Rule(trouble)])
        spoilt = await client.fetch("Q1", 3)
        assert isinstance(spoilt, bytes)
        assert spoilt != good


@pytest.mark.parametrize(
    "entity", ["../Q1", "Q1/../Q2", "Q1?x=", "Q1#", "q1", "Q1\n", "Q01", "", "Q" + "9" * 99, "L1-F1"]
)
async def test_what_is_no_entity_id_never_becomes_part_of_a_url(entity: str) -> None:
    """Nothing is asked."""
    async with FakeWikibase(repository()) as wikibase, asking(wikibase) as client:
        failure = failed(await client.fetch(entity, 1))
        assert (failure.kind, failure.error_type) == (FetchErrorType.UNKNOWN, "InvalidEntityId")
        assert wikibase.request_log.requests == 0


async def test_no_more_are_asked_for_at_once_than_is_allowed() -> None:
    """However many are wanted."""
    limits = FarmSettings(max_concurrency=3)
    async with FakeWikibase(repository()) as wikibase, asking(wikibase, limits=limits) as client:
        found = await asyncio.gather(*(client.fetch("Q1", 3) for _ in range(50)))
        assert all(isinstance(body, bytes) for body in found)
        assert wikibase.request_log.max_concurrent <= 3


async def test_who_gives_up_frees_its_place() -> None:
    """A call that is cancelled while the wiki hangs does not keep others out."""
    limits = FarmSettings(max_concurrency=1)
    async with FakeWikibase(repository()) as wikibase, asking(wikibase, limits=limits) as client:
        wikibase.set_faults([Rule(faults.Hang(), path="/Q1.")])
        stuck = asyncio.create_task(client.fetch("Q1", 3))
        await wikibase.wait_for_in_flight(1)
        stuck.cancel()
        assert isinstance(await asyncio.wait_for(client.fetch("Q2", 2), 5), bytes)


async def test_requests_and_retries_are_measured() -> None:
    """By status, and by what failed."""
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


async def test_a_wiki_that_not_everybody_may_read_is_told_who_asks() -> None:
    """With each request; one that is refused is made again with a new login, as often as others are."""
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
