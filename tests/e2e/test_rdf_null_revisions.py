"""Log actions that save a null revision, without the row of an edit: the store states the new revision."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from tests.e2e.commands import run_wikistate
from tests.e2e.sync_run import COMPLETE_MESSAGE, IN_STEP_MESSAGE, SyncRun

from wikistate.testing.wikibase import EditSimulator, FakeWikibase, Item, Repository

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

ITEM, MERGED = "Q1", "Q2"


@pytest.fixture(params=[True, False], ids=["row names the revision", "old wiki"])
def repository(request: pytest.FixtureRequest) -> Repository:
    """Wiki with two items; an old wiki does not name a null revision in any row."""
    made = Repository(clock=time.time)
    made.log_rows_name_null_revisions = request.param
    for name in (ITEM, MERGED):
        made.save(Item(id=name, labels={"en": name}))
    return made


@pytest.fixture
async def synced(repository: Repository, tmp_path: Path) -> AsyncIterator[SyncRun]:
    """Empty store, and the wiki that it will follow."""
    async with FakeWikibase(repository) as wikibase:
        yield SyncRun(wikibase, tmp_path)


async def test_protection_is_followed(synced: SyncRun, repository: Repository) -> None:
    """The store has its revision and time; so it has after the end of the protection, and for a redirect."""
    async with synced.start() as command:
        await command.wait_for_log(COMPLETE_MESSAGE)
        repository.protect(ITEM)
        await synced.assert_catches_up(command)
    synced.assert_equals_wiki()
    async with synced.start() as command:
        await command.wait_for_log(IN_STEP_MESSAGE)
        repository.protect(ITEM)
        repository.redirect(MERGED, ITEM)
        repository.protect(MERGED)
        await synced.assert_catches_up(command)
    synced.assert_equals_wiki()


async def test_protection_while_the_job_is_down_is_followed(synced: SyncRun, repository: Repository) -> None:
    """An edit before and after it, in one poll, leads to the newest revision."""
    async with synced.start() as command:
        await synced.assert_catches_up(command)
    repository.protect(ITEM)
    repository.save(Item(id=ITEM, labels={"en": "edited"}))
    repository.protect(ITEM)
    repository.protect(MERGED)
    async with synced.start() as command:
        await command.wait_for_log(IN_STEP_MESSAGE)
        await synced.assert_catches_up(command)
    synced.assert_equals_wiki()
    words = ("--store", "store", "--wikibase", synced.wikibase.url, "--entity", ITEM, "--entity", MERGED)
    finished = await run_wikistate("store", "verify", *words, folder=synced.folder)
    assert (finished.status, finished.out.decode().split()) == (0, ["2", "in", "step"]), finished.err


async def test_protected_entity_that_is_deleted_is_gone(synced: SyncRun, repository: Repository) -> None:
    """The row of the protection outlives the page, whose revision no longer exists."""
    async with synced.start() as command:
        await command.wait_for_log(COMPLETE_MESSAGE)
        repository.protect(ITEM)
        repository.delete(ITEM)
        await synced.assert_catches_up(command)
    synced.assert_equals_wiki()


async def test_random_edits_with_protections_are_followed(synced: SyncRun, repository: Repository) -> None:
    """All kinds of changes mix with protections, also of restored and merged entities."""
    editors = EditSimulator(repository, seed=3, triples=30, protects=True)
    editors.create_initial(10)
    async with synced.start() as command:
        await command.wait_for_log(COMPLETE_MESSAGE)
        editors.simulate(150)
        await synced.assert_catches_up(command)
    synced.assert_equals_wiki()
