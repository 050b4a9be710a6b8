"""rdf-updater on Flink, over real Kafka: the published mutations lead to the graphs of the wiki in all cases."""

from __future__ import annotations

import os
import signal
from random import Random
from typing import TYPE_CHECKING

import orjson
import pytest
from tests.contract.runner.runs import Run
from tests.e2e.enrichment_job import assert_valid, setting_arguments
from tests.e2e.kafka_topics import read_all
from tests.e2e.kill_flink import find_workers
from tests.e2e.rdf_updater_job import KafkaJob
from tests.e2e.rdf_wiki import follow_settings, graphs_of, graphs_of_wiki
from tests.support.processes import read_tail

from wikistate.testing import faults
from wikistate.testing.faults import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tests.conftest import TopicFactory
    from tests.e2e.rdf_updater_job import Event
    from tests.e2e.rdf_wiki import Graphs
    from tests.support.broker import KafkaBroker

    from wikistate.testing.wikibase import WikibaseProcess

pytestmark = [pytest.mark.fault, pytest.mark.long, pytest.mark.timeout(3000)]
GUARANTEES = pytest.mark.parametrize("guarantee", ["EXACTLY_ONCE", "AT_LEAST_ONCE"])
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
        self._random = Random(SEED)
        self.options = dict(OPTIONS)

    @property
    def run(self) -> Run:
        """The run that was started last."""
        assert self._run is not None, "it was not started"
        return self._run

    @property
    def flink_logs(self) -> Path:
        """The folder of Flink's logs; see `HasFlinkLogs`."""
        return self.folder / "state"

    def launch(self, *, end: str = "") -> None:
        """Start the job at its last snapshot."""
        command = ["-m", "wikistate", "run", "rdf-updater", "--runner", "flink", "--no-progress"]
        self._run = Run(
            [self._python, *command, *self.arguments(end=end), *setting_arguments(**self.options)],
            log=self.folder / "job.log",
            environment={"XDG_STATE_HOME": str(self.folder / "state")},
        )

    def wait_for_growth(self) -> None:
        """Wait until the job has published something more."""
        before = len(self.published)
        self.run.wait_until(lambda: len(self.published) > before)

    @property
    def is_running(self) -> bool:
        """Whether the job runs."""
        return self._run is not None and self._run.is_running

    def kill_worker(self) -> None:
        """Kill one of the Python workers; the cluster starts another one."""
        os.kill(self._random.choice(sorted(find_workers(self.run.process_ids()))), signal.SIGKILL)

    def kill(self) -> None:
        """Kill the job with all of its processes."""
        self.run.kill()

    @property
    def failed(self) -> set[str]:
        """The entities of which a fetch has failed."""
        topic = f"{self.prefix}rdf-streaming-updater.fetch-failure"
        return {orjson.loads(message.value)["item"] for message in read_all(self.broker, topic)}

    def stop(self) -> None:
        """Stop the job as its users do."""
        self.run.terminate()
        assert self.run.wait() == 0, read_tail(self.folder / "job.log")

    def ensure_stopped(self) -> None:
        """Stop what still runs."""
        if self._run is not None:
            self._run.ensure_stopped()


@pytest.fixture
def job(
    kafka: KafkaBroker, topic: TopicFactory, wikibase: WikibaseProcess, tmp_path: Path, flink_python: Path
) -> Iterator[FlinkUpdater]:
    """The job over Kafka."""
    job = FlinkUpdater(kafka, topic(), tmp_path, follow_settings(wikibase), flink_python)
    yield job
    job.ensure_stopped()


def find_differing(published: Graphs, wanted: Graphs) -> set[str]:
    """Return the entities whose published graph is not that of the wiki."""
    return {each for each in published.keys() | wanted.keys() if published.get(each) != wanted.get(each)}


def meta_id(event: Event) -> str:
    """Return the id of an event."""
    meta = event["meta"]
    assert isinstance(meta, dict)
    return str(meta["id"])


@GUARANTEES
async def test_job_that_is_killed_stopped_and_rescaled_publishes_the_graphs_of_the_wiki(
    guarantee: str, job: FlinkUpdater, wikibase: WikibaseProcess
) -> None:
    """Events may be repeated, some fetches fail, and the wiki is edited all the time."""
    rounds, edits = 4, 400
    repeats = 1 if guarantee == "EXACTLY_ONCE" else 2  # a deletion that comes again is done again
    job.words += setting_arguments(stream_manager__sink__options__delivery_guarantee=guarantee)
    await wikibase.set_faults([Rule(faults.MissingRevision(asks=1), path="EntityData", every=20)])
    job.append_events(await wikibase.journal())
    for parallelism, interrupt in ((2, job.kill_worker), (2, job.kill), (1, job.stop)) * rounds:
        if not job.is_running:
            job.options["flink.parallelism.default"] = parallelism
            job.launch()
        job.append_events(repeats * await wikibase.edit(edits))
        job.wait_for_growth()
        interrupt()
    await wikibase.set_faults([])
    job.append_events(await wikibase.edit(edits))
    wanted = await graphs_of_wiki(wikibase)
    job.launch()
    # Each lost change is reported, and the next change of an entity brings it all.
    job.run.wait_until(lambda: find_differing(graphs_of(job.published), wanted) < job.failed)
    job.stop()
    assert_valid(job.published)
    if guarantee == "EXACTLY_ONCE":
        ids = [meta_id(message) for message in job.published]
        assert len(set(ids)) == len(ids), "a message was published twice"
