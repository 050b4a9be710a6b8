"""Kill -9 at any moment, start and walk and checkpoint included: the store ends as one that is loaded from scratch."""

from __future__ import annotations

import asyncio
import signal
from random import Random
from typing import TYPE_CHECKING

import orjson
import pytest
from pyoxigraph import Store
from tests.e2e.commands import PATIENCE
from tests.e2e.kafka_topics import fill
from tests.e2e.synced import Synced, endpoint, from_scratch, held, into, until

from wikistate.testing.wikibase import Editors, FakeWikibase, Repository, page_change

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import NewTopic

    from wikistate.testing.broker import KafkaBroker

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


async def test_events_over_kafka_may_come_twice_late_and_out_of_order(
    kafka: KafkaBroker, topic: NewTopic, tmp_path: Path
) -> None:
    """What an event brings that does not fit is not only told: the wiki is asked, and the store brought in step."""
    repository, moments, name, store = Repository(), Random(SEED), topic(), Store()
    editors = Editors(repository, seed=SEED, triples=40)
    editors.found(20)
    source = f"kafka://{kafka.bootstrap_servers}/{name}?group={name}"
    async with FakeWikibase(repository, editors=editors) as wikibase, endpoint(store) as url:
        synced = Synced(wikibase, tmp_path)
        for _ in range(3):
            events = [page_change(change, repository.wiki) for change in editors.bustle(60)]
            shaken = sorted(events + moments.sample(events, 10), key=lambda _: moments.random())
            await asyncio.to_thread(fill, kafka, name, [orjson.dumps(event) for event in shaken])
            async with synced.running("--source", source, *into(url)) as command, asyncio.timeout(PATIENCE):
                await until(lambda: held(store) == from_scratch(repository))
                command.send(signal.SIGKILL)
