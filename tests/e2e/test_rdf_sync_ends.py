"""One command between a Wikibase and a store, whatever the changes come from, and whatever the store is."""

from __future__ import annotations

import asyncio
import signal
import time
from random import Random
from typing import TYPE_CHECKING

import orjson
import pytest
from tests.e2e.commands import PATIENCE
from tests.e2e.rdf_stores import EmbeddedStore, ServedStore, assert_same, graph_of
from tests.e2e.support import settings
from tests.e2e.synced import COMPLETE, IN_STEP, WALKING, Synced

from wikistate.core.events.timestamps import format_timestamp
from wikistate.core.rdf.uris import Uris
from wikistate.testing.clock import ManualClock
from wikistate.testing.sse import SseServer, Weather
from wikistate.testing.wikibase import (
    COMMONS,
    WIKIDATA,
    Editors,
    FakeWikibase,
    Kind,
    Repository,
    Vocabulary,
    page_change,
    wikibase_wiki,
)
from wikistate.testing.wikibase.authors import Author

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tests.e2e.rdf_stores import FollowingStore

    from wikistate.testing.stores import StoreProcess
    from wikistate.testing.wikibase import Change

SEED = 20_260_401
STREAM = "mediawiki.page_change.v1"
TOPICS = (f"eqiad.{STREAM}", f"codfw.{STREAM}")
CUT_AFTER = 17
STORM = Weather(cut_after=CUT_AFTER, repeat=4, heartbeat=3, line_end=b"\r\n", chunk=900)
URIS = Uris.wikibase("http://wikibase.example")
TOKEN = "sesame"


async def until_held(store: FollowingStore, repository: Repository) -> None:
    """Wait until the store, which is served, holds what the wiki has; else say what it does not."""
    try:
        async with asyncio.timeout(PATIENCE):
            while await asyncio.to_thread(store.held) != store.loaded(graph_of(repository, URIS)):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
    except TimeoutError:
        assert_same(store, graph_of(repository, URIS))


@pytest.fixture
def clock() -> ManualClock:
    """How far the wiki's clock is from ours, in seconds."""
    return ManualClock(-3600.0)


@pytest.fixture
def repository(clock: ManualClock) -> Repository:
    """What the wiki holds."""
    return Repository(clock=lambda: time.time() + clock.now())


@pytest.fixture
def editors(repository: Repository, clock: ManualClock) -> Editors:
    """Who works on the wiki. What it began with was an hour ago."""
    editors = Editors(repository, seed=SEED, triples=40)
    editors.found(20)
    clock.advance(3600.0)
    return editors


@pytest.mark.parametrize("kind", ["fuseki", "blazegraph"])
async def test_the_store_may_be_a_server(
    kind: str, repository: Repository, editors: Editors, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Filled, followed, and after a kill gone on with where it was, without a walk."""
    process: StoreProcess = request.getfixturevalue(kind)
    store = ServedStore(process, tmp_path / "errors.ndjson", by_value=kind == "blazegraph")
    store.clear()
    async with FakeWikibase(repository, editors=editors) as wikibase:
        synced = Synced(wikibase, tmp_path)
        async with synced.running(*store.words) as command:
            await command.logged(COMPLETE)
            editors.bustle(80)
            await until_held(store, repository)
            command.send(signal.SIGKILL)
        editors.bustle(80)
        async with synced.running(*store.words) as command:
            await command.logged(IN_STEP)
            await until_held(store, repository)
            assert WALKING not in command.err
            assert (await command.stop()).status == 0


async def test_the_changes_may_come_from_an_event_stream(
    repository: Repository, editors: Editors, tmp_path: Path
) -> None:
    """Of two data centres, in a storm of drops and repeats; killed once, and then gone on with where it was."""
    async with FakeWikibase(repository, editors=editors) as wikibase, SseServer({STREAM: TOPICS}, STORM) as server:
        synced = Synced(wikibase, tmp_path)
        source = ("--source", f"eventstreams:{STREAM}?base={server.base}")
        async with synced.running(*source) as command:
            await command.logged("full_scan_finished")
            tell(server, editors.bustle(100), repository)
            await command.logged(COMPLETE)
            tell(server, editors.bustle(100), repository)
            command.send(signal.SIGKILL)
        tell(server, editors.bustle(100), repository)
        show_alive(server)
        async with synced.running(*source) as command:
            await command.logged(IN_STEP)
            await synced.caught_up(command)
            assert WALKING not in command.err
    synced.assert_in_step()
    assert len(server.visits) > len(server.items) // CUT_AFTER


def tell(server: SseServer, changes: Iterable[Change], repository: Repository) -> None:
    """Tell of changes, turn about in the two topics."""
    for change in changes:
        event = page_change(change, repository.wiki)
        server.put(TOPICS[change.number % 2], orjson.dumps(event), timestamp=change.time)


def show_alive(server: SseServer) -> None:
    """Put a canary event behind the rest, as Wikimedia does now and then: without one nobody knows that this was all.

    A minute later by its own word, for a test does not wait so long.
    """
    event, moment = orjson.loads(server.items[-1].data), server.items[-1].timestamp + 60_000
    event["meta"] |= {"domain": "canary", "dt": format_timestamp(moment)}
    server.put(TOPICS[0], orjson.dumps(event), timestamp=moment)


async def test_a_wiki_of_members_is_followed_with_a_token(tmp_path: Path) -> None:
    """Its API, its recent changes and its RDF, which has another concept base than it says: no stranger reads any of them."""
    repository = Repository(wikibase_wiki(concept="https://said.example"), vocabulary=Vocabulary(URIS.root))
    editors = Editors(repository, seed=SEED, triples=40)
    editors.found(20)
    (tmp_path / "token").write_text(TOKEN)
    async with FakeWikibase(repository, editors=editors) as wikibase:
        wikibase.token = TOKEN
        synced = Synced(wikibase, tmp_path)
        api = f"{wikibase.url}/w/api.php"
        told = await synced.refused("--wikibase", api)
        assert "You need read permission" in told
        member = {"wikibase.example": {"api": api, "credentials": {"token_file": str(tmp_path / "token")}}}
        known = ("--wikibase", api, *settings(wikis=member))
        assert URIS.root in await synced.refused(*known, "--set", "rdf.concept_base=https://said.example")
        async with synced.running(*known) as command:
            await command.logged(COMPLETE)
            editors.bustle(60)
            await synced.caught_up(command)
    synced.assert_in_step()


async def test_files_whose_statements_are_about_items_of_another_wiki(tmp_path: Path) -> None:
    """A federated wiki, as Commons is: what its RDF says of the items of the other is kept."""
    wiki = wikibase_wiki("commons.wikimedia.org", concept=COMMONS, namespaces={Kind.MEDIA: 6})
    repository = Repository(wiki, vocabulary=Vocabulary(COMMONS, WIKIDATA))
    editors = Editors(repository, seed=SEED, kinds=(Kind.MEDIA,))
    repository.save(Author(Random(SEED)).media(repository.new_id(Kind.MEDIA), "First.jpg"))
    async with FakeWikibase(repository, editors=editors) as wikibase:
        synced = Synced(wikibase, tmp_path)
        async with synced.running(*settings(rdf__scheme="federated")) as command:
            await command.logged(COMPLETE)
            editors.bustle(60)
            await synced.caught_up(command)
    assert_same(EmbeddedStore(tmp_path / "store"), graph_of(repository, Uris.federated(COMMONS, WIKIDATA)))
