"""The small Wikibase over HTTP: what it serves, what its lists lead to, and how it is told to go wrong."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import aiohttp
import orjson
import pytest
from pyoxigraph import RdfFormat, parse

from wikistate.adapters.connectors.recent_changes import RecentChangesFeed, RecentChangesSettings
from wikistate.adapters.connectors.start_stop import Moment
from wikistate.adapters.http.client import HttpSettings
from wikistate.adapters.mediawiki.query_client import QueryClient
from wikistate.testing import faults
from wikistate.testing.clock import ManualClock
from wikistate.testing.faults import Rule
from wikistate.testing.wikibase import EditSimulator, FakeWikibase, Item, Repository, WikibaseProcess

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping

START = 1_780_000_000.0


@pytest.fixture
async def wikibase() -> AsyncIterator[FakeWikibase]:
    """A running one with the revisions 1 and 2 of Q1, and a clock that a test moves."""
    repository = Repository(clock=ManualClock(START).now)
    repository.save(Item(id="Q1"))
    repository.save(Item(id="Q1", labels={"en": "x"}))
    async with FakeWikibase(repository) as served:
        yield served


async def get(url: str, *, allow_redirects: bool = False) -> tuple[int, Mapping[str, str], bytes]:
    """Status, headers and body."""
    async with aiohttp.ClientSession() as session, session.get(url, allow_redirects=allow_redirects) as response:
        return response.status, response.headers, await response.read()


async def test_documents_are_served_by_entity_and_revision(wikibase: FakeWikibase) -> None:
    """With their content type; the current one without a revision."""
    status, headers, old = await get(wikibase.document_url("Q1", 1))
    assert (status, headers["Content-Type"]) == (200, "text/turtle; charset=UTF-8")
    assert b'rdfs:label "x"@en' not in old
    _, headers, new = await get(wikibase.document_url("Q1", form="nt"))
    assert headers["Content-Type"] == "application/n-triples; charset=UTF-8"
    assert b'#label> "x"@en' in new


@pytest.mark.parametrize(
    ("name", "status"),
    [("Q2.ttl", 404), ("Q1.ttl?revision=99", 404), ("Q1.exe", 400), ("..%2fQ1.ttl", 400), ("Q1", 400), ("", 400)],
)
async def test_what_is_not_there_is_not_served(wikibase: FakeWikibase, name: str, status: int) -> None:
    """Unknown entities and revisions, and what is no document at all."""
    assert (await get(f"{wikibase.url}/wiki/Special:EntityData/{name}"))[0] == status


async def test_a_revision_of_another_entity_is_not_served(wikibase: FakeWikibase) -> None:
    """Although there is such a revision."""
    other = wikibase.repository.save(Item(id="Q2")).revision.rev_id
    assert (await get(wikibase.document_url("Q1", other)))[0] == 404


async def test_an_id_in_lower_case_is_led_to_its_document(wikibase: FakeWikibase) -> None:
    """The query goes along."""
    url = wikibase.document_url("q1", 1)
    status, headers, _ = await get(url)
    assert (status, headers["Location"]) == (302, wikibase.document_url("Q1", 1))
    assert (await get(url, allow_redirects=True))[0] == 200


async def test_a_merged_entity_leads_to_the_other_unless_its_revision_is_asked_for(wikibase: FakeWikibase) -> None:
    """A stub with ``owl:sameAs`` then."""
    wikibase.repository.save(Item(id="Q2"))
    merged = wikibase.repository.redirect("Q1", "Q2").revision.rev_id
    status, headers, _ = await get(f"{wikibase.url}/wiki/Special:EntityData/Q1.ttl?flavor=dump")
    assert (status, headers["Location"]) == (302, f"{wikibase.url}/wiki/Special:EntityData/Q2.ttl?flavor=dump")
    assert b"owl:sameAs wd:Q2" in (await get(wikibase.document_url("Q1", merged)))[2]


async def test_faults_strike_by_path_and_by_revision(wikibase: FakeWikibase) -> None:
    """The Action API goes on while entity data fails; a replica lacks one revision and has the other."""
    wikibase.set_faults(
        [Rule(faults.HttpStatus(503), path="EntityData", times=1), Rule(faults.MissingRevision(), frozenset({2}))]
    )
    assert (await get(f"{wikibase.url}/w/api.php?action=query&format=json&formatversion=2&meta=siteinfo"))[0] == 200
    assert [(await get(wikibase.document_url("Q1", 1)))[0] for _ in range(2)] == [503, 200]
    assert (await get(wikibase.document_url("Q1", 2)))[0] == 404


async def test_a_replica_has_a_revision_only_after_a_while() -> None:
    """The older ones it has."""
    clock = ManualClock(START)
    repository = Repository(clock=clock.now)
    repository.save(Item(id="Q1"))
    clock.advance(5.0)
    repository.save(Item(id="Q1", labels={"en": "x"}))
    async with FakeWikibase(repository) as lagging:
        lagging.replication_delay = 2.0
        assert [(await get(lagging.document_url("Q1", number)))[0] for number in (1, 2)] == [200, 404]
        clock.advance(2.0)
        assert (await get(lagging.document_url("Q1", 2)))[0] == 200


async def test_another_entitys_document_is_good_rdf(wikibase: FakeWikibase) -> None:
    """About an entity that nobody asked for."""
    wikibase.set_faults([Rule(faults.WrongRevision(offset=70))])
    body = (await get(wikibase.document_url("Q1", 2)))[2]
    said = {str(quad.subject) for quad in parse(body, format=RdfFormat.TURTLE)}
    assert "<http://wikibase.example/entity/Q71>" in said
    assert "<http://wikibase.example/entity/Q1>" not in said


class Notes:
    """Notes in a dictionary."""

    def __init__(self) -> None:
        self._notes: dict[str, str] = {}

    async def load_metadata(self, names: Iterable[str]) -> dict[str, str]:
        """Those that there are."""
        return {name: self._notes[name] for name in names if name in self._notes}

    async def save_metadata(self, values: Mapping[str, str]) -> None:
        """Keep them."""
        self._notes.update(values)


async def test_following_its_recent_changes_tells_what_happened() -> None:
    """Every edit, deletion and undeletion, with entity and revision, in order within a page."""
    clock = ManualClock(START)
    repository = Repository(clock=clock.now)
    editors = EditSimulator(repository, seed=5, triples=40)
    told: list[tuple[str, str, int]] = []
    async with FakeWikibase(repository, max_rows=20) as wikibase:
        api = f"{wikibase.url}/w/api.php"
        settings = RecentChangesSettings(api=api, since=Moment(int(START * 1000)), interval=0.001)
        feed = RecentChangesFeed(settings, QueryClient(api, HttpSettings()))
        await feed.open({}, Notes())
        editors.create_initial(5)
        while len(repository.journal) < 150:
            while len(told) < len(happened(repository)):
                told += [said(arrival.record.value) for arrival in await asyncio.wait_for(feed.receive(), 20) or ()]
            clock.advance(1.0)
            editors.apply()
        await feed.close()
    assert len(told) > 100
    assert by_page(told) == by_page(happened(repository)[: len(told)])


def said(value: bytes | None) -> tuple[str, str, int]:
    """Title, kind and revision of an event."""
    event = orjson.loads(value or b"")
    return event["page"]["page_title"], event["page_change_kind"], event["revision"]["rev_id"]


def happened(repository: Repository) -> list[tuple[str, str, int]]:
    """The same of the journal; what concerns an old revision alone is no change of the page."""
    return [
        (change.page.key, change.kind, change.revision.rev_id)
        for change in repository.journal
        if change.kind != "visibility_change"
    ]


def by_page(told: list[tuple[str, str, int]]) -> dict[str, list[tuple[str, int]]]:
    """In order for each page."""
    pages: dict[str, list[tuple[str, int]]] = {}
    for title, kind, revision in told:
        pages.setdefault(title, []).append((kind, revision))
    return pages


async def test_it_runs_in_a_process_of_its_own() -> None:
    """Where its editors work on request; events, entity data and dump agree."""
    async with WikibaseProcess("--entities", "3", "--triples", "40", "--seed", "2") as wikibase:
        before = await wikibase.journal()
        made = await wikibase.edit(25)
        assert len(made) >= 25
        assert await wikibase.journal() == before + made
        event = next(each for each in reversed(made) if each["page_change_kind"] == "edit")
        dump = {quad.triple for quad in parse(await wikibase.dump(), format=RdfFormat.N_TRIPLES)}
        assert dump
        await wikibase.set_faults([Rule(faults.HttpStatus(503), path="EntityData")])
        assert (await get(f"{wikibase.url}/wiki/Special:EntityData/Q1.ttl"))[0] == 503
        assert (await wikibase.stats())["requests"] == 1
        assert event["meta"]["domain"] == "wikibase.example"


@pytest.mark.parametrize(
    ("asked", "first"),
    [
        ({"list": "recentchanges", "rclimit": "2", "rcdir": "newer"}, "recentchanges"),
        ({"list": "logevents", "lelimit": "2", "ledir": "newer"}, "logevents"),
        ({"list": "allpages", "aplimit": "2", "apnamespace": "120"}, "allpages"),
        ({"generator": "allpages", "gaplimit": "2", "gapnamespace": "120", "prop": "info"}, "pages"),
    ],
)
async def test_lists_are_continued_to_their_end(asked: dict[str, str], first: str) -> None:
    """What the parts have is together what one large answer has."""
    repository = Repository()
    editors = EditSimulator(repository)
    editors.create_initial(12)
    editors.simulate(150)
    async with FakeWikibase(repository) as wikibase:
        client = QueryClient(f"{wikibase.url}/w/api.php", HttpSettings())
        await client.open()
        rows: list[Any] = []
        more: dict[str, str] | None = {}
        while more is not None:
            document = await client.query(asked | more)
            assert len(document["query"][first]) <= 2
            rows += document["query"][first]
            more = document.get("continue")
        large = await client.query({name: "max" if name.endswith("limit") else value for name, value in asked.items()})
        await client.close()
    assert len(rows) > 2
    assert sorted(rows, key=str) == sorted(large["query"][first], key=str)
