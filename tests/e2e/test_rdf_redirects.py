"""Redirects to deleted entities: the store holds what the page of the redirect says, whatever came first."""

from __future__ import annotations

import shutil
import time
from typing import TYPE_CHECKING

import orjson
import pytest
from pyoxigraph import Store
from tests.e2e.commands import CommandResult, run_wikistate
from tests.e2e.enrichment_job import read_lines
from tests.e2e.rdf_wiki import follow_settings, graphs_of
from tests.e2e.sync_run import (
    COMPLETE_MESSAGE,
    IN_STEP_MESSAGE,
    URIS,
    SyncRun,
    load_from_scratch,
    munge_all,
    read_folder,
)
from tests.e2e.test_store_verify import ComparedStore

from wikistate.core.rdf.munge import munge
from wikistate.core.rdf.parse import parse_triples
from wikistate.ops.verify.verifier import SLACK_MS
from wikistate.testing.clock import ManualClock
from wikistate.testing.wikibase import EditSimulator, FakeWikibase, Item, Repository, build_page_change
from wikistate.testing.wikibase.documents import serialize_triples

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

SOURCE, TARGET, OTHER = "Q1", "Q2", "Q3"


@pytest.fixture
def clock() -> ManualClock:
    """Offset of the wiki's clock from the current time, in seconds."""
    return ManualClock()


@pytest.fixture
def repository(clock: ManualClock) -> Repository:
    """Wiki with items that have statements."""
    made = Repository(clock=lambda: time.time() + clock.now())
    EditSimulator(made, seed=11, triples=60).create_initial(0)
    for number in (1, 2, 3):
        made.save(Item(id=f"Q{number}", labels={"en": f"item {number}"}))
    return made


@pytest.fixture
async def synced(repository: Repository, tmp_path: Path) -> AsyncIterator[SyncRun]:
    """Empty store, and the wiki that it will follow."""
    async with FakeWikibase(repository) as wikibase:
        yield SyncRun(wikibase, tmp_path)


def merge_into_deleted(repository: Repository) -> None:
    """Merge an item into another, and delete that one."""
    repository.merge(SOURCE, TARGET)
    repository.delete(TARGET)


async def catch_up(synced: SyncRun) -> None:
    """Run the job until the store holds all changes up to now."""
    async with synced.start() as command:
        await synced.assert_catches_up(command)


async def test_redirect_that_was_fetched_before_the_deletion_stays(synced: SyncRun, repository: Repository) -> None:
    """The deletion of the target does not change the redirect."""
    async with synced.start() as command:
        await command.wait_for_log(COMPLETE_MESSAGE)
        repository.merge(SOURCE, TARGET)
        await synced.assert_catches_up(command)
    repository.delete(TARGET)
    await catch_up(synced)
    synced.assert_equals_wiki()


async def test_redirect_that_is_fetched_after_the_deletion_replaces_the_item(
    synced: SyncRun, repository: Repository
) -> None:
    """The job was down during both, so that EntityData shows no form of the redirect."""
    await catch_up(synced)
    merge_into_deleted(repository)
    async with synced.start() as command:
        await command.wait_for_log(IN_STEP_MESSAGE)
        await synced.assert_catches_up(command)
    synced.assert_equals_wiki()


async def test_full_scan_finds_redirects_to_deleted_entities(
    synced: SyncRun, repository: Repository, clock: ManualClock
) -> None:
    """An empty store gets them, and a store whose source no longer reaches back."""
    await catch_up(synced)
    merge_into_deleted(repository)
    clock.advance(30 * 86_400)
    repository.recent_changes_since = repository.now() // 1000 * 1000
    async with synced.start() as command:
        await command.wait_for_log(COMPLETE_MESSAGE)
        await synced.assert_catches_up(command)
    synced.assert_equals_wiki()
    shutil.rmtree(synced.folder / "store")
    shutil.rmtree(synced.folder / "store.state")
    await catch_up(synced)
    synced.assert_equals_wiki()


async def test_chain_restored_target_and_new_item_are_followed(synced: SyncRun, repository: Repository) -> None:
    """A redirect leads over another to a deleted item; then the target comes back, and the redirect is an item again."""
    await catch_up(synced)
    repository.redirect(OTHER, SOURCE)
    merge_into_deleted(repository)
    await catch_up(synced)
    synced.assert_equals_wiki()
    repository.restore(TARGET)
    await catch_up(synced)
    synced.assert_equals_wiki()
    repository.delete(TARGET)
    repository.save(Item(id=SOURCE, labels={"en": "an item again"}))
    await catch_up(synced)
    synced.assert_equals_wiki()


async def test_events_lead_to_the_redirect(synced: SyncRun, repository: Repository, tmp_path: Path) -> None:
    """rdf-updater finds the Action API from the address of the RDF, without a further setting."""
    merge_into_deleted(repository)
    source, sink = tmp_path / "changes.ndjson", tmp_path / "mutations.ndjson"
    events = [build_page_change(change, repository.wiki) for change in repository.journal]
    source.write_bytes(b"".join(orjson.dumps(event) + b"\n" for event in events))
    words = (f"--source=file:{source}", f"--sink=file:{sink}", f"--state={tmp_path / 'state'}")
    finished = await run_wikistate("run", "rdf-updater", *words, *follow_settings(synced.wikibase), folder=tmp_path)
    assert finished.status == 0, finished.err
    body = serialize_triples(repository.document(SOURCE) or (), "ttl", repository.vocabulary)
    assert graphs_of(read_lines(sink))[SOURCE] == munge(
        parse_triples(body, base="https://wikibase.example/"), SOURCE, URIS
    )


class TestVerification:
    """``store verify`` on redirects to deleted entities."""

    async def verify(self, synced: SyncRun, *words: str) -> CommandResult:
        """Run the command for the redirect."""
        location = ("--store", "store", "--wikibase", synced.wikibase.url, "--entity", SOURCE)
        return await run_wikistate("store", "verify", *location, *words, folder=synced.folder)

    async def test_redirect_in_the_store_is_in_step(self, synced: SyncRun, repository: Repository) -> None:
        """The comparison reads the same content as the job."""
        merge_into_deleted(repository)
        store = Store(synced.folder / "store")
        store.extend(munge_all(repository))
        del store
        finished = await self.verify(synced)
        assert (finished.status, finished.out.decode().split()) == (0, ["1", "in", "step"]), finished.err

    async def test_item_in_the_store_is_left_behind_and_repaired(self, synced: SyncRun, repository: Repository) -> None:
        """The store states that it is complete long after the merge."""
        compared = ComparedStore(synced.wikibase, synced.folder)
        merge_into_deleted(repository)
        compared.set_completed_until(repository.now() + SLACK_MS + 60_000)
        finished = await self.verify(synced)
        assert finished.status == 7, finished.out.decode() + finished.err
        assert "left behind" in finished.out.decode()
        assert (await self.verify(synced, "--repair")).status == 0
        assert (await self.verify(synced)).status == 0
        found, wanted = read_folder(synced.folder), load_from_scratch(repository)
        assert {each for each in found if f"entity/{SOURCE}>" in each.split()[0]} == {
            each for each in wanted if f"entity/{SOURCE}>" in each.split()[0]
        }

    async def test_missing_redirect_is_found(self, synced: SyncRun, repository: Repository) -> None:
        """The wiki has its page."""
        compared = ComparedStore(synced.wikibase, synced.folder)
        merge_into_deleted(repository)
        compared.corrupt(lambda store: store.update(f"DELETE WHERE {{ <{URIS.entity_iri(SOURCE)}> ?p ?o }}"))
        assert (await self.verify(synced)).status == 7
        assert (await self.verify(synced, "--repair")).status == 0
        assert (await self.verify(synced)).status == 0
