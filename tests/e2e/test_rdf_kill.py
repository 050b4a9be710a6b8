"""Kill -9 of the updater, of the consumer and of both, at any moment, over real Kafka: the store ends right."""

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

from wikistate.testing.wikibase import WikibaseProcess

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection, Iterator
    from pathlib import Path

    from tests.conftest import TopicFactory
    from tests.e2e.rdf_stores import ConsumedStore
    from tests.support.broker import KafkaBroker
    from tests.support.processes import Process

SEED = 20_260_101
LIFE_SECONDS = 2.5
"""Within this time a job starts, reads, writes and keeps where it is, several times."""


@pytest.fixture
async def wikibase() -> AsyncIterator[WikibaseProcess]:
    """A small Wikibase in a process of its own."""
    async with WikibaseProcess("--entities", "20", "--triples", "60") as wikibase:
        yield wikibase


@pytest.fixture(params=["embedded", pytest.param("fuseki", marks=pytest.mark.stores)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ConsumedStore:
    """One that dies with its consumer, and one that goes on with the last request of a consumer that is dead."""
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


class Victims:
    """The updater and the consumer, each started again when it was killed."""

    def __init__(self, *start: Callable[[], Process]) -> None:
        self._start = start
        self._moments = Random(SEED)
        self._alive: dict[int, Process] = {}

    async def live_for_a_while(self, *, doomed: Collection[int] = ()) -> None:
        """Let both run until some moment, and kill those that are doomed, or whom chance picks."""
        for number, start in enumerate(self._start):
            if number not in self._alive:
                self._alive[number] = start()
        await asyncio.sleep(self._moments.uniform(0.2, LIFE_SECONDS))
        for number in doomed or self._moments.choice(((0,), (1,), (0, 1))):
            job = self._alive.pop(number)
            assert job.is_running, read_tail(job.log)
            job.kill()


@pytest.mark.fault
@pytest.mark.timeout(1800)
async def test_jobs_that_are_killed_again_and_again_leave_the_store_as_if_loaded_from_scratch(
    deployment: RdfDeployment, wikibase: WikibaseProcess, store: ConsumedStore, *, long_faults: bool
) -> None:
    """While the wiki is edited: start, checkpoint and the middle of a batch included. Who is killed is drawn, too."""
    kills, changes = (30, 5_000) if long_faults else (5, 400)
    victims = Victims(deployment.start_updater, partial(deployment.start_consumer, store))
    deployment.append_events(await wikibase.journal())
    for _ in range(kills - 1):
        deployment.append_events(await wikibase.edit(changes // (kills - 1) + 1))
        await victims.live_for_a_while()
    await victims.live_for_a_while(doomed=(0, 1))
    await deployment.finish(store)
    graphs = await graphs_of_wiki(wikibase)
    assert_same(store, frozenset().union(*graphs.values()))
    mutations = deployment.read_events(MUTATIONS)
    assert_valid(mutations)
    assert {event["operation"] for event in mutations} >= {"import", "diff", "delete"}
    assert deployment.read_events(ERRORS) == []
