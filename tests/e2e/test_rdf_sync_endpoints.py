"""One command between a Wikibase and a store, with each kind of source and each kind of store."""

from __future__ import annotations

import asyncio
import signal
import time
from random import Random
from typing import TYPE_CHECKING

import orjson
import pytest
from tests.e2e.commands import TIMEOUT
from tests.e2e.enrichment_job import setting_arguments
from tests.e2e.rdf_stores import EmbeddedStore, ServedStore, assert_same, graph_of
from tests.e2e.sync_run import COMPLETE_MESSAGE, IN_STEP_MESSAGE, SCAN_MESSAGE, SyncRun

from wikistate.core.events.timestamps import format_timestamp
from wikistate.core.rdf.uris import Uris
from wikistate.testing.clock import ManualClock
from wikistate.testing.sse import SseConditions, SseServer
from wikistate.testing.wikibase import (
    COMMONS,
    WIKIDATA,
    EditSimulator,
    EntityKind,
    FakeWikibase,
    Repository,
    Vocabulary,
    build_page_change,
    make_wikibase_wiki,
)
from wikistate.testing.wikibase.entity_generator import EntityGenerator

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tests.e2e.rdf_stores import ConsumedStore
    from tests.support.stores import StoreProcess

    from wikistate.testing.wikibase import Change

SEED = 20_260_401
STREAM = "mediawiki.page_change.v1"
TOPICS = (f"eqiad.{STREAM}", f"codfw.{STREAM}")
CUT_AFTER = 17
STORM = SseConditions(cut_after=CUT_AFTER, repeat=4, heartbeat=3, line_ending=b"\r\n", chunk=900)
URIS = Uris.for_wikibase("http://wikibase.example")
TOKEN = "sesame"


async def wait_until_equal(store: ConsumedStore, repository: Repository) -> None:
    """Wait until the served store equals the wiki; report the difference after the timeout."""
    try:
        async with asyncio.timeout(TIMEOUT):
            while await asyncio.to_thread(store.read_graph) != store.expected_graph(graph_of(repository, URIS)):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
    except TimeoutError:
        assert_same(store, graph_of(repository, URIS))


@pytest.fixture
def clock() -> ManualClock:
    """Offset of the wiki's clock from the current time, in seconds."""
    return ManualClock(-3600.0)


@pytest.fixture
def repository(clock: ManualClock) -> Repository:
    """Content of the wiki."""
    return Repository(clock=lambda: time.time() + clock.now())


@pytest.fixture
def editors(repository: Repository, clock: ManualClock) -> EditSimulator:
    """Editors of the wiki. Its first entities are an hour old."""
    editors = EditSimulator(repository, seed=SEED, triples=40)
    editors.create_initial(20)
    clock.advance(3600.0)
    return editors


@pytest.mark.parametrize("kind", ["fuseki", "blazegraph"])
async def test_store_may_be_a_server(
    kind: str, repository: Repository, editors: EditSimulator, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """The store is filled and followed, and after a kill the job resumes at its position without a full scan."""
    process: StoreProcess = request.getfixturevalue(kind)
    store = ServedStore(process, tmp_path / "errors.ndjson", by_value=kind == "blazegraph")
    store.clear()
    async with FakeWikibase(repository, simulator=editors) as wikibase:
        synced = SyncRun(wikibase, tmp_path)
        async with synced.start(*store.arguments) as command:
            await command.wait_for_log(COMPLETE_MESSAGE)
            editors.simulate(80)
            await wait_until_equal(store, repository)
            command.send(signal.SIGKILL)
        editors.simulate(80)
        async with synced.start(*store.arguments) as command:
            await command.wait_for_log(IN_STEP_MESSAGE)
            await wait_until_equal(store, repository)
            assert SCAN_MESSAGE not in command.err
            assert (await command.stop()).status == 0


async def test_changes_may_come_from_an_event_stream(
    repository: Repository, editors: EditSimulator, tmp_path: Path
) -> None:
    """Two data centres and a server with faults; after a kill the job resumes at its position without a full scan."""
    async with FakeWikibase(repository, simulator=editors) as wikibase, SseServer({STREAM: TOPICS}, STORM) as server:
        synced = SyncRun(wikibase, tmp_path)
        source = ("--source", f"eventstreams:{STREAM}?base={server.base}")
        async with synced.start(*source) as command:
            await command.wait_for_log("full_scan_finished")
            append_changes(server, editors.simulate(100), repository)
            await command.wait_for_log(COMPLETE_MESSAGE)
            append_changes(server, editors.simulate(100), repository)
            command.send(signal.SIGKILL)
        append_changes(server, editors.simulate(100), repository)
        append_canary(server)
        async with synced.start(*source) as command:
            await command.wait_for_log(IN_STEP_MESSAGE)
            await synced.assert_catches_up(command)
            assert SCAN_MESSAGE not in command.err
    synced.assert_equals_wiki()
    assert len(server.connections) > len(server.events) // CUT_AFTER


def append_changes(server: SseServer, changes: Iterable[Change], repository: Repository) -> None:
    """Append the events of changes, by turns to the two topics."""
    for change in changes:
        event = build_page_change(change, repository.wiki)
        server.append(TOPICS[change.number % 2], orjson.dumps(event), timestamp=change.time)


def append_canary(server: SseServer) -> None:
    """Append a canary event, as Wikimedia does regularly: without one the last event is not known to be the last.

    Its event time is a minute later, since a test does not wait so long.
    """
    event, event_time = orjson.loads(server.events[-1].data), server.events[-1].timestamp + 60_000
    event["meta"] |= {"domain": "canary", "dt": format_timestamp(event_time)}
    server.append(TOPICS[0], orjson.dumps(event), timestamp=event_time)


async def test_private_wiki_is_followed_with_a_token(tmp_path: Path) -> None:
    """A token is needed for its API, its recent changes and its RDF, which has another concept base than its siteinfo."""
    repository = Repository(make_wikibase_wiki(concept_base="https://said.example"), vocabulary=Vocabulary(URIS.root))
    editors = EditSimulator(repository, seed=SEED, triples=40)
    editors.create_initial(20)
    (tmp_path / "token").write_text(TOKEN)
    async with FakeWikibase(repository, simulator=editors) as wikibase:
        wikibase.token = TOKEN
        synced = SyncRun(wikibase, tmp_path)
        api = f"{wikibase.url}/w/api.php"
        message = await synced.run_to_error("--wikibase", api)
        assert "You need read permission" in message
        member = {"wikibase.example": {"api": api, "credentials": {"token_file": str(tmp_path / "token")}}}
        credentials = ("--wikibase", api, *setting_arguments(wikis=member))
        assert URIS.root in await synced.run_to_error(*credentials, "--set", "rdf.concept_base=https://said.example")
        async with synced.start(*credentials) as command:
            await command.wait_for_log(COMPLETE_MESSAGE)
            editors.simulate(60)
            await synced.assert_catches_up(command)
    synced.assert_equals_wiki()


async def test_files_with_statements_about_items_of_another_wiki(tmp_path: Path) -> None:
    """In a federated wiki such as Commons, the RDF about items of the other wiki is kept."""
    wiki = make_wikibase_wiki("commons.wikimedia.org", concept_base=COMMONS, namespaces={EntityKind.MEDIA: 6})
    repository = Repository(wiki, vocabulary=Vocabulary(COMMONS, WIKIDATA))
    editors = EditSimulator(repository, seed=SEED, kinds=(EntityKind.MEDIA,))
    repository.save(EntityGenerator(Random(SEED)).make_media(repository.next_id(EntityKind.MEDIA), "First.jpg"))
    async with FakeWikibase(repository, simulator=editors) as wikibase:
        synced = SyncRun(wikibase, tmp_path)
        async with synced.start(*setting_arguments(rdf__scheme="federated")) as command:
            await command.wait_for_log(COMPLETE_MESSAGE)
            editors.simulate(60)
            await synced.assert_catches_up(command)
    assert_same(EmbeddedStore(tmp_path / "store"), graph_of(repository, Uris.for_federated(COMMONS, WIKIDATA)))
