"""One command between a Wikibase and a store: whatever happens and whenever, the store ends as the wiki is."""

from __future__ import annotations

import asyncio
import shutil
import time
from typing import TYPE_CHECKING

import pytest
from pyoxigraph import Store
from tests.e2e.commands import TIMEOUT
from tests.e2e.sync_run import (
    COMPLETE_MESSAGE,
    IN_STEP_MESSAGE,
    SCAN_MESSAGE,
    SyncRun,
    endpoint_settings,
    load_from_scratch,
    munge_all,
    read_graph,
    serve_endpoint,
    wait_until,
)

from wikistate.testing.clock import ManualClock
from wikistate.testing.faults import ConnectionReset, Delay, HttpStatus, ReplicaLag, Rule
from wikistate.testing.wikibase import EditSimulator, FakeWikibase, Item, Repository, Vocabulary, make_wikibase_wiki

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
def clock() -> ManualClock:
    """How far the wiki's clock is from ours, in seconds."""
    return ManualClock()


@pytest.fixture
def repository(clock: ManualClock) -> Repository:
    """What the wiki holds."""
    return Repository(clock=lambda: time.time() + clock.now())


@pytest.fixture
def editors(repository: Repository) -> EditSimulator:
    """Who works on the wiki, which has something of everything."""
    editors = EditSimulator(repository, seed=6, triples=60)
    editors.create_initial(25)
    return editors


@pytest.fixture
async def synced(repository: Repository, editors: EditSimulator, tmp_path: Path) -> AsyncIterator[SyncRun]:
    """A store that was never filled, and the wiki that it is to follow."""
    async with FakeWikibase(repository, simulator=editors) as wikibase:
        yield SyncRun(wikibase, tmp_path)


async def test_an_empty_store_is_filled_and_then_followed(synced: SyncRun, editors: EditSimulator) -> None:
    """No flag, no dump, no date: it is walked; creates, edits, deletes, restores, redirects and merges then come in."""
    async with synced.start() as command:
        await command.wait_for_log(COMPLETE_MESSAGE)
        editors.simulate(150)
        await synced.assert_catches_up(command)
    synced.assert_equals_wiki()


async def test_a_stop_and_a_start_need_no_walk(synced: SyncRun, editors: EditSimulator) -> None:
    """What happened while nothing ran is among the recent changes."""
    async with synced.start() as command:
        await synced.assert_catches_up(command)
    editors.simulate(80)
    async with synced.start() as command:
        await command.wait_for_log(IN_STEP_MESSAGE)
        await synced.assert_catches_up(command)
        assert SCAN_MESSAGE not in command.err
    synced.assert_equals_wiki()


async def test_changes_of_every_phase_of_catching_up_are_in(
    synced: SyncRun, repository: Repository, editors: EditSimulator
) -> None:
    """While it starts, while it walks past them, while it goes over to following: one way to read changes, no seam."""
    synced.wikibase.set_faults([Rule(Delay(0.05), path="Special:EntityData")])
    async with synced.start("--set", "rdf.concurrency=2") as command, asyncio.TaskGroup() as tasks:
        busy = tasks.create_task(keep_editing(editors))
        await command.wait_for_log(COMPLETE_MESSAGE)
        followed = repository.current_revision("Q1") or repository.current_revision("P1")
        assert followed
        await asyncio.sleep(1.0)
        busy.cancel()
        synced.wikibase.set_faults([])
        await synced.assert_catches_up(command)
    synced.assert_equals_wiki()


async def keep_editing(editors: EditSimulator) -> None:
    """Some fifty changes a second, until cancelled."""
    while True:
        editors.apply()
        await asyncio.sleep(0.02)


async def test_a_gap_is_found_and_walked(
    synced: SyncRun, repository: Repository, editors: EditSimulator, clock: ManualClock
) -> None:
    """The wiki has forgotten what happened while nothing ran, the deletion of an entity included."""
    async with synced.start() as command:
        await synced.assert_catches_up(command)
    editors.simulate(60)
    repository.delete(an_item(repository))
    clock.advance(30 * 86_400)
    repository.recent_changes_since = repository.now() // 1000 * 1000
    editors.simulate(1)
    async with synced.start() as command:
        because = (await command.wait_for_log(SCAN_MESSAGE))["labels"]["reason"]
        assert because == "the retention of the source does not reach back to the position of the store"
        await command.wait_for_log(COMPLETE_MESSAGE)
        editors.simulate(20)
        await synced.assert_catches_up(command)
    synced.assert_equals_wiki()


async def test_a_store_that_comes_back_from_a_copy_is_found(synced: SyncRun, editors: EditSimulator) -> None:
    """It is older than the checkpoint, and what was changed, made and deleted since is brought in."""
    async with synced.start() as command:
        await synced.assert_catches_up(command)
    shutil.copytree(synced.folder / "store", synced.folder / "copy")
    editors.simulate(100)
    async with synced.start() as command:
        await synced.assert_catches_up(command)
    shutil.rmtree(synced.folder / "store")
    (synced.folder / "copy").rename(synced.folder / "store")
    async with synced.start() as command:
        because = (await command.wait_for_log(SCAN_MESSAGE))["labels"]["reason"]
        assert because == "the store is older than the checkpoint: it was restored from a backup"
        await command.wait_for_log(COMPLETE_MESSAGE)
        await synced.assert_catches_up(command)
    synced.assert_equals_wiki()


async def test_a_store_whose_checkpoint_is_lost_is_compared(synced: SyncRun, editors: EditSimulator) -> None:
    """Without its state folder nothing is known of what was followed."""
    async with synced.start() as command:
        await synced.assert_catches_up(command)
    shutil.rmtree(synced.folder / "store.state")
    editors.simulate(60)
    async with synced.start() as command:
        await command.wait_for_log(COMPLETE_MESSAGE)
        await synced.assert_catches_up(command)
    synced.assert_equals_wiki()


async def test_a_store_of_others_is_refused_unless_it_is_to_be_taken_over(
    synced: SyncRun, repository: Repository, editors: EditSimulator
) -> None:
    """Loaded from a dump, with entities that were edited and deleted since: brought in step, but not unasked."""
    load(synced.folder / "store", repository)
    editors.simulate(60)
    told = await synced.run_to_error()
    assert "entities that rdf-sync did not write" in told
    assert "--set store.adopt=true" in told
    async with synced.start("--set", "store.adopt=true") as command:
        await command.wait_for_log(COMPLETE_MESSAGE)
        await synced.assert_catches_up(command)
    synced.assert_equals_wiki()


async def test_an_endpoint_that_is_put_back_while_it_runs_is_brought_up_again(
    synced: SyncRun, repository: Repository, editors: EditSimulator
) -> None:
    """The position in the store is compared before each batch; then all entities are."""
    store = Store()
    async with serve_endpoint(store) as url, synced.start(*endpoint_settings(url)) as command, asyncio.timeout(TIMEOUT):
        await command.wait_for_log(COMPLETE_MESSAGE)
        await wait_until(lambda: read_graph(store) == load_from_scratch(repository))
        store.clear()
        editors.simulate(30)
        await command.wait_for_log(COMPLETE_MESSAGE, times=2)
        await wait_until(lambda: read_graph(store) == load_from_scratch(repository))
        assert (await command.stop()).status == 0


async def test_a_wiki_that_asks_for_patience_is_waited_for(synced: SyncRun, editors: EditSimulator) -> None:
    """Lag, an overloaded server and broken connections, of both ways to ask: nothing is given up, nothing skipped."""
    async with synced.start() as command:
        await command.wait_for_log(COMPLETE_MESSAGE)
        synced.wikibase.set_faults(
            [
                Rule(HttpStatus(503, {"Retry-After": "1"}), path="Special:EntityData", every=3, times=5),
                Rule(ReplicaLag(30.0), path="api.php", seconds=2.0),
                Rule(ConnectionReset(), path="Special:EntityData", every=4, times=5),
            ]
        )
        editors.simulate(80)
        await synced.assert_catches_up(command)
    synced.assert_equals_wiki()


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("rdf.concept_base=https://wikibase.example", "http://wikibase.example"),
        ("store.concept_base=http://www.wikidata.org", "http://wikibase.example"),
        ("rdf.entity_namespaces=[0,120]", "120, 122, 146"),
        ("rdf.hostname=www.wikibase.example", "wikibase.example"),
    ],
)
async def test_what_contradicts_the_wiki_is_told_with_the_right_value(synced: SyncRun, wrong: str, right: str) -> None:
    """At the start, and not by a store that stays empty."""
    told = await synced.run_to_error("--set", wrong)
    assert wrong.partition("=")[0] in told
    assert right in told


async def test_the_concept_base_is_found_in_the_wiki_own_rdf(tmp_path: Path) -> None:
    """What the wiki says of itself may be another thing than what its RDF has, which is what counts."""
    repository = Repository(
        make_wikibase_wiki(concept_base="https://said.example"), vocabulary=Vocabulary("http://used.example")
    )
    EditSimulator(repository).create_initial(2)
    async with FakeWikibase(repository) as wikibase:
        synced = SyncRun(wikibase, tmp_path)
        told = await synced.run_to_error("--set", "rdf.concept_base=https://said.example")
    assert "http://used.example" in told


@pytest.mark.parametrize("address", ["{url}/w/api.php", "{url}/wiki/Main_Page", "{url}"])
async def test_a_wiki_is_found_from_any_of_its_addresses(synced: SyncRun, address: str) -> None:
    """Its API, a page, its host."""
    async with synced.start("--wikibase", address.format(url=synced.wikibase.url)) as command:
        await command.wait_for_log(COMPLETE_MESSAGE)


async def test_what_is_no_wiki_is_told(synced: SyncRun) -> None:
    """With all that was tried."""
    async with serve_endpoint(Store()) as url:
        told = await synced.run_to_error("--wikibase", url)
    assert f"{url}/w/api.php" in told
    assert "ends in api.php" in told


async def test_a_query_sees_an_edit_within_two_seconds(
    synced: SyncRun, repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the settings as they come. The figure is printed; what is asserted leaves room for a busy machine."""
    store, took = Store(), []
    async with (
        serve_endpoint(store) as url,
        synced.start(*endpoint_settings(url), quick=False),
        asyncio.timeout(TIMEOUT),
    ):
        await wait_until(lambda: read_graph(store) == load_from_scratch(repository))
        for number in range(5):
            await asyncio.sleep(0.37 * number)
            began, revision = time.monotonic(), edit_of(repository)
            while not sees(store, revision):  # noqa: ASYNC110  (a store says nothing by itself)
                await asyncio.sleep(0.01)
            took.append(time.monotonic() - began)
    with capsys.disabled():
        print(f" seen after {', '.join(f'{each:.2f}' for each in took)} s", end="")  # noqa: T201  (a figure to read)
    assert max(took) < 10.0


def edit_of(repository: Repository) -> int:
    """Edit something; the revision."""
    return repository.save(repository.entity(an_item(repository))).revision.rev_id


def an_item(repository: Repository) -> str:
    """An item that is there."""
    return next(entity for entity in repository.current_revisions if isinstance(repository.entity(entity), Item))


def sees(store: Store, revision: int) -> bool:
    """Whether a query finds the revision."""
    return bool(store.query(f"ASK {{ ?entity <http://schema.org/version> {revision} }}"))


def load(folder: Path, repository: Repository) -> None:
    """Load a store from a dump, as others do."""
    folder.mkdir()
    store = Store(folder)
    for quad in munge_all(repository):
        store.add(quad)
    store.flush()
