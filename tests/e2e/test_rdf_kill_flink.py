"""Kill -9 of rdf-updater on a session cluster of Flink, with a consumer into a store: the store is right in the end."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from random import Random
from typing import TYPE_CHECKING

import pytest
from tests.contract.runner.flink_rest import FlinkRest
from tests.contract.runner.runs import wait_until
from tests.e2e.enrichment_job import assert_valid, setting_arguments
from tests.e2e.flink_cluster import SessionCluster
from tests.e2e.kill_flink import find_group, find_workers
from tests.e2e.rdf_deployment import ERRORS, RdfDeployment, wait_for_end
from tests.e2e.rdf_stores import EmbeddedStore, assert_same
from tests.e2e.rdf_updater_job import KafkaJob
from tests.e2e.rdf_wiki import follow_settings, graphs_of, graphs_of_wiki
from tests.support.processes import read_tail

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.conftest import TopicFactory
    from tests.e2e.rdf_updater_job import Event
    from tests.support.broker import KafkaBroker

    from wikistate.testing.wikibase import WikibaseProcess

pytestmark = [pytest.mark.fault, pytest.mark.long, pytest.mark.timeout(3000)]

SEED = 20_260_101
ROUNDS = 3
"""Kills of each kind."""

EDITS = 500
"""Changes before each kill and after the last one: 5,000 in all."""

OPTIONS: dict[str, object] = {
    "flink.execution.checkpointing.interval": "1 s",
    "flink.python.fn-execution.bundle.time": 200,
    "flink.restart-strategy.type": "exponential-delay",
    "stream_manager.sink.options.delivery_guarantee": "EXACTLY_ONCE",
}


class ClusterUpdater:
    """The updater on a session cluster.

    Args:
        cluster: The cluster.
        job: The job between its topics.
    """

    def __init__(self, cluster: SessionCluster, job: KafkaJob) -> None:
        self._cluster, self._job = cluster, job
        self._random = Random(SEED)

    def submit(self) -> None:
        """Submit the job, which resumes from its last checkpoint."""
        taken = sorted(
            (each.parent for each in self._cluster.folder.glob("checkpoints/*/chk-*/_metadata")),
            key=lambda folder: folder.stat().st_mtime,
        )
        words = ("-s", taken[-1].as_uri()) if taken else ()
        command = ("run", "rdf-updater", "--runner", "flink")
        self._cluster.submit(*words, job=(*command, *self._job.arguments(), *setting_arguments(**OPTIONS)))

    def kill_worker(self) -> None:
        """Kill a Python worker; Flink starts the job again from its last checkpoint."""
        os.kill(self._random.choice(sorted(find_workers(find_group(self._cluster.taskmanager)))), signal.SIGKILL)

    def kill_taskmanager(self) -> None:
        """Kill the TaskManager, in whose place another one starts."""
        self._cluster.kill_taskmanager()
        self._cluster.start_taskmanager()

    def kill_all(self) -> None:
        """Kill the whole cluster, start another one, and submit the job again."""
        self._cluster.kill()
        self._cluster.start()
        self.submit()

    def stop(self) -> None:
        """Stop the job with a savepoint."""
        assert FlinkRest(self._cluster.port).stop_with_savepoint()

    async def wait_for_growth(self, messages: int) -> None:
        """Wait until readers of committed records see so many more messages."""
        wanted = len(self._job.published) + messages
        await self.wait_until(lambda: len(self._job.published) >= wanted)

    async def wait_until(self, reached: Callable[[], bool]) -> None:
        """Wait for a condition."""
        await asyncio.to_thread(wait_until, reached, self._describe)

    def _describe(self) -> str:
        return read_tail(self._cluster.folder / "taskmanager.log")


@pytest.fixture
def cluster(flink_python: Path, tmp_path: Path) -> Iterator[SessionCluster]:
    """Session cluster with one slot."""
    (tmp_path / "cluster").mkdir()
    with SessionCluster(flink_python, tmp_path / "cluster") as cluster:
        yield cluster


@pytest.fixture
def deployment(
    kafka: KafkaBroker, topic: TopicFactory, wikibase: WikibaseProcess, tmp_path: Path
) -> Iterator[RdfDeployment]:
    """The topics, and the consumer, which writes many small batches."""
    consuming = setting_arguments(store__concept_base="http://wikibase.example", store__batch_mutations=50)
    with RdfDeployment(
        broker=kafka,
        source=topic(),
        folder=tmp_path,
        updater_arguments=follow_settings(wikibase),
        consumer_arguments=consuming,
    ) as deployment:
        yield deployment


async def test_store_equals_one_loaded_from_scratch_after_kills_of_all_parts(
    deployment: RdfDeployment, wikibase: WikibaseProcess, cluster: SessionCluster, tmp_path: Path
) -> None:
    """The wiki is edited all the time; readers of committed records see no message twice."""
    job = KafkaJob(deployment.broker, deployment.source, tmp_path, deployment.updater_arguments)
    updater = ClusterUpdater(cluster, job)
    store = EmbeddedStore(tmp_path / "store")
    deployment.append_events(await wikibase.journal())
    updater.submit()
    await updater.wait_for_growth(10)
    consumer = deployment.start_consumer(store)
    for kill in (updater.kill_worker, updater.kill_taskmanager, updater.kill_all) * ROUNDS:
        deployment.append_events(await wikibase.edit(EDITS))
        await updater.wait_for_growth(EDITS // 4)
        kill()
    deployment.append_events(await wikibase.edit(EDITS))
    graphs = await graphs_of_wiki(wikibase)
    await updater.wait_until(lambda: graphs_of(job.published) == graphs)
    updater.stop()
    assert consumer.stop() == 0, read_tail(consumer.log)
    await wait_for_end(deployment.start_consumer(store, end="latest"), 0)
    assert_same(store, frozenset().union(*graphs.values()))
    assert_valid(job.published)
    counts = Counter(meta_id(message) for message in job.published)
    assert len(counts) > EDITS
    assert [name for name, count in counts.items() if count > 1] == []
    assert deployment.read_events(ERRORS) == []


def meta_id(event: Event) -> str:
    """Return the id of an event."""
    meta = event["meta"]
    assert isinstance(meta, dict)
    return str(meta["id"])
