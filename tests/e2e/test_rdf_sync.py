"""One command between a Wikibase and a store: whatever happens and whenever, the store ends as the wiki is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.e2e.synced import IN_STEP, WALKED, WALKING, Synced

from wikistate.testing.wikibase import Editors, FakeWikibase, Repository

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
def repository() -> Repository:
    """What the wiki holds."""
    return Repository()


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
        await command.logged(WALKED)
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
