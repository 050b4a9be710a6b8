"""Kill -9 of the updater, of the consumer and of both, at any moment, over real Kafka: the store ends right."""

from __future__ import annotations

import asyncio
from functools import partial
from random import Random
from typing import TYPE_CHECKING

import pytest
from tests.e2e.rdf_deployment import ERRORS, MUTATIONS, Deployment
from tests.e2e.rdf_stores import EmbeddedStore, assert_same
from tests.e2e.rdf_wiki import following, graphs_of_wiki
from tests.e2e.support import assert_valid, settings

from wikistate.testing.processes import tail
from wikistate.testing.wikibase import WikibaseProcess

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import NewTopic

    from wikistate.testing.broker import KafkaBroker
    from wikistate.testing.processes import Process

SEED = 20_260_101
LIFE_SECONDS = 2.5
"""Within this time a job starts, reads, writes and keeps where it is, several times."""


async def live_for_a_while(moments: Random, jobs: list[Process], *, doomed: set[int]) -> None:
    """Let the jobs run until some moment, and kill those that are doomed."""
    await asyncio.sleep(moments.uniform(0.2, LIFE_SECONDS))
    for number in doomed:
        assert jobs[number].running, tail(jobs[number].log)
        jobs[number].kill()


@pytest.mark.fault
@pytest.mark.timeout(1800)
async def test_jobs_that_are_killed_again_and_again_leave_the_store_as_if_loaded_from_scratch(
    kafka: KafkaBroker, topic: NewTopic, tmp_path: Path, *, long_faults: bool
) -> None:
    """While the wiki is edited: start, checkpoint and the middle of a batch included. Who is killed is drawn, too."""
    kills, changes = (30, 5_000) if long_faults else (5, 400)
    moments, store = Random(SEED), EmbeddedStore(tmp_path / "store")
    async with WikibaseProcess("--entities", "20", "--triples", "60") as wikibase:
        with Deployment(
            broker=kafka,
            source=topic(),
            folder=tmp_path,
            updating=following(wikibase),
            consuming=settings(store__concept_base="http://wikibase.example", store__batch_mutations=50),
        ) as deployment:
            deployment.tell(await wikibase.journal())
            start = (deployment.updater, partial(deployment.consumer, store))
            jobs = [each() for each in start]
            for _ in range(kills - 1):
                deployment.tell(await wikibase.edit(changes // (kills - 1) + 1))
                doomed = moments.choice(({0}, {1}, {0, 1}))
                await live_for_a_while(moments, jobs, doomed=doomed)
                jobs = [start[number]() if number in doomed else job for number, job in enumerate(jobs)]
            await live_for_a_while(moments, jobs, doomed={0, 1})
            await deployment.finish(store)
            graphs = await graphs_of_wiki(wikibase)
            assert_same(store, frozenset().union(*graphs.values()))
            assert_valid(deployment.told(MUTATIONS))
            assert deployment.told(ERRORS) == []
            assert {event["operation"] for event in deployment.told(MUTATIONS)} >= {"import", "diff", "delete"}
