"""The fake Wikibase over HTTP: documents, lists and faults."""

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
from wikistate.adapters.mediawiki.credentials import BotPassword
from wikistate.adapters.mediawiki.query_client import QueryClient
from wikistate.errors import WikiError
from wikistate.testing import faults
from wikistate.testing.clock import ManualClock
from wikistate.testing.faults import Rule
from wikistate.testing.wiki import __main__ as wiki_command
from wikistate.testing.wiki.accounts import Accounts
from wikistate.testing.wikibase import (
    EditSimulator,
    FakeWikibase,
    Item,
    Repository,
    WikibaseProcess,
    make_wikibase_wiki,
)
from wikistate.testing.wikibase import __main__ as wikibase_command

if TYPE_CHECKING:
    import argparse
    from collections.abc import AsyncIterator, Callable, Iterable, Mapping

START = 1_780_000_000.0


@pytest.fixture
async def wikibase() -> AsyncIterator[FakeWikibase]:
    """Run a fake Wikibase with the revisions 1 and 2 of Q1 and a manual clock."""
    repository = Repository(clock=ManualClock(START).now)
    repository.save(Item(id="Q1"))
    repository.save(Item(id="Q1", labels={"en": "x"}))
    async with FakeWikibase(repository) as served:
        yield served


async def get(url: str, *, allow_redirects: bool = False) -> tuple[int, Mapping[str, str], bytes]:
    """Return status, headers and body."""
    async with aiohttp.ClientSession() as session, session.get(url, allow_redirects=allow_redirects) as response:
        return response.status, response.headers, await response.read()


async def test_documents_are_served_by_entity_and_revision(wikibase: FakeWikibase) -> None:
    """They have their content type; without a revision the current one is served."""
    status, headers, old = await get(wikibase.document_url("Q1", 1))
    assert (status, headers["Content-Type"]) == (200, "text/turtle; charset=UTF-8")
    assert b'rdfs:label "x"@en' not in old
    _, headers, new = await get(wikibase.document_url("Q1", form="nt"))
    assert headers["Content-Type"] == "application/n-triples; charset=UTF-8"
    assert b'#label> "x"@en' in new


@pytest.mark.parametrize(
    ("name", "status"),
    [("Q2.ttl", 404), ("Q1.ttl?revision=99", 404), ("Q1.exe", 400), ("..%2fQ1.ttl", 400), ("", 400)],
)
async def test_unknown_documents_are_not_served(wikibase: FakeWikibase, name: str, status: int) -> None:
    """Unknown entities and revisions have status 404, other names 400."""
    assert (await get(f"{wikibase.url}/wiki/Special:EntityData/{name}"))[0] == status


async def test_revision_of_another_entity_is_not_served(wikibase: FakeWikibase) -> None:
    """The revision exists, but not for this entity."""
    other = wikibase.repository.save(Item(id="Q2")).revision.rev_id
    assert (await get(wikibase.document_url("Q1", other)))[0] == 404


@pytest.mark.parametrize(
    ("name", "status", "target"), [("q1.ttl", 301, "Q1.ttl"), ("Q1.TTL", 301, "Q1.ttl"), ("Q1", 303, "Q1.json")]
)
async def test_other_spelling_of_a_document_redirects_without_the_query(
    wikibase: FakeWikibase, name: str, status: int, target: str
) -> None:
    """A client that follows it gets another revision than it has requested."""
    place = f"{wikibase.url}/wiki/Special:EntityData"
    found, headers, _ = await get(f"{place}/{name}?flavor=dump&revision=1")
    assert (found, headers["Location"]) == (status, f"{place}/{target}")


@pytest.mark.parametrize(
    ("article_path", "language", "asked", "redirect", "data_node"),
    [
        ("/index.php/$1", "en", "/index.php/Special:EntityData/", "", "/index.php/Special:EntityData/"),
        (
            "/index.php?title=$1",
            "en",
            "/index.php?title=Special:EntityData/",
            "",
            "/index.php?title=Special:EntityData/",
        ),
        ("/view/$1", "en", "/view/Special:EntityData/", "", "/view/Special:EntityData/"),
        *(
            ("/wiki/$1", "de", asked, "/w/index.php?title=Spezial:Objektdaten/", "/wiki/Spezial:EntityData/")
            for asked in ("/wiki/Special:EntityData/", "/wiki/spezial:entitydata/", "/w/index.php/Spezial:EntityData/")
        ),
        ("/wiki/$1", "de", "/wiki/Spezial:Objektdaten/", "", "/wiki/Spezial:EntityData/"),
        ("/wiki/$1", "fr", "/wiki/Special:EntityData/", "", "/wiki/Sp%C3%A9cial:EntityData/"),
    ],
)
async def test_address_of_documents_follows_from_article_path_and_language(
    article_path: str, language: str, asked: str, redirect: str, data_node: str
) -> None:
    """A name of another language redirects to the local one, and keeps the query; a namespace alone does not."""
    repository = Repository(make_wikibase_wiki(article_path=article_path, language=language))
    saved = repository.save(Item(id="Q1")).revision.rev_id
    async with FakeWikibase(repository) as wikibase:
        end = f"{'&' if '?' in asked else '?'}flavor=dump&revision={saved}"
        status, headers, body = await get(f"{wikibase.url}{asked}Q1.ttl{end}")
        if redirect:
            assert (status, headers["Location"]) == (
                302,
                f"{wikibase.url}{redirect}Q1.ttl&flavor=dump&revision={saved}",
            )
            status, _, body = await get(headers["Location"])
        assert status == 200
        assert f"@prefix data: <{wikibase.url}{data_node}>".encode() in body
        assert (await get(wikibase.document_url("Q1", saved), allow_redirects=True))[2] == body


async def test_private_wiki_shows_nothing_without_a_login(wikibase: FakeWikibase) -> None:
    """The API refuses reading, and pages are replaced by a page with the status 200 that asks for a login."""
    wikibase.accounts = Accounts({"Bot@reading": "secret"})
    with pytest.raises(WikiError, match="readapidenied"):
        await siteinfo_of(wikibase, None)
    status, headers, body = await get(wikibase.document_url("Q1", 1))
    assert (status, headers["Content-Type"].partition(";")[0]) == (200, "text/html")
    assert b"log in" in body
    with pytest.raises(WikiError, match="Incorrect username or password"):
        await siteinfo_of(wikibase, BotPassword("Bot@reading", "wrong"))
    assert "query" in await siteinfo_of(wikibase, BotPassword("Bot@reading", "secret"))


async def test_client_renews_a_login_that_has_ended(wikibase: FakeWikibase) -> None:
    """The wiki ends the login between two queries."""
    accounts = wikibase.accounts = Accounts.parse("Bot@reading:secret")
    credential = BotPassword("Bot@reading", "secret")
    client = QueryClient(f"{wikibase.url}/w/api.php", HttpSettings(), credential=credential)
    await client.open()
    for _ in range(2):
        assert "query" in await client.query({"meta": "siteinfo"}, tries=2)
        accounts.end_sessions()
    await client.close()


async def test_login_is_valid_for_pages_until_it_ends(wikibase: FakeWikibase) -> None:
    """Pages are outside the folder of the API, and a refused login does not open them."""
    accounts = wikibase.accounts = Accounts.parse("Bot@reading:secret:1")
    api = f"{wikibase.url}/w/api.php"
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:

        async def log_in() -> str:
            parameters = {"action": "query", "meta": "tokens", "type": "login", "format": "json", "formatversion": "2"}
            async with session.get(api, params=parameters) as response:
                token = (await response.json())["query"]["tokens"]["logintoken"]
            form = {"action": "login", "lgname": "Bot@reading", "lgpassword": "secret:1", "lgtoken": token}
            async with session.post(api, data=form) as response:
                return str((await response.json())["login"]["result"])

        async def content_type() -> str:
            async with session.get(wikibase.document_url("Q1", 1)) as response:
                return response.content_type

        accounts.refuse("Throttled")
        assert (await log_in(), await content_type()) == ("Throttled", "text/html")
        assert (await log_in(), await content_type()) == ("Success", "text/turtle")
        accounts.end_sessions()
        assert await content_type() == "text/html"


@pytest.mark.parametrize("parse", [wiki_command.parse_arguments, wikibase_command.parse_arguments])
def test_both_commands_have_the_same_switch_for_private_wikis(
    parse: Callable[[list[str]], argparse.Namespace], capsys: pytest.CaptureFixture[str]
) -> None:
    """The value needs a name and a password."""
    assert isinstance(parse(["--private", "Bot@reading:secret"]).private, Accounts)
    assert parse([]).private is None
    for wrong in ("Bot@reading", ":secret", "Bot@reading:"):
        with pytest.raises(SystemExit):
            parse(["--private", wrong])
        assert "--private" in capsys.readouterr().err


async def siteinfo_of(wikibase: FakeWikibase, credential: BotPassword | None) -> dict[str, Any]:
    """Return the siteinfo as a client with this credential gets it."""
    client = QueryClient(f"{wikibase.url}/w/api.php", HttpSettings(), credential=credential)
    await client.open()
    try:
        return await client.query({"meta": "siteinfo"}, tries=1)
    finally:
        await client.close()


async def test_merged_entity_redirects_to_its_target_unless_a_revision_is_requested(wikibase: FakeWikibase) -> None:
    """The document of its revision has ``owl:sameAs``."""
    wikibase.repository.save(Item(id="Q2"))
    merged = wikibase.repository.redirect("Q1", "Q2").revision.rev_id
    status, headers, _ = await get(f"{wikibase.url}/wiki/Special:EntityData/Q1.ttl?flavor=dump")
    assert (status, headers["Location"]) == (302, f"{wikibase.url}/wiki/Special:EntityData/Q2.ttl?flavor=dump")
    assert b"owl:sameAs wd:Q2" in (await get(wikibase.document_url("Q1", merged)))[2]


async def test_faults_select_by_path_and_by_revision(wikibase: FakeWikibase) -> None:
    """The Action API works while entity data fails; a replica has only one of two revisions."""
    wikibase.set_faults(
        [Rule(faults.HttpStatus(503), path="EntityData", times=1), Rule(faults.MissingRevision(), frozenset({2}))]
    )
    assert (await get(f"{wikibase.url}/w/api.php?action=query&format=json&formatversion=2&meta=siteinfo"))[0] == 200
    assert [(await get(wikibase.document_url("Q1", 1)))[0] for _ in range(2)] == [503, 200]
    assert (await get(wikibase.document_url("Q1", 2)))[0] == 404


async def test_replica_has_a_new_revision_after_the_replication_delay() -> None:
    """It has the older revisions."""
    clock = ManualClock(START)
    repository = Repository(clock=clock.now)
    repository.save(Item(id="Q1"))
    clock.advance(5.0)
    repository.save(Item(id="Q1", labels={"en": "x"}))
    async with FakeWikibase(repository) as wikibase:
        wikibase.replication_delay = 2.0
        assert [(await get(wikibase.document_url("Q1", number)))[0] for number in (1, 2)] == [200, 404]
        clock.advance(2.0)
        assert (await get(wikibase.document_url("Q1", 2)))[0] == 200


async def test_document_of_a_wrong_entity_is_valid_rdf(wikibase: FakeWikibase) -> None:
    """It describes an entity that was not requested."""
    wikibase.set_faults([Rule(faults.WrongRevision(offset=70))])
    body = (await get(wikibase.document_url("Q1", 2)))[2]
    subjects = {str(quad.subject) for quad in parse(body, format=RdfFormat.TURTLE)}
    assert "<http://wikibase.example/entity/Q71>" in subjects
    assert "<http://wikibase.example/entity/Q1>" not in subjects


class MemoryMetadata:
    """Metadata in a dictionary."""

    def __init__(self) -> None:
        self._values: dict[str, str] = {}

    async def load_metadata(self, names: Iterable[str]) -> dict[str, str]:
        """Return the values that exist."""
        return {name: self._values[name] for name in names if name in self._values}

    async def save_metadata(self, values: Mapping[str, str]) -> None:
        """Save the values."""
        self._values.update(values)


async def test_recent_changes_feed_has_all_changes() -> None:
    """The feed has every edit, deletion and undeletion with entity and revision, in order within a page."""
    clock = ManualClock(START)
    repository = Repository(clock=clock.now)
    simulator = EditSimulator(repository, seed=5, triples=40)
    received: list[tuple[str, str, int]] = []
    async with FakeWikibase(repository, max_rows=20) as wikibase:
        api = f"{wikibase.url}/w/api.php"
        settings = RecentChangesSettings(api=api, since=Moment(int(START * 1000)), interval=0.001)
        feed = RecentChangesFeed(settings, QueryClient(api, HttpSettings()))
        await feed.open({}, MemoryMetadata())
        simulator.create_initial(5)
        while len(repository.journal) < 150:
            while len(received) < len(expected_changes(repository)):
                received += [
                    read_change(arrival.record.value) for arrival in await asyncio.wait_for(feed.receive(), 20) or ()
                ]
            clock.advance(1.0)
            simulator.apply()
        await feed.close()
    assert len(received) > 100
    assert group_by_page(received) == group_by_page(expected_changes(repository)[: len(received)])


def read_change(value: bytes | None) -> tuple[str, str, int]:
    """Return title, kind and revision of an event."""
    event = orjson.loads(value or b"")
    return event["page"]["page_title"], event["page_change_kind"], event["revision"]["rev_id"]


def expected_changes(repository: Repository) -> list[tuple[str, str, int]]:
    """Return the same of the journal, without the visibility changes of old revisions."""
    return [
        (change.page.key, change.kind, change.revision.rev_id)
        for change in repository.journal
        if change.kind != "visibility_change"
    ]


def group_by_page(received: list[tuple[str, str, int]]) -> dict[str, list[tuple[str, int]]]:
    """Return the changes of each page in order."""
    pages: dict[str, list[tuple[str, int]]] = {}
    for title, kind, revision in received:
        pages.setdefault(title, []).append((kind, revision))
    return pages


async def test_wikibase_runs_in_a_separate_process() -> None:
    """Its control paths simulate edits, and events, entity data and dump agree."""
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
    ("parameters", "first"),
    [
        ({"list": "recentchanges", "rclimit": "2", "rcdir": "newer"}, "recentchanges"),
        ({"list": "logevents", "lelimit": "2", "ledir": "newer"}, "logevents"),
        ({"list": "allpages", "aplimit": "2", "apnamespace": "120"}, "allpages"),
        ({"generator": "allpages", "gaplimit": "2", "gapnamespace": "120", "prop": "info"}, "pages"),
    ],
)
async def test_lists_are_continued_to_their_end(parameters: dict[str, str], first: str) -> None:
    """The continued responses together have the same rows as one large response."""
    repository = Repository()
    simulator = EditSimulator(repository)
    simulator.create_initial(12)
    simulator.simulate(150)
    async with FakeWikibase(repository) as wikibase:
        client = QueryClient(f"{wikibase.url}/w/api.php", HttpSettings())
        await client.open()
        rows: list[Any] = []
        more: dict[str, str] | None = {}
        while more is not None:
            document = await client.query(parameters | more)
            assert len(document["query"][first]) <= 2
            rows += document["query"][first]
            more = document.get("continue")
        large = await client.query(
            {name: "max" if name.endswith("limit") else value for name, value in parameters.items()}
        )
        await client.close()
    assert len(rows) > 2
    assert sorted(rows, key=str) == sorted(large["query"][first], key=str)


async def test_redirect_to_a_deleted_entity_is_not_served(wikibase: FakeWikibase) -> None:
    """It is not in any form, also over another redirect, while the Action API shows its content; a switch serves it."""
    repository = wikibase.repository
    for name in ("Q2", "Q3"):
        repository.save(Item(id=name))
    merged, chained = (repository.redirect(*names).revision.rev_id for names in (("Q1", "Q2"), ("Q3", "Q1")))
    repository.delete("Q2")
    for name, revision in (("Q1", merged), ("Q1", 0), ("Q3", chained)):
        assert (await get(wikibase.document_url(name, revision), allow_redirects=True))[0] == 404
    assert (await get(wikibase.document_url("Q1", 1)))[0] == 200
    query = f"action=query&format=json&formatversion=2&prop=revisions&rvprop=content&rvslots=main&revids={merged}"
    _, _, body = await get(f"{wikibase.url}/w/api.php?{query}")
    (page,) = orjson.loads(body)["query"]["pages"]
    assert page["revisions"][0]["slots"]["main"]["content"] == '{"entity":"Q1","redirect":"Q2"}'
    repository.restore("Q2")
    assert (await get(wikibase.document_url("Q1", merged)))[0] == 200
    repository.delete("Q2")
    wikibase.withholds_dangling_redirects = False
    assert (await get(wikibase.document_url("Q1", merged)))[0] == 200
