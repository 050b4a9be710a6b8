"""The circuit breaker as a state machine, and with the clients of revisions and of entities."""

from __future__ import annotations

import asyncio
from math import inf
from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from tests.unit.adapters.http.http_server import serving
from tests.unit.adapters.mediawiki.test_entity_data import HURRIED, TURTLE

from wikistate.adapters.http.client import HttpClient, HttpSettings
from wikistate.adapters.http.outages import OUTAGES
from wikistate.adapters.mediawiki.entity_data import EntityDataClient
from wikistate.adapters.mediawiki.entity_responses import EntityDataSettings
from wikistate.adapters.mediawiki.revisions import RevisionClient
from wikistate.adapters.mediawiki.wikis import Wiki
from wikistate.core.enrichment.circuit_breaker import BreakerSettings, CircuitBreaker
from wikistate.core.enrichment.content import Content
from wikistate.core.enrichment.failures import FailureKind
from wikistate.core.enrichment.retry import Fail, RetryPolicy
from wikistate.core.updater.fetch_failures import FetchFailure
from wikistate.demo.pages import Page, make_revision
from wikistate.demo.pages import Wiki as DemoWiki
from wikistate.telemetry.meter import RecordingMeter
from wikistate.testing import faults
from wikistate.testing.faults import Rule
from wikistate.testing.wiki import FakeWiki, MemoryDataset

if TYPE_CHECKING:
    from wikistate.testing.faults import ResponseFault

SETTINGS = BreakerSettings(failures=5, first_probe=1.0, longest_probe=8.0)
REFUSED = FailureKind.CLIENT_ERROR
DOMAIN = "w.example"
REFUSALS: dict[str, ResponseFault] = {
    "403": faults.HttpStatus(403),
    "404": faults.HttpStatus(404),
    "401": faults.HttpStatus(401),
    "410": faults.HttpStatus(410),
    "login page": faults.HttpRedirect("/login"),
    "maintenance page": faults.NonJsonBody(),
    "private": faults.ApiError("readapidenied"),
    "empty": faults.EmptyBody(),
}


class BreakerMachine(RuleBasedStateMachine):
    """Requests of one wiki in any order, with a clock of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.breaker = CircuitBreaker(SETTINGS)
        self.now = 0.0
        self.streak: set[int] = set()
        self.requests = 0
        self.probing = False

    @rule(seconds=st.floats(0.0, 20.0))
    def wait(self, seconds: float) -> None:
        """Let the time pass."""
        self.now += seconds

    @precondition(lambda self: self.breaker.ready_at() <= self.now)
    @rule()
    def send(self) -> None:
        """Send a request; it is a probe exactly if the breaker is open."""
        self.probing = self.breaker.sent()
        assert self.probing == self.breaker.is_open

    @rule()
    def answer(self) -> None:
        """Close the breaker by a good answer."""
        was_open = self.breaker.is_open
        assert self.breaker.answered() == was_open
        self.streak, self.requests, self.probing = set(), 0, False

    @rule(subjects=st.lists(st.integers(0, 30), min_size=1, max_size=10))
    def refuse(self, subjects: list[int]) -> None:
        """Refuse a request; the breaker opens by enough subjects and requests in a row."""
        was_open = self.breaker.is_open
        opened = self.breaker.failed(REFUSED, subjects, now=self.now)
        if not was_open:
            self.streak |= set(subjects)
            self.requests += 1
            assert opened == (len(self.streak) >= 5 and self.requests >= 3)
        else:
            assert not opened
            assert self.breaker.is_open
        self.probing = False

    @rule(kind=st.sampled_from([FailureKind.READ_TIMEOUT, FailureKind.SERVER_ERROR, FailureKind.LOGIN_DELAYED]))
    def fail(self, kind: FailureKind) -> None:
        """Fail for another reason, which opens nothing and closes nothing."""
        before = self.breaker.is_open
        assert not self.breaker.failed(kind, [1], now=self.now)
        assert self.breaker.is_open == before
        self.probing = False

    @rule()
    def missing(self) -> None:
        """Answer that a revision is missing: the wiki works."""
        assert not self.breaker.failed(FailureKind.BAD_REVISION, [1], now=self.now)
        self.streak, self.requests, self.probing = set(), 0, False

    @invariant()
    def next_request_is_never_out_of_reach(self) -> None:
        """Check that the next request is within the longest wait, without a probe in flight."""
        if self.breaker.is_open and not self.probing:
            assert self.breaker.ready_at() <= self.now + SETTINGS.longest_probe
        if not self.breaker.is_open:
            assert self.breaker.ready_at() == -inf


TestBreaker = BreakerMachine.TestCase


def test_waits_between_probes_double_up_to_the_longest() -> None:
    """One probe is in flight at a time; older requests that fail meanwhile do not lengthen the wait."""
    breaker, now, waits = CircuitBreaker(SETTINGS), 0.0, []
    for number in range(3):
        breaker.failed(REFUSED, range(number * 5, number * 5 + 5), now=now)
    for _ in range(10):
        breaker.failed(REFUSED, [99], now=now)
    for _ in range(6):
        waits.append(breaker.ready_at() - now)
        now = breaker.ready_at()
        assert breaker.sent()
        assert breaker.ready_at() == inf
        breaker.failed(REFUSED, [1], now=now)
    assert waits == [1.0, 2.0, 4.0, 8.0, 8.0, 8.0]


def data_of(count: int) -> MemoryDataset:
    """Return a wiki with some revisions."""
    name = DemoWiki("w", DOMAIN)
    data = MemoryDataset(name)
    for rev_id in range(1, count + 1):
        data.put(name, Page(rev_id, f"Page {rev_id}"), make_revision(rev_id, f"text {rev_id}"))
    return data


def client_of(*, reject: bool = False) -> RevisionClient:
    """Return a client that does not wait long."""
    return RevisionClient(
        HttpClient(HttpSettings()),
        RecordingMeter(),
        policy=RetryPolicy(base_delay=0.001, max_delay=0.002),
        breaker=BreakerSettings(first_probe=0.02, longest_probe=0.05, reject=reject),
    )


@pytest.mark.parametrize("fault", REFUSALS.values(), ids=REFUSALS)
async def test_no_event_is_lost_while_a_wiki_refuses_everything(fault: ResponseFault) -> None:
    """A few requests probe the wiki, and all revisions are enriched when it answers again."""
    async with FakeWiki(data_of(200)) as server:
        server.set_faults([Rule(fault)])
        client = client_of()
        await client.open()
        wiki = Wiki(DOMAIN, f"{server.url}/w/api.php", DOMAIN, "farm")
        asked = asyncio.gather(*(client.fetch_async(wiki, rev_id) for rev_id in range(1, 201)))
        async with asyncio.timeout(60):
            while not OUTAGES.counts().get("wiki"):  # noqa: ASYNC110  (the client changes it)
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.3)
            assert not asked.done()
            assert server.request_log.requests < 60  # without a breaker 400
            server.set_faults([])
            assert all(isinstance(result, Content) for result in await asked)
        assert OUTAGES.counts()["wiki"] == 0
        await client.close()


async def test_events_become_errors_at_once_if_the_setting_says_so() -> None:
    """They have one error type, and cost no request each."""
    async with FakeWiki(data_of(200)) as server:
        server.set_faults([Rule(faults.HttpStatus(403))])
        client = client_of(reject=True)
        await client.open()
        wiki = Wiki(DOMAIN, f"{server.url}/w/api.php", DOMAIN, "farm")
        async with asyncio.timeout(60):
            results = await asyncio.gather(*(client.fetch_async(wiki, rev_id) for rev_id in range(1, 201)))
        await client.close()
        assert {result.error_type for result in results if isinstance(result, Fail)} == {"CircuitOpen"}
        assert server.request_log.requests < 30
    OUTAGES.end("wiki", DOMAIN)


async def test_single_refused_page_opens_nothing() -> None:
    """The other pages answer between its refusals."""
    async with FakeWiki(data_of(60)) as server:
        server.set_faults([Rule(faults.HttpStatus(403), revisions=frozenset({25}))])
        client = client_of()
        await client.open()
        wiki = Wiki(DOMAIN, f"{server.url}/w/api.php", DOMAIN, "farm")
        results = await asyncio.gather(*(client.fetch_async(wiki, rev_id) for rev_id in range(1, 61)))
        await client.close()
    assert [result.error_type for result in results if isinstance(result, Fail)] == ["ClientError"]


@pytest.mark.parametrize(("status", "body"), [(403, ""), (404, "<h1>Not Found</h1>"), (410, ""), (200, "<html>")])
async def test_entities_wait_while_everything_is_refused(status: int, body: str) -> None:
    """A page of a server without Wikibase says nothing about the entity, also with 404."""
    refusing, requests = True, 0

    async def respond(_: web.Request) -> web.Response:
        nonlocal requests
        requests += 1
        if refusing:
            return web.Response(status=status, text=body, content_type="text/html")
        return web.Response(text="<a:b> <c:d> <e:f> .", headers=TURTLE)

    async with serving(respond) as origin:
        settings = EntityDataSettings(prefix=f"{origin}/Special:EntityData/")
        breaker = BreakerSettings(first_probe=0.02, longest_probe=0.05)
        client = EntityDataClient(
            settings, HttpClient(HttpSettings()), RecordingMeter(), policy=HURRIED, breaker=breaker
        )
        await client.open()
        asked = asyncio.gather(*(client.fetch(f"Q{number}", number) for number in range(1, 101)))
        async with asyncio.timeout(60):
            while not OUTAGES.counts().get("wiki"):  # noqa: ASYNC110  (the client changes it)
                await asyncio.sleep(0.01)
            before = requests
            await asyncio.sleep(0.3)
            assert requests - before < 40
            refusing = False
            found = await asked
        await client.close()
    assert sum(isinstance(each, FetchFailure) for each in found) < 10
    assert OUTAGES.counts()["wiki"] == 0


async def test_deleted_entities_open_nothing() -> None:
    """Wikibase names the entity in its answer, so that any number of deleted ones are answers."""

    async def respond(request: web.Request) -> web.Response:
        entity = request.path.rpartition("/")[2].partition(".")[0]
        return web.Response(status=404, text=f"No entity with ID {entity} was found.", content_type="text/html")

    async with serving(respond) as origin:
        settings = EntityDataSettings(prefix=f"{origin}/Special:EntityData/")
        client = EntityDataClient(settings, HttpClient(HttpSettings()), RecordingMeter(), policy=HURRIED)
        await client.open()
        async with asyncio.timeout(60):
            found = await asyncio.gather(*(client.fetch(f"Q{number}", number) for number in range(1, 101)))
        await client.close()
    assert {each.error_type for each in found if isinstance(each, FetchFailure)} == {"BadRevision"}
