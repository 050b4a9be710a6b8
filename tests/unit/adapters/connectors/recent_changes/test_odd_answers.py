"""A wiki whose siteinfo was read is asked again, whatever it answers to a poll; no change is lost or poorer for it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
import pytest
from aiohttp import web
from tests.unit.adapters.connectors.recent_changes.paged_wiki import PagedWiki
from tests.unit.adapters.connectors.recent_changes.test_source import NOON, MemoryMetadata, logged, saved
from tests.unit.adapters.http.http_server import serving

from wikistate.adapters.connectors.recent_changes import RecentChangesFeed, RecentChangesSettings
from wikistate.adapters.connectors.start_stop import Moment
from wikistate.adapters.http.client import HttpSettings
from wikistate.adapters.http.outages import OUTAGES
from wikistate.adapters.mediawiki import query_client
from wikistate.adapters.mediawiki.query_client import QueryClient
from wikistate.core.enrichment.retry import RetryPolicy
from wikistate.errors import SourceError, WikiError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

TIMES = 5
"""Odd answers in a row."""


class Odd(NamedTuple):
    """Answer that is not that of the wiki."""

    status: int
    text: str = ""
    content_type: str = "text/html"
    location: str = ""

    def build(self) -> web.Response:
        """Return the response."""
        headers = {"Location": self.location} if self.location else None
        return web.Response(status=self.status, text=self.text, content_type=self.content_type, headers=headers)


ODD = {
    "page": Odd(200, "<!DOCTYPE html><title>Maintenance</title>"),
    "empty": Odd(200),
    "plain text": Odd(200, "ok", "text/plain"),
    "other JSON": Odd(200, '{"status": "maintenance"}', "application/json"),
    "JSON list": Odd(200, "[]", "application/json"),
    "empty object": Odd(200, "{}", "application/json"),
    "private": Odd(200, '{"error": {"code": "readapidenied", "info": "You may not"}}', "application/json"),
    "no content": Odd(204),
    "forbidden": Odd(403, "<html>403</html>"),
    "unauthorized": Odd(401),
    "not found": Odd(404, "<html>404</html>"),
    "gone": Odd(410),
    "login": Odd(302, location="https://login.example/"),
    "moved": Odd(301, location="/elsewhere"),
    "unavailable": Odd(503),
    "not implemented": Odd(501),
}
QUERIES = {
    "recent changes": {"list": "recentchanges"},
    "log": {"list": "logevents"},
    "revisions": {"prop": "revisions|info"},
    "pages": {"generator": "allpages"},
    "deleted revisions": {"prop": "deletedrevisions"},
}


@pytest.fixture(autouse=True)
def _short_delays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for milliseconds."""
    monkeypatch.setattr(query_client, "_RETRY_POLICY", RetryPolicy(base_delay=0.001, max_delay=0.002))


class ServedWiki:
    """Wiki over HTTP, with odd answers to one query.

    Attributes:
        wiki: The wiki.
        odd: Odd answers to the next requests that match.
        matching: Parameters of the requests that are answered oddly.
        outages: Number of known outages at each request after the first odd answer.
        requests: Number of requests.
    """

    def __init__(self) -> None:
        self.wiki = PagedWiki()
        self.wiki.sees_deleted = True
        self.odd: list[Odd] = []
        self.matching: dict[str, str] = {}
        self.outages: list[int] = []
        self.requests = 0

    async def respond(self, request: web.Request) -> web.Response:
        """Return the response to a query."""
        self.requests += 1
        parameters = {name: str(value) for name, value in (await request.post()).items()}
        if self.odd and self.matching.items() <= parameters.items():
            self.outages.append(OUTAGES.counts().get("wiki", 0))
            return self.odd.pop(0).build()
        try:
            document = await self.wiki.query(parameters)
        except WikiError as error:
            return web.json_response({"error": {"code": error.message.removesuffix("."), "info": "You may not"}})
        return web.json_response({"batchcomplete": True} | document)

    @asynccontextmanager
    async def feed(self, **options: Any) -> AsyncIterator[RecentChangesFeed]:
        """Yield a feed of this wiki, not open."""
        async with serving(self.respond) as origin:
            api = f"{origin}/w/api.php"
            settings = RecentChangesSettings(
                api=api, since=Moment(NOON - 60_000), interval=0.001, inventory_pages=options.pop("inventory_pages", 0)
            )
            feed = RecentChangesFeed(settings, QueryClient(api, HttpSettings(), **options))
            try:
                yield feed
            finally:
                await feed.close()
        assert OUTAGES.counts().get("wiki", 0) == 0

    def edit_and_delete(self) -> None:
        """Edit page 9, and delete page 8."""
        self.wiki.create(9, 1, 2, at=NOON)
        self.wiki.create(8, 3, at=NOON - 3_600_000)
        self.wiki.recent = [saved(2, at=NOON)]
        self.wiki.delete(8)
        self.wiki.logged = [logged(7, "delete", "delete", at=NOON + 1000, page=8)]


async def read_events(feed: RecentChangesFeed, number: int) -> list[dict[str, Any]]:
    """Return the next events."""
    events: list[dict[str, Any]] = []
    while len(events) < number:
        events += [orjson.loads(arrival.record.value or b"") for arrival in await feed.receive() or ()]
    return events


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("asked", QUERIES)
async def test_odd_answers_at_a_poll_are_waited_out(asked: str, name: str) -> None:
    """The events are those of a run without odd answers, with all details, and the outage is known meanwhile."""
    found, outages = [], []
    for times in (0, TIMES):
        served = ServedWiki()
        async with served.feed(inventory_pages=100) as feed:
            await feed.open({}, MemoryMetadata())
            served.odd, served.matching = [ODD[name]] * times, QUERIES[asked]
            if asked == "pages":
                served.wiki.create(9, 1)
                served.wiki.create(8, 3)
                while feed._inventory.is_pending:
                    await feed._inventory.advance()
            served.edit_and_delete()
            found.append(await read_events(feed, 2))
            assert not served.odd
            outages += served.outages
    for events in found:
        for event in events:
            del event["meta"], event["dt"]  # the times and ids of the events
    assert found[0] == found[1]
    assert [(event["page_change_kind"], event["revision"]["rev_id"]) for event in found[1]] == [
        ("edit", 2),
        ("delete", 3),
    ]
    assert outages == [0, *[1] * (TIMES - 1)]


@pytest.mark.parametrize("name", ODD)
async def test_odd_answer_at_the_start_is_an_error(name: str) -> None:
    """The address may be wrong, so nothing is retried."""
    served = ServedWiki()
    served.odd = [ODD[name]] * TIMES
    async with served.feed() as feed:
        with pytest.raises(SourceError, match="cannot be read"):
            await feed.open({}, MemoryMetadata())
        assert served.requests == 1


@pytest.mark.parametrize("name", ["page", "forbidden", "other JSON", "login", "empty"])
@pytest.mark.parametrize("asked", ["recent changes", "log", "deleted revisions"])
async def test_limit_of_an_outage_ends_the_source(asked: str, name: str) -> None:
    """The error is the last answer; a deletion does not become poorer instead."""
    served = ServedWiki()
    async with served.feed(outage_limit=0.01) as feed:
        await feed.open({}, MemoryMetadata())
        served.odd, served.matching = [ODD[name]] * 100_000, QUERIES[asked]
        served.edit_and_delete()
        with pytest.raises(SourceError, match="cannot be read"):
            await read_events(feed, 2)


async def test_missing_right_to_deleted_revisions_is_asked_for_once() -> None:
    """This is not an outage: the deletion names the revision that the source knows."""
    served = ServedWiki()
    served.wiki.sees_deleted = False
    async with served.feed() as feed:
        await feed.open({}, MemoryMetadata())
        served.edit_and_delete()
        await read_events(feed, 2)
        before = served.requests
        served.wiki.logged.append(logged(8, "delete", "delete", at=NOON + 2000, page=7))
        await read_events(feed, 1)
        assert not feed._wiki._sees_deleted
        assert served.requests > before
    assert OUTAGES.counts().get("wiki", 0) == 0
