"""One command between a Wikibase and a store: the store equals the wiki in the end, in all cases."""

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
    """Offset of the wiki's clock from the current time, in seconds."""
    return ManualClock()


@pytest.fixture
def repository(clock: ManualClock) -> Repository:
    """Content of the wiki."""
    return Repository(clock=lambda: time.time() + clock.now())


@pytest.fixture
def editors(repository: Repository) -> EditSimulator:
    """Editors of the wiki, which has entities of all kinds; protections save null revisions without a row of an edit."""
    editors = EditSimulator(repository, seed=6, triples=60, protects=True)
    editors.create_initial(25)
    return editors


@pytest.fixture
async def synced(repository: Repository, editors: EditSimulator, tmp_path: Path) -> AsyncIterator[SyncRun]:
    """Empty store, and the wiki that it will follow."""
    async with FakeWikibase(repository, simulator=editors) as wikibase:
        yield SyncRun(wikibase, tmp_path)


async def test_empty_store_is_filled_and_then_followed(synced: SyncRun, editors: EditSimulator) -> None:
    """A full scan fills it without a flag, a dump or a date; then edits of all kinds are applied."""
    async with synced.start() as command:
        await command.wait_for_log(COMPLETE_MESSAGE)
        editors.simulate(150)
        await synced.assert_catches_up(command)
    synced.assert_equals_wiki()


async def test_restart_needs_no_full_scan(synced: SyncRun, editors: EditSimulator) -> None:
    """The recent changes of the wiki contain the changes between the two runs."""
    async with synced.start() as command:
        await synced.assert_catches_up(command)
    editors.simulate(80)
    async with synced.start() as command:
        await command.wait_for_log(IN_STEP_MESSAGE)
        await synced.assert_catches_up(command)
        assert SCAN_MESSAGE not in command.err
    synced.assert_equals_wiki()


async def test_changes_in_each_phase_of_catching_up_are_applied(
    synced: SyncRun, repository: Repository, editors: EditSimulator
) -> None:
    """The start, the full scan and the transition to following read the changes in one way, without a gap."""
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
    """Apply about fifty changes a second, until cancelled."""
    while True:
        editors.apply()
        await asyncio.sleep(0.02)


async def test_gap_in_the_source_causes_a_full_scan(
    synced: SyncRun, repository: Repository, editors: EditSimulator, clock: ManualClock
) -> None:
    """The wiki has deleted its recent changes between the two runs, with the deletion of an entity among them."""
    async with synced.start() as command:
        await synced.assert_catches_up(command)
    editors.simulate(60)
    repository.delete(find_item(repository))
    clock.advance(30 * 86_400)
    repository.recent_changes_since = repository.now() // 1000 * 1000
    editors.simulate(1)
    async with synced.start() as command:
        reason = (await command.wait_for_log(SCAN_MESSAGE))["labels"]["reason"]
        assert reason == "the retention of the source does not reach back to the position of the store"
        await command.wait_for_log(COMPLETE_MESSAGE)
        editors.simulate(20)
        await synced.assert_catches_up(command)
    synced.assert_equals_wiki()


async def test_store_that_is_restored_from_a_copy_is_brought_in_step(synced: SyncRun, editors: EditSimulator) -> None:
    """The store is older than the checkpoint, and gets all edits, creations and deletions since."""
    async with synced.start() as command:
        await synced.assert_catches_up(command)
    shutil.copytree(synced.folder / "store", synced.folder / "copy")
    editors.simulate(100)
    async with synced.start() as command:
        await synced.assert_catches_up(command)
    shutil.rmtree(synced.folder / "store")
    (synced.folder / "copy").rename(synced.folder / "store")
    async with synced.start() as command:
        reason = (await command.wait_for_log(SCAN_MESSAGE))["labels"]["reason"]
        assert reason == "the store is older than the checkpoint: it was restored from a backup"
        await command.wait_for_log(COMPLETE_MESSAGE)
        await synced.assert_catches_up(command)
    synced.assert_equals_wiki()


async def test_store_whose_checkpoint_is_lost_is_compared(synced: SyncRun, editors: EditSimulator) -> None:
    """Without its state folder the job does not know its last position."""
    async with synced.start() as command:
        await synced.assert_catches_up(command)
    shutil.rmtree(synced.folder / "store.state")
    editors.simulate(60)
    async with synced.start() as command:
        await command.wait_for_log(COMPLETE_MESSAGE)
        await synced.assert_catches_up(command)
    synced.assert_equals_wiki()


async def test_foreign_store_is_rejected_unless_it_is_adopted(
    synced: SyncRun, repository: Repository, editors: EditSimulator
) -> None:
    """The store was loaded from a dump, with entities that were edited and deleted since; it is adopted on request only."""
    load(synced.folder / "store", repository)
    editors.simulate(60)
    message = await synced.run_to_error()
    assert "entities that rdf-sync did not write" in message
    assert "--set store.adopt=true" in message
    async with synced.start("--set", "store.adopt=true") as command:
        await command.wait_for_log(COMPLETE_MESSAGE)
        await synced.assert_catches_up(command)
    synced.assert_equals_wiki()


async def test_endpoint_that_is_cleared_during_the_run_is_filled_again(
    synced: SyncRun, repository: Repository, editors: EditSimulator
) -> None:
    """The job compares the position in the store before each batch, and then all entities."""
    store = Store()
    async with serve_endpoint(store) as url, synced.start(*endpoint_settings(url)) as command, asyncio.timeout(TIMEOUT):
        await command.wait_for_log(COMPLETE_MESSAGE)
        await wait_until(lambda: read_graph(store) == load_from_scratch(repository))
        store.clear()
        editors.simulate(30)
        await command.wait_for_log(COMPLETE_MESSAGE, times=2)
        await wait_until(lambda: read_graph(store) == load_from_scratch(repository))
        assert (await command.stop()).status == 0


async def test_job_waits_for_an_overloaded_wiki(synced: SyncRun, editors: EditSimulator) -> None:
    """Lag, an overloaded server and broken connections, in both kinds of requests: no change is given up or skipped."""
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
async def test_setting_that_contradicts_the_wiki_is_an_error_with_the_right_value(
    synced: SyncRun, wrong: str, right: str
) -> None:
    """The error comes at the start; the store does not just stay empty."""
    message = await synced.run_to_error("--set", wrong)
    assert wrong.partition("=")[0] in message
    assert right in message


async def test_concept_base_comes_from_the_rdf_of_the_wiki(tmp_path: Path) -> None:
    """The siteinfo of a wiki may state another concept base than its RDF, which takes precedence."""
    repository = Repository(
        make_wikibase_wiki(concept_base="https://said.example"), vocabulary=Vocabulary("http://used.example")
    )
    EditSimulator(repository).create_initial(2)
    async with FakeWikibase(repository) as wikibase:
        synced = SyncRun(wikibase, tmp_path)
        message = await synced.run_to_error("--set", "rdf.concept_base=https://said.example")
    assert "http://used.example" in message


@pytest.mark.parametrize("address", ["{url}/w/api.php", "{url}/wiki/Main_Page", "{url}"])
async def test_wiki_is_found_from_each_of_its_addresses(synced: SyncRun, address: str) -> None:
    """The address may be that of its API, of a page or of its host."""
    async with synced.start("--wikibase", address.format(url=synced.wikibase.url)) as command:
        await command.wait_for_log(COMPLETE_MESSAGE)


async def test_address_without_a_wiki_is_an_error(synced: SyncRun) -> None:
    """The message lists the addresses that were tried."""
    async with serve_endpoint(Store()) as url:
        message = await synced.run_to_error("--wikibase", url)
    assert f"{url}/w/api.php" in message
    assert "ends in api.php" in message


async def test_edit_is_visible_in_a_query_within_two_seconds(
    synced: SyncRun, repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    """The default settings apply. The time is printed; the assertion leaves room for a busy machine."""
    store, seconds = Store(), []
    async with (
        serve_endpoint(store) as url,
        synced.start(*endpoint_settings(url), quick=False),
        asyncio.timeout(TIMEOUT),
    ):
        await wait_until(lambda: read_graph(store) == load_from_scratch(repository))
        for number in range(5):
            await asyncio.sleep(0.37 * number)
            start, revision = time.monotonic(), save_edit(repository)
            while not has_revision(store, revision):  # noqa: ASYNC110  (a store does not notify its readers)
                await asyncio.sleep(0.01)
            seconds.append(time.monotonic() - start)
    with capsys.disabled():
        print(f" seen after {', '.join(f'{each:.2f}' for each in seconds)} s", end="")  # noqa: T201  (a figure to read)
    assert max(seconds) < 10.0


def save_edit(repository: Repository) -> int:
    """Edit an item and return the new revision."""
    return repository.save(repository.entity(find_item(repository))).revision.rev_id


def find_item(repository: Repository) -> str:
    """Return the id of an existing item."""
    return next(entity for entity in repository.current_revisions if isinstance(repository.entity(entity), Item))


def has_revision(store: Store, revision: int) -> bool:
    """Return whether a query finds the revision."""
    return bool(store.query(f"ASK {{ ?entity <http://schema.org/version> {revision} }}"))


def load(folder: Path, repository: Repository) -> None:
    """Load a store from a dump, as another tool does."""
    folder.mkdir()
    store = Store(folder)
    for quad in munge_all(repository):
        store.add(quad)
    store.flush()
