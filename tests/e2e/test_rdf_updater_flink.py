"""rdf-updater on Flink, over real Kafka: the published mutations lead to the graphs of the wiki in all cases."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest
from tests.contract.runner.runs import Run
from tests.e2e.enrichment_job import assert_valid, setting_arguments
from tests.e2e.rdf_updater_job import KafkaJob
from tests.e2e.rdf_wiki import follow_settings, graphs_of, graphs_of_wiki
from tests.support.processes import read_tail

from wikistate.testing.wikibase import WikibaseProcess

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence
    from pathlib import Path

    from tests.conftest import TopicFactory
    from tests.support.broker import KafkaBroker

pytestmark = [pytest.mark.fault, pytest.mark.timeout(3000)]
GUARANTEES = pytest.mark.parametrize("guarantee", ["AT_LEAST_ONCE", "EXACTLY_ONCE"])
SEED = 20_260_101
OPTIONS: dict[str, object] = {
    "flink.parallelism.default": 2,
    "flink.execution.checkpointing.interval": "1 s",
    "flink.python.fn-execution.bundle.time": 200,
}


class FlinkUpdater(KafkaJob):
    """The job on an embedded cluster."""

    def __init__(self, broker: KafkaBroker, source: str, folder: Path, words: Sequence[str], python: Path) -> None:
        super().__init__(broker, source, folder, words)
        self._python = python
        self._run: Run | None = None
        self.options = dict(OPTIONS)

    @property
    def run(self) -> Run:
        """The run that was started last."""
        assert self._run is not None, "it was not started"
        return self._run

    def launch(self, *, end: str = "") -> None:
        """Start the job at its last snapshot."""
        command = ["-m", "wikistate", "run", "rdf-updater", "--runner", "flink", "--no-progress"]
        self._run = Run(
            [self._python, *command, *self.arguments(end=end), *setting_arguments(**self.options)],
            log=self.folder / "job.log",
            environment={"XDG_STATE_HOME": str(self.folder / "state")},
        )

    async def finish(self) -> None:
        """Run the job to the current end of the topic."""
        self.launch(end="latest")
        assert self.run.wait() == 0, read_tail(self.folder / "job.log")

    def stop(self) -> None:
        """Stop the job as its users do."""
        self.run.terminate()
        assert self.run.wait() == 0, read_tail(self.folder / "job.log")

    def ensure_stopped(self) -> None:
        """Stop what still runs."""
        if self._run is not None:
            self._run.ensure_stopped()


@pytest.fixture
async def wikibase() -> AsyncIterator[WikibaseProcess]:
    """Small Wikibase in a separate process."""
    async with WikibaseProcess("--entities", "20", "--triples", "60") as wikibase:
        yield wikibase


@pytest.fixture
def job(
    kafka: KafkaBroker, topic: TopicFactory, wikibase: WikibaseProcess, tmp_path: Path, flink_python: Path
) -> Iterator[FlinkUpdater]:
    """The job over Kafka."""
    job = FlinkUpdater(kafka, topic(), tmp_path, follow_settings(wikibase), flink_python)
    yield job
    job.ensure_stopped()


@GUARANTEES
async def test_job_that_is_killed_stopped_and_rescaled_publishes_the_graphs_of_the_wiki(
    guarantee: str, job: FlinkUpdater, wikibase: WikibaseProcess, *, long_faults: bool
) -> None:
    """Events are repeated and out of order, fetches fail, and the wiki is edited all the time."""
    rounds, edits = (6, 400) if long_faults else (1, 60)
    random = Random(SEED)
    job.words += setting_arguments(
        rdf__reordering_window=600, stream_manager__sink__options__delivery_guarantee=guarantee
    )
    job.append_events(_mixed(await wikibase.journal(), random))
    for parallelism in [2, 1, 2][: 3 if long_faults else 2]:
        job.options["flink.parallelism.default"] = parallelism
        for _ in range(rounds):
            await wikibase.set_faults([Rule(faults.HttpStatus(500), path="EntityData", every=7)])
            job.launch()
            job.append_events(_mixed(await wikibase.edit(edits), random))
            await job.wait_for_growth()
            job.kill_worker(random)
            job.append_events(_mixed(await wikibase.edit(edits), random))
            await job.wait_for_growth()
            job.kill()
        await wikibase.set_faults([])
        job.launch()
        job.append_events(_mixed(await wikibase.edit(edits), random))
        await job.wait_for_growth()
        job.stop()
    job.append_events(await wikibase.touch())
    await job.finish()
    published = job.published
    assert graphs_of(published) == await graphs_of_wiki(wikibase)
    assert_valid(published)
    if guarantee == "EXACTLY_ONCE":
        ids = [message["meta"]["id"] for message in published]
        assert len(set(ids)) == len(ids), "a message was published twice"
