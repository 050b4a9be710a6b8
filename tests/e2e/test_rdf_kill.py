"""Kill -9 of the updater, of the consumer and of both, at any moment, over real Kafka: the store is right in the end."""

from __future__ import annotations

import asyncio
from functools import partial
from random import Random
from typing import TYPE_CHECKING

import pytest
from tests.e2e.enrichment_job import assert_valid, setting_arguments
from tests.e2e.rdf_deployment import ERRORS, MUTATIONS, RdfDeployment
from tests.e2e.rdf_stores import EmbeddedStore, ServedStore, assert_same
from tests.e2e.rdf_wiki import follow_settings, graphs_of_wiki
from tests.support.processes import read_tail

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from pathlib import Path

    from tests.conftest import TopicFactory
    from tests.e2e.rdf_stores import ConsumedStore
    from tests.support.broker import KafkaBroker
    from tests.support.processes import Process

    from wikistate.testing.wikibase import WikibaseProcess

SEED = 20_260_101
RUN_SECONDS = 2.5
"""Seconds within which a job starts, reads, writes and stores its position several times."""


@pytest.fixture(params=["embedded", pytest.param("fuseki", marks=pytest.mark.stores)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ConsumedStore:
    """A store that dies with its consumer, or one that continues with the last request of a killed consumer."""
    if request.param == "embedded":
        return EmbeddedStore(tmp_path / "store")
    served = ServedStore(request.getfixturevalue("fuseki"), tmp_path / "errors.ndjson", by_value=False)
    served.clear()
    return served


@pytest.fixture
def deployment(
    kafka: KafkaBroker, topic: TopicFactory, wikibase: WikibaseProcess, tmp_path: Path
) -> Iterator[RdfDeployment]:
    """Both jobs; the consumer writes many small batches."""
    consuming = setting_arguments(store__concept_base="http://wikibase.example", store__batch_mutations=50)
    with RdfDeployment(
        broker=kafka,
        source=topic(),
        folder=tmp_path,
        updater_arguments=follow_settings(wikibase),
        consumer_arguments=consuming,
    ) as deployment:
        yield deployment


class KilledJobs:
    """The updater and the consumer, each started again after a kill."""

    def __init__(self, *start: Callable[[], Process]) -> None:
        self._start = start
        self._random = Random(SEED)
        self._running: dict[int, Process] = {}

    async def run_and_kill(self, *, numbers: Collection[int] = ()) -> None:
        """Let both run for a random time, and kill the given ones, or random ones by default."""
        for number, start in enumerate(self._start):
            if number not in self._running:
                self._running[number] = start()
        await asyncio.sleep(self._random.uniform(0.2, RUN_SECONDS))
        for number in numbers or self._random.choice(((0,), (1,), (0, 1))):
            job = self._running.pop(number)
            assert job.is_running, read_tail(job.log)
            job.kill()


@pytest.mark.fault
@pytest.mark.timeout(1800)
async def test_store_equals_one_loaded_from_scratch_after_repeated_kills(
    deployment: RdfDeployment, wikibase: WikibaseProcess, store: ConsumedStore, *, long_faults: bool
) -> None:
    """The wiki is edited meanwhile; the kills of random jobs also hit a start, a checkpoint and the middle of a batch."""
    kills, changes = (30, 5_000) if long_faults else (5, 400)
    jobs = KilledJobs(deployment.start_updater, partial(deployment.start_consumer, store))
    deployment.append_events(await wikibase.journal())
    for _ in range(kills - 1):
        deployment.append_events(await wikibase.edit(changes // (kills - 1) + 1))
        await jobs.run_and_kill()
    await jobs.run_and_kill(numbers=(0, 1))
    await deployment.finish(store)
    graphs = await graphs_of_wiki(wikibase)
    assert_same(store, frozenset().union(*graphs.values()))
    mutations = deployment.read_events(MUTATIONS)
    assert_valid(mutations)
    assert {event["operation"] for event in mutations} >= {"import", "diff", "delete"}
    assert deployment.read_events(ERRORS) == []
