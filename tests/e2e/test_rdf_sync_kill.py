"""Kill -9 at any moment, start and walk and checkpoint included: the store ends as one that is loaded from scratch."""

from __future__ import annotations

import asyncio
import signal
from random import Random
from typing import TYPE_CHECKING

import pytest
from tests.e2e.synced import Synced

from wikistate.testing.wikibase import Editors, FakeWikibase, Repository

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.fault
SEED = 20_260_301
BURST = 5


async def edit(editors: Editors, count: int, seconds: float) -> None:
    """About so many changes, spread over a time."""
    for _ in range(0, count, BURST):
        editors.bustle(BURST)
        await asyncio.sleep(seconds * BURST / count)


@pytest.mark.timeout(1800)
async def test_whatever_moment_it_is_killed_at_nothing_is_lost_or_wrong(tmp_path: Path, *, long_faults: bool) -> None:
    """Changes are made while it runs, while it starts, and while it is dead."""
    changes, kills = (5_000, 30) if long_faults else (300, 5)
    repository, moments = Repository(), Random(SEED)
    editors = Editors(repository, seed=SEED, triples=40)
    editors.found(30)
    async with FakeWikibase(repository, editors=editors) as wikibase:
        synced = Synced(wikibase, tmp_path)
        for _ in range(kills):
            async with synced.running() as command:
                await edit(editors, changes // kills, moments.uniform(0.3, 4.0))
                assert command.running, command.err
                command.send(signal.SIGKILL)
        async with synced.running() as command:
            await synced.caught_up(command)
    synced.assert_in_step()
