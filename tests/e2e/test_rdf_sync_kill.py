"""Kill -9 at any moment, also in a start, a full scan and a checkpoint: the store equals one loaded from scratch."""

from __future__ import annotations

import asyncio
import signal
from random import Random
from typing import TYPE_CHECKING

import orjson
import pytest
from pyoxigraph import Store
from tests.e2e.commands import TIMEOUT
from tests.e2e.kafka_topics import produce
from tests.e2e.sync_run import SyncRun, endpoint_settings, load_from_scratch, read_graph, serve_endpoint, wait_until

from wikistate.testing.wikibase import EditSimulator, FakeWikibase, Repository, build_page_change

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import TopicFactory
    from tests.support.broker import KafkaBroker

pytestmark = pytest.mark.fault
SEED = 20_260_301
BURST = 5


async def edit(editors: EditSimulator, count: int, seconds: float) -> None:
    """Make about so many changes, spread over a time."""
    for _ in range(0, count, BURST):
        editors.simulate(BURST)
        await asyncio.sleep(seconds * BURST / count)


@pytest.mark.timeout(1800)
async def test_store_is_right_after_kills_at_any_moment(tmp_path: Path, *, long_faults: bool) -> None:
    """The wiki changes while the job runs, while it starts, and while it is dead."""
    changes, kills = (5_000, 30) if long_faults else (300, 5)
    repository, random = Repository(), Random(SEED)
    editors = EditSimulator(repository, seed=SEED, triples=40)
    editors.create_initial(30)
    async with FakeWikibase(repository, simulator=editors) as wikibase:
        synced = SyncRun(wikibase, tmp_path)
        for _ in range(kills):
            async with synced.start() as command:
                await edit(editors, changes // kills, random.uniform(0.3, 4.0))
                assert command.is_running, command.err
                command.send(signal.SIGKILL)
        async with synced.start() as command:
            await synced.assert_catches_up(command)
    synced.assert_equals_wiki()


async def test_events_over_kafka_may_come_twice_late_and_out_of_order(
    kafka: KafkaBroker, topic: TopicFactory, tmp_path: Path
) -> None:
    """An event that does not match the state makes the job fetch the entity and bring the store in step."""
    repository, random, name, store = Repository(), Random(SEED), topic(), Store()
    editors = EditSimulator(repository, seed=SEED, triples=40)
    editors.create_initial(20)
    source = f"kafka://{kafka.bootstrap_servers}/{name}?group={name}"
    async with FakeWikibase(repository, simulator=editors) as wikibase, serve_endpoint(store) as url:
        synced = SyncRun(wikibase, tmp_path)
        for _ in range(3):
            events = [build_page_change(change, repository.wiki) for change in editors.simulate(60)]
            shuffled = sorted(events + random.sample(events, 10), key=lambda _: random.random())
            await asyncio.to_thread(produce, kafka, name, [orjson.dumps(event) for event in shuffled])
            async with synced.start("--source", source, *endpoint_settings(url)) as command, asyncio.timeout(TIMEOUT):
                await wait_until(lambda: read_graph(store) == load_from_scratch(repository))
                command.send(signal.SIGKILL)
