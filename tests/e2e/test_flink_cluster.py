"""A job on a Flink cluster that others run: handed over by ``flink run``, watched, stopped and resumed by Flink's means."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
import yaml
from tests.contract.runner.flink_rest import FlinkRest
from tests.contract.runner.jobs import JOBS, Change
from tests.contract.runner.outputs import Outputs
from tests.contract.runner.restartable_wiki import RestartableWiki
from tests.contract.runner.runs import wait_until
from tests.e2e.flink_cluster import SessionCluster
from tests.support import topics
from tests.support.processes import read_tail

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import TopicFactory
    from tests.support.broker import KafkaBroker

(JOB,) = JOBS
PAGES = 20


@pytest.fixture
def wiki() -> Iterator[RestartableWiki]:
    """The wiki that the job asks."""
    with RestartableWiki() as wiki:
        yield wiki


@pytest.fixture
def cluster(flink_python: Path, tmp_path: Path) -> Iterator[SessionCluster]:
    """A cluster that knows nothing of wikistate but the Python where it is installed."""
    with SessionCluster(flink_python, tmp_path) as cluster:
        yield cluster


class Topics:
    """Those of the job, and what goes into and out of them."""

    def __init__(self, kafka: KafkaBroker, topic: TopicFactory) -> None:
        self.kafka = kafka
        self.source, self.sink, self.errors = topic(), topic(), topic()
        self.outputs = Outputs(
            kafka, sink=self.sink, errors=self.errors, recognise=JOB.recognise, isolation="read_committed"
        )

    def write(self, number: int) -> list[Change]:
        """One change of each page."""
        changes = [Change(page, number) for page in range(1, PAGES + 1)]
        topics.produce(self.kafka, self.source, [(JOB.key(each.page), JOB.record(each)) for each in changes])
        return changes


def configured(path: Path, ends: Topics, wiki: RestartableWiki) -> Path:
    """The job's configuration in a file."""
    kafka = {"bootstrap_servers": ends.kafka.bootstrap_servers}
    source = {**kafka, "topics": [ends.source], "consumer_group": ends.source, "offsets_initializer": "earliest"}
    sink = {**kafka, "topic": ends.sink, "delivery_guarantee": "EXACTLY_ONCE"}
    settings = {
        "stream_manager": {
            "source": {"connector": "kafka", "options": source},
            "sink": {"connector": "kafka", "options": sink},
            "error_sink": {"connector": "kafka", "options": {**kafka, "topic": ends.errors}},
        },
        "enrich": {key.removeprefix("enrich."): value for key, value in JOB.settings(wiki.url).items()},
        "flink": {"execution.checkpointing.interval": "1 s"},
    }
    path.write_text(yaml.safe_dump(settings))
    return path


@pytest.mark.timeout(900)
def test_a_job_is_handed_to_a_cluster_stopped_with_a_savepoint_and_resumed_from_it(
    cluster: SessionCluster, wiki: RestartableWiki, kafka: KafkaBroker, topic: TopicFactory, tmp_path: Path
) -> None:
    """Jars go along with the job; detached the client leaves, attached it stays; each event comes out once."""
    ends = Topics(kafka, topic)
    configuration = configured(tmp_path / "job.yaml", ends, wiki)
    job = ("run", JOB.name, "--runner", "flink", "--config", configuration)
    rest = FlinkRest(cluster.port)

    def wait_for(changes: list[Change]) -> None:
        wait_until(lambda: len(ends.outputs.changes()) >= len(changes), lambda: read_tail(tmp_path / "taskmanager.log"))
        assert Counter(ends.outputs.changes()) == Counter(changes)

    with ends.outputs:
        changes = ends.write(1)
        assert "Job has been submitted with JobID" in cluster.submit(job=job)
        wait_for(changes)
        wait_until(
            lambda: sum(rest.metrics("wikistate_events_consumed_total").values()) == PAGES,
            lambda: str(rest.metrics("wikistate_events_consumed_total")),
        )
        savepoint = rest.stop_with_savepoint()
        assert str(cluster.savepoints) in urlsplit(savepoint).path

        changes += ends.write(2)
        client = cluster.attach("-s", savepoint, job=job)
        wait_for(changes)
        assert cluster.get(f"{rest.job}/checkpoints")["latest"]["restored"]["external_path"] == savepoint
        assert client.is_running
        rest.stop_with_savepoint()
        wait_until(lambda: not client.is_running, lambda: read_tail(client.log))
        assert client.kill() == 0, read_tail(client.log)  # it has ended: this tells how
        assert Counter(ends.outputs.changes()) == Counter(changes)
