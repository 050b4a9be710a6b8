"""Past revisions with the current state of their pages, from a test wiki over HTTP: batches, limits, failures."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from wikistate.adapters.http.client import HttpClient, HttpSettings
from wikistate.adapters.mediawiki import wikis as allowed
from wikistate.adapters.mediawiki.past_revisions import PastRevision, PastRevisionClient
from wikistate.adapters.mediawiki.revisions import RevisionClient
from wikistate.adapters.mediawiki.wikis import Wikis
from wikistate.core.enrichment.content import Content
from wikistate.core.enrichment.page_state import PageState, RedirectTarget
from wikistate.core.enrichment.retry import Fail, RetryPolicy
from wikistate.demo.pages import Page, RedirectLink, Wiki, make_revision
from wikistate.telemetry.meter import RecordingMeter
from wikistate.testing import faults
from wikistate.testing.faults import Rule
from wikistate.testing.wiki import FakeWiki, Limits, MemoryDataset

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

ENGLISH = Wiki("enwiki", "en.wikipedia.org")
PLAIN = range(1, 41)
REDIRECTS = range(101, 161)
DOUBLE, FAR, NOWHERE = 201, 202, 203


def world() -> MemoryDataset:
    """Return forty pages, sixty redirects to the first of them, and three redirects of other kinds."""
    made = MemoryDataset(ENGLISH)
    for number in PLAIN:
        made.put(ENGLISH, Page(number, f"Page {number}"), make_revision(number, f"text {number}"))
    for number in REDIRECTS:
        made.put(ENGLISH, Page(number, f"To {number}", redirect=RedirectLink("Page 1")), make_revision(number))
    others = {
        DOUBLE: RedirectLink("To 101"),
        FAR: RedirectLink("Soft security", interwiki="meatball"),
        NOWHERE: RedirectLink("Nowhere"),
    }
    for number, link in others.items():
        made.put(ENGLISH, Page(number, f"Other {number}", redirect=link), make_revision(number))
    return made


class Reader:
    """Client of past revisions."""

    def __init__(self, url: str) -> None:
        http = HttpClient(HttpSettings(user_agent="test (me@example.org)", read_timeout=30.0))
        self.client = RevisionClient(
            http, RecordingMeter(), policy=RetryPolicy(base_delay=0.001, max_delay=0.001, max_attempts=3)
        )
        self._history = PastRevisionClient(self.client)
        found = Wikis(template=f"{url}/w/api.php").lookup(ENGLISH.domain)
        assert isinstance(found, allowed.Wiki)
        self._wiki = found

    async def read(self, rev_ids: Iterable[int]) -> dict[int, PastRevision | Fail]:
        """Fetch all of them at the same time."""
        loop = asyncio.get_running_loop()
        futures: dict[int, asyncio.Future[PastRevision | Fail]] = {number: loop.create_future() for number in rev_ids}
        for number, future in futures.items():
            self._history.fetch(self._wiki, number, event_time=None, on_done=future.set_result)
        await asyncio.wait_for(asyncio.gather(*futures.values()), 20)
        return {number: future.result() for number, future in futures.items()}


@asynccontextmanager
async def reading(*rules: Rule, limits: Limits | None = None) -> AsyncIterator[tuple[FakeWiki, Reader]]:
    """Yield a running wiki with these faults, and a client of it."""
    async with FakeWiki(world(), limits=limits) as wiki:
        wiki.set_faults(rules)
        reader = Reader(wiki.url)
        await reader.client.open()
        yield wiki, reader
        await reader.client.close()


async def test_pages_without_redirects_need_no_further_request() -> None:
    """Forty revisions need one request."""
    async with reading() as (wiki, reader):
        found = await reader.read(PLAIN)
        assert wiki.request_log.requests == 1
    for number, past in found.items():
        assert isinstance(past, PastRevision)
        assert past.content.slots["main"].body == f"text {number}"
        assert past.page == PageState(is_redirect=False)


async def test_redirects_are_looked_up_in_batches() -> None:
    """Sixty redirects need two requests for the revisions and two for the targets."""
    async with reading() as (wiki, reader):
        found = await reader.read(REDIRECTS)
        assert wiki.request_log.requests == 4
    target = RedirectTarget("Page 1", namespace=0, page_id=1, is_redirect=False)
    for past in found.values():
        assert isinstance(past, PastRevision)
        assert past.page == PageState(is_redirect=True, target=target)


async def test_every_kind_of_target_is_returned() -> None:
    """A redirect has its id, another wiki its prefix, a missing page its title."""
    async with reading() as (_, reader):
        found = await reader.read([DOUBLE, FAR, NOWHERE])
    targets = {number: past.page.target for number, past in found.items() if isinstance(past, PastRevision)}
    assert targets == {
        DOUBLE: RedirectTarget("To 101", namespace=0, page_id=101, is_redirect=True),
        FAR: RedirectTarget("Soft security", interwiki="meatball"),
        NOWHERE: RedirectTarget("Nowhere", namespace=0),
    }


async def test_continued_response_keeps_all_redirects() -> None:
    """With responses of three revisions each, every page has its right state."""
    async with reading(limits=Limits(result_bytes=2500)) as (wiki, reader):
        found = await reader.read([*list(PLAIN)[:20], *list(REDIRECTS)[:20]])
        assert wiki.request_log.requests > 4
    redirects = {number for number, past in found.items() if isinstance(past, PastRevision) and past.page.is_redirect}
    assert redirects == set(list(REDIRECTS)[:20])


async def test_bad_revision_never_affects_the_others() -> None:
    """The unknown revision is a failure; the others have content."""
    async with reading() as (_, reader):
        found = await reader.read([1, 101, 9999])
    (failed,) = (number for number, past in found.items() if isinstance(past, Fail))
    assert failed == 9999


async def test_temporary_failure_is_retried() -> None:
    """If every second request fails, including those between revisions and redirects, no revision is lost."""
    async with reading(Rule(faults.HttpStatus(500), every=2)) as (_, reader):
        found = await reader.read([1, 101, DOUBLE])
    assert all(isinstance(past, PastRevision) for past in found.values())
    assert all(isinstance(past.content, Content) for past in found.values() if isinstance(past, PastRevision))
