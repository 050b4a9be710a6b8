from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from time import time
from typing import TYPE_CHECKING, Any

import pytest

from wikistate.adapters.http.client import HttpClient, HttpSettings
from wikistate.adapters.mediawiki import wikis as allowed
from wikistate.adapters.mediawiki.dispatcher import BatchSettings
from wikistate.adapters.mediawiki.revisions import RevisionClient
from wikistate.adapters.mediawiki.wikis import Wikis
from wikistate.core.enrichment.content import Content
from wikistate.core.enrichment.retry import Fail, RetryPolicy
from wikistate.demo.pages import Flaw, Page, Revision, Visibility, Wiki, make_revision, make_slot
from wikistate.telemetry.meter import RecordingMeter
from wikistate.telemetry.metrics import WIKI_REQUESTS
from wikistate.testing import faults
from wikistate.testing.faults import Rule
from wikistate.testing.wiki import FakeWiki, Limits, MemoryDataset

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

ENGLISH = Wiki("enwiki", "en.wikipedia.org")
GERMAN = Wiki("dewiki", "de.wikipedia.org", "de")
QUICK = RetryPolicy(base_delay=0.001, max_delay=0.001)
IDS = range(1, 51)


def world() -> MemoryDataset:
    """Return fifty revisions of ten pages in one wiki, and one of the same number in another."""
    made = MemoryDataset(ENGLISH, GERMAN)
    for number in range(10):
        made.put(
            ENGLISH,
            Page(number + 1, f"Page {number}"),
            *(make_revision(rev_id, f"text {rev_id} «é» \U0001f600") for rev_id in IDS if rev_id % 10 == number),
        )
    made.put(GERMAN, Page(1, "Seite"), make_revision(7, "deutsch"))
    return made


class Requester:
    """Client with one address for all wikis."""

    def __init__(self, url: str, *, read_timeout: float = 30.0, **settings: Any) -> None:
        self.meter = RecordingMeter()
        http = HttpClient(HttpSettings(user_agent="test (me@example.org)", read_timeout=read_timeout))
        self.client = RevisionClient(http, self.meter, **{"policy": QUICK, **settings})
        self.wikis = Wikis(template=f"{url}/w/api.php")

    async def ask(
        self, rev_ids: Iterable[int], domain: str = ENGLISH.domain, event_time: float | None = None
    ) -> dict[int, Content | Fail]:
        """Fetch all of them at the same time."""
        wiki = self.wikis.lookup(domain)
        assert isinstance(wiki, allowed.Wiki)
        wanted = list(rev_ids)
        results = await asyncio.gather(
            *(self.client.fetch_async(wiki, rev_id, event_time=event_time) for rev_id in wanted)
        )
        return dict(zip(wanted, results, strict=True))


@asynccontextmanager
async def asking(
    *rules: Rule, limits: Limits | None = None, made: MemoryDataset | None = None, **settings: Any
) -> AsyncIterator[tuple[FakeWiki, Requester]]:
    """Yield a running wiki with these faults, and a client of it."""
    async with FakeWiki(made or world(), limits=limits) as wiki:
        wiki.set_faults(rules)
        requester = Requester(wiki.url, **settings)
        await requester.client.open()
        try:
            yield wiki, requester
        finally:
            await requester.client.close()


def body(result: Content | Fail) -> str | None:
    """Return the text of the main slot."""
    assert isinstance(result, Content), result
    return result.slots["main"].body


def failed(results: dict[int, Content | Fail]) -> dict[int, str]:
    """Return the error types of the failed revisions."""
    return {rev_id: result.error_type for rev_id, result in results.items() if isinstance(result, Fail)}


async def test_fifty_revisions_are_one_request() -> None:
    """Each gets its own text, the host names the wiki, and the user agent is sent."""
    async with asking() as (wiki, requester):
        results = await requester.ask(IDS)
        assert {rev_id: body(result) for rev_id, result in results.items()} == {
            rev_id: f"text {rev_id} «é» \U0001f600" for rev_id in IDS
        }
        assert wiki.request_log.batches == {50: 1}
        assert wiki.request_log.hosts == {"en.wikipedia.org": 1}
        assert wiki.request_log.user_agents == {"test (me@example.org)": 1}
        assert requester.meter.by_label(WIKI_REQUESTS) == {("own", "200"): 1}


async def test_wikis_are_not_mixed_up() -> None:
    """The same number in two wikis is two revisions, in two requests."""
    async with asking() as (wiki, requester):
        english, german = await asyncio.gather(requester.ask([7]), requester.ask([7], GERMAN.domain))
        assert (body(english[7]), body(german[7])) == ("text 7 «é» \U0001f600", "deutsch")
        assert wiki.request_log.requests == 2


async def test_long_response_is_continued() -> None:
    """A wiki that responds in parts is queried until all parts have arrived; no part is requested twice."""
    async with asking(limits=Limits(result_bytes=2_000)) as (wiki, requester):
        results = await requester.ask(IDS)
        assert not failed(results)
        assert set(wiki.request_log.batches) == {50}
        assert wiki.request_log.requests > 2


async def test_stalled_response_fails_only_the_stalled_revision() -> None:
    """A revision larger than a response fails; all others arrive."""
    async with asking(Rule(faults.StalledContinuation(), revisions=frozenset({25}))) as (_, requester):
        assert failed(await requester.ask(IDS)) == {25: "ContinuationStalled"}


@pytest.mark.parametrize(
    ("action", "error_type", "requests"),
    [
        (faults.HttpStatus(500), "ServerError", 4),
        (faults.HttpStatus(502), "ServerError", 4),
        (faults.HttpStatus(408), "RequestTimeout", 4),
        (faults.HttpStatus(503, {"Retry-After": "0"}), "ServiceUnavailable", 4),
        (faults.HttpStatus(429, {"Retry-After": "0"}), "TooManyRequests", 4),
        (faults.ApiError("maxlag", headers={"Retry-After": "0"}), "MaxLag", 4),
        (faults.ApiError("readonly"), "ReadOnly", 4),
        (faults.ApiError("ratelimited"), "RateLimited", 4),
        (faults.ApiError("internal_api_error_DBQueryError"), "ApiInternalError", 4),
        (faults.Hang(), "ReadTimeout", 4),
        (faults.ConnectionReset(after=10), "ConnectionFailed", 4),
        (faults.EmptyBody(), "EmptyResponse", 4),
        (faults.TruncatedBody(), "UnparsableResponse", 4),
        (faults.NonJsonBody(), "UnparsableResponse", 4),
    ],
    ids=str,
)
async def test_bad_revision_with_a_temporary_failure_has_four_requests(
    action: faults.Fault, error_type: str, requests: int
) -> None:
    """The count at the wiki is exactly four; the other forty-nine revisions arrive."""
    read_timeout = 1.0 if isinstance(action, faults.Hang) else 30.0
    async with asking(Rule(action, revisions=frozenset({25})), read_timeout=read_timeout) as (wiki, requester):
        assert failed(await requester.ask(IDS)) == {25: error_type}
        assert wiki.request_log.count_requests(25) == requests


@pytest.mark.parametrize(
    ("action", "error_type"),
    [
        (faults.HttpStatus(204), "UnexpectedStatus"),
        (faults.HttpStatus(404), "ClientError"),
        (faults.HttpStatus(501), "OtherServerError"),
        (faults.HttpRedirect("https://evil.example/w/api.php"), "Redirect"),
        (faults.ApiError("badvalue"), "ApiError"),
        (faults.OldFormat(), "OldResponseFormat"),
        (faults.HugeBody(3_000_000), "ContentTooLarge"),
        (faults.GzipBomb(10_000_000), "ContentTooLarge"),
    ],
    ids=str,
)
async def test_bad_revision_with_a_final_failure_is_found_by_halving(action: faults.Fault, error_type: str) -> None:
    """Fewer requests than revisions are needed; the others arrive."""
    settings = BatchSettings(max_response_bytes=1_000_000)
    ids = range(1, 33)
    async with asking(Rule(action, revisions=frozenset({25})), batches=settings) as (wiki, requester):
        assert failed(await requester.ask(ids)) == {25: error_type}
        assert wiki.request_log.requests <= 11


async def test_unrequested_revisions_in_a_response_are_ignored() -> None:
    """After a response full of unrequested revisions, each revision is requested alone."""
    async with asking(Rule(faults.WrongRevision(), revisions=frozenset({25}))) as (_, requester):
        assert failed(await requester.ask(IDS)) == {25: "BadRevision"}


async def test_outage_loses_no_revision() -> None:
    """The wiki fails three times and then recovers."""
    async with asking(Rule(faults.HttpStatus(500), times=3)) as (wiki, requester):
        assert not failed(await requester.ask(IDS))
        assert wiki.request_log.requests == 3 + 50


async def test_replica_lag_is_waited_for() -> None:
    """A revision that appears at the sixth request exceeds the limit of retries; the others are requested once."""
    async with asking(Rule(faults.MissingRevision(asks=5), revisions=frozenset({25}))) as (wiki, requester):
        assert not failed(await requester.ask(IDS, event_time=time()))
        assert (wiki.request_log.count_requests(25), wiki.request_log.count_requests(24)) == (6, 1)


async def test_unknown_revision_of_an_old_event_is_final() -> None:
    """It is requested once, even if all revisions of a request are unknown."""
    async with asking() as (wiki, requester):
        assert failed(await requester.ask([998, 999], event_time=time() - 3600)) == {
            998: "BadRevision",
            999: "BadRevision",
        }
        assert wiki.request_log.requests == 1


async def test_flags_apply_to_each_revision() -> None:
    """Hidden, suppressed and damaged revisions in one response get their own results."""
    made = MemoryDataset(ENGLISH)
    made.put(
        ENGLISH,
        Page(1, "Page"),
        make_revision(1, "plain"),
        replace(make_revision(2, "hidden"), visibility=Visibility(content=False)),
        replace(make_revision(3, "suppressed"), visibility=Visibility(content=False, suppressed=True)),
        Revision(4, slots=(make_slot("", flaw=Flaw.TEXT_MISSING),)),
        Revision(5, slots=(make_slot("{}", flaw=Flaw.BAD_FORMAT),)),
        make_revision(6, ""),
        Revision(7, slots=(make_slot("text"), make_slot("{}", role="mediainfo", model="wikibase-mediainfo"))),
    )
    async with asking(made=made) as (_, requester):
        results = await requester.ask(range(1, 8))
        assert failed(results) == {4: "TextMissing", 5: "BadContentFormat"}
        contents = {rev_id: result for rev_id, result in results.items() if isinstance(result, Content)}
        assert {rev_id: content.hidden for rev_id, content in contents.items()} == {
            1: False,
            2: True,
            3: True,
            6: False,
            7: False,
        }
        assert body(results[6]) == ""
        assert contents[7].slots.keys() == {"main", "mediainfo"}
        assert all(each.body is None for rev_id in (2, 3) for each in contents[rev_id].slots.values())


async def test_large_batches_are_posted() -> None:
    """Five hundred ids make too long a URL; the wiki gets them in a form."""
    async with asking(limits=Limits(values=500), batches=BatchSettings(max_batch=500)) as (wiki, requester):
        results = await requester.ask(range(1, 501))
        assert not failed({rev_id: results[rev_id] for rev_id in IDS})
        assert wiki.request_log.batches == {500: 1}


async def test_unreachable_wiki_fails_each_revision() -> None:
    """After four attempts every `fetch` has a failure, and the client can be closed."""
    async with asking() as (wiki, requester):
        pass
    requester = Requester(wiki.url)
    await requester.client.open()
    assert set(failed(await requester.ask([1, 2, 3])).values()) == {"ConnectionFailed"}
    await requester.client.close()


@pytest.mark.parametrize("action", [faults.ByteOrderMark(), faults.ByteOrderMark(before=0, behind=2)], ids=str)
async def test_byte_order_marks_of_a_wiki_do_not_matter(action: faults.Fault) -> None:
    """Each answer has them; all revisions arrive at the first attempt."""
    async with asking(Rule(action)) as (wiki, requester):
        assert failed(await requester.ask(IDS)) == {}
        assert wiki.request_log.count_requests(25) == 1
