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

pytestmark = pytest.mark.timeout(900)
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


async def test_repeated_and_reordered_changes_lead_to_the_same_graphs(
    job: FlinkUpdater, wikibase: WikibaseProcess
) -> None:
    """Within the reordering window, the order and the number of repeats do not matter."""
    await wikibase.edit(60)
    events = await wikibase.journal()
    mixed = [*events, *events]
    Random(SEED).shuffle(mixed)
    job.words += setting_arguments(rdf__reordering_window=600)
    job.append_events(mixed)
    await job.finish()
    assert graphs_of(job.published) == await graphs_of_wiki(wikibase)
    assert_valid(job.published)
