"""One command between a Wikibase and a store: whatever happens and whenever, the store ends as the wiki is."""

from __future__ import annotations

import asyncio
import shutil
import time
from typing import TYPE_CHECKING

import pytest
from pyoxigraph import Store
from tests.e2e.commands import PATIENCE
from tests.e2e.synced import COMPLETE, IN_STEP, WALKING, Synced, endpoint, from_scratch, held, into, quads, until

from wikistate.testing.clock import ManualClock
from wikistate.testing.faults import Delay, Lagged, Reset, Rule, Status
from wikistate.testing.wikibase import Editors, FakeWikibase, Item, Repository, Vocabulary, wikibase_wiki

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
def editors(repository: Repository) -> Editors:
    """Who works on the wiki, which has something of everything."""
    editors = Editors(repository, seed=6, triples=60)
    editors.found(25)
    return editors


@pytest.fixture
async def synced(repository: Repository, editors: Editors, tmp_path: Path) -> AsyncIterator[Synced]:
    """A store that was never filled, and the wiki that it is to follow."""
    async with FakeWikibase(repository, editors=editors) as wikibase:
        yield Synced(wikibase, tmp_path)


async def test_an_empty_store_is_filled_and_then_followed(synced: Synced, editors: Editors) -> None:
    """No flag, no dump, no date: it is walked; creates, edits, deletes, restores, redirects and merges then come in."""
    async with synced.running() as command:
        await command.logged(COMPLETE)
        editors.bustle(150)
        await synced.caught_up(command)
    synced.assert_in_step()


async def test_a_stop_and_a_start_need_no_walk(synced: Synced, editors: Editors) -> None:
    """What happened while nothing ran is among the recent changes."""
    async with synced.running() as command:
        await synced.caught_up(command)
    editors.bustle(80)
    async with synced.running() as command:
        await command.logged(IN_STEP)
        await synced.caught_up(command)
        assert WALKING not in command.err
    synced.assert_in_step()


async def test_changes_of_every_phase_of_catching_up_are_in(
    synced: Synced, repository: Repository, editors: Editors
) -> None:
    """While it starts, while it walks past them, while it goes over to following: one way to read changes, no seam."""
    synced.wikibase.set_faults([Rule(Delay(0.05), path="Special:EntityData")])
    async with synced.running("--set", "rdf.concurrency=2") as command, asyncio.TaskGroup() as tasks:
        busy = tasks.create_task(keep_editing(editors))
        await command.logged(COMPLETE)
        followed = repository.current_of("Q1") or repository.current_of("P1")
        assert followed
        await asyncio.sleep(1.0)
        busy.cancel()
        synced.wikibase.set_faults([])
        await synced.caught_up(command)
    synced.assert_in_step()


async def keep_editing(editors: Editors) -> None:
    """Some fifty changes a second, until cancelled."""
    while True:
        editors.happen()
        await asyncio.sleep(0.02)


async def test_a_gap_is_found_and_walked(
    synced: Synced, repository: Repository, editors: Editors, clock: ManualClock
) -> None:
    """The wiki has forgotten what happened while nothing ran, the deletion of an entity included."""
    async with synced.running() as command:
        await synced.caught_up(command)
    editors.bustle(60)
    repository.delete(an_item(repository))
    clock.advance(30 * 86_400)
    repository.remembers_since = repository.now() // 1000 * 1000
    editors.bustle(1)
    async with synced.running() as command:
        because = (await command.logged(WALKING))["labels"]["reason"]
        assert because == "the source no longer reaches back to where the store is"
        await command.logged(COMPLETE)
        editors.bustle(20)
        await synced.caught_up(command)
    synced.assert_in_step()


async def test_a_store_that_comes_back_from_a_copy_is_found(synced: Synced, editors: Editors) -> None:
    """It is older than the checkpoint, and what was changed, made and deleted since is brought in."""
    async with synced.running() as command:
        await synced.caught_up(command)
    shutil.copytree(synced.folder / "store", synced.folder / "copy")
    editors.bustle(100)
    async with synced.running() as command:
        await synced.caught_up(command)
    shutil.rmtree(synced.folder / "store")
    (synced.folder / "copy").rename(synced.folder / "store")
    async with synced.running() as command:
        because = (await command.logged(WALKING))["labels"]["reason"]
        assert because == "the store is older than the checkpoint: it was restored from a copy"
        await command.logged(COMPLETE)
        await synced.caught_up(command)
    synced.assert_in_step()


async def test_a_store_whose_checkpoint_is_lost_is_compared(synced: Synced, editors: Editors) -> None:
    """Without its state folder nothing is known of what was followed."""
    async with synced.running() as command:
        await synced.caught_up(command)
    shutil.rmtree(synced.folder / "store.state")
    editors.bustle(60)
    async with synced.running() as command:
        await command.logged(COMPLETE)
        await synced.caught_up(command)
    synced.assert_in_step()


async def test_a_store_of_others_is_refused_unless_it_is_to_be_taken_over(
    synced: Synced, repository: Repository, editors: Editors
) -> None:
    """Loaded from a dump, with entities that were edited and deleted since: brought in step, but not unasked."""
    load(synced.folder / "store", repository)
    editors.bustle(60)
    told = await synced.refused()
    assert "entities that rdf-sync did not write" in told
    assert "--set store.adopt=true" in told
    async with synced.running("--set", "store.adopt=true") as command:
        await command.logged(COMPLETE)
        await synced.caught_up(command)
    synced.assert_in_step()


async def test_an_endpoint_that_is_put_back_while_it_runs_is_brought_up_again(
    synced: Synced, repository: Repository, editors: Editors
) -> None:
    """The position in the store is compared before each batch; then all entities are."""
    store = Store()
    async with endpoint(store) as url, synced.running(*into(url)) as command, asyncio.timeout(PATIENCE):
        await command.logged(COMPLETE)
        await until(lambda: held(store) == from_scratch(repository))
        store.clear()
        editors.bustle(30)
        await command.logged(COMPLETE, times=2)
        await until(lambda: held(store) == from_scratch(repository))
        assert (await command.stop()).status == 0


async def test_a_wiki_that_asks_for_patience_is_waited_for(synced: Synced, editors: Editors) -> None:
    """Lag, an overloaded server and broken connections, of both ways to ask: nothing is given up, nothing skipped."""
    async with synced.running() as command:
        await command.logged(COMPLETE)
        synced.wikibase.set_faults(
            [
                Rule(Status(503, {"Retry-After": "1"}), path="Special:EntityData", every=3, times=5),
                Rule(Lagged(30.0), path="api.php", seconds=2.0),
                Rule(Reset(), path="Special:EntityData", every=4, times=5),
            ]
        )
        editors.bustle(80)
        await synced.caught_up(command)
    synced.assert_in_step()


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("rdf.concept_base=https://wikibase.example", "http://wikibase.example"),
        ("store.concept_base=http://www.wikidata.org", "http://wikibase.example"),
        ("rdf.entity_namespaces=[0,120]", "120, 122, 146"),
        ("rdf.hostname=www.wikibase.example", "wikibase.example"),
    ],
)
async def test_what_contradicts_the_wiki_is_told_with_the_right_value(synced: Synced, wrong: str, right: str) -> None:
    """At the start, and not by a store that stays empty."""
    told = await synced.refused("--set", wrong)
    assert wrong.partition("=")[0] in told
    assert right in told


async def test_the_concept_base_is_found_in_the_wiki_own_rdf(tmp_path: Path) -> None:
    """What the wiki says of itself may be another thing than what its RDF has, which is what counts."""
    repository = Repository(wikibase_wiki(concept="https://said.example"), vocabulary=Vocabulary("http://used.example"))
    Editors(repository).found(2)
    async with FakeWikibase(repository) as wikibase:
        synced = Synced(wikibase, tmp_path)
        told = await synced.refused("--set", "rdf.concept_base=https://said.example")
    assert "http://used.example" in told


@pytest.mark.parametrize("address", ["{url}/w/api.php", "{url}/wiki/Main_Page", "{url}"])
async def test_a_wiki_is_found_from_any_of_its_addresses(synced: Synced, address: str) -> None:
    """Its API, a page, its host."""
    async with synced.running("--wikibase", address.format(url=synced.wikibase.url)) as command:
        await command.logged(COMPLETE)


async def test_what_is_no_wiki_is_told(synced: Synced) -> None:
    """With all that was tried."""
    async with endpoint(Store()) as url:
        told = await synced.refused("--wikibase", url)
    assert f"{url}/w/api.php" in told
    assert "ends in api.php" in told


async def test_a_query_sees_an_edit_within_two_seconds(
    synced: Synced, repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the settings as they come. The figure is printed; what is asserted leaves room for a busy machine."""
    store, took = Store(), []
    async with endpoint(store) as url, synced.running(*into(url), quick=False), asyncio.timeout(PATIENCE):
        await until(lambda: held(store) == from_scratch(repository))
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
    return next(entity for entity in repository.current if isinstance(repository.entity(entity), Item))


def sees(store: Store, revision: int) -> bool:
    """Whether a query finds the revision."""
    return bool(store.query(f"ASK {{ ?entity <http://schema.org/version> {revision} }}"))


def load(folder: Path, repository: Repository) -> None:
    """Load a store from a dump, as others do."""
    folder.mkdir()
    store = Store(folder)
    for quad in quads(repository):
        store.add(quad)
    store.flush()
