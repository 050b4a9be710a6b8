"""A job on an existing Flink cluster: submitted by ``flink run``, observed, stopped and resumed by Flink's commands."""

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
from tests.support import topics
from tests.support.processes import read_tail

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import TopicFactory
    from tests.e2e.flink_cluster import SessionCluster
    from tests.support.broker import KafkaBroker

(JOB,) = JOBS
PAGES = 20


@pytest.fixture
def wiki() -> Iterator[RestartableWiki]:
    """Wiki of the job's requests."""
    with RestartableWiki() as wiki:
        yield wiki


class Topics:
    """The topics of the job, and their content."""

    def __init__(self, kafka: KafkaBroker, topic: TopicFactory) -> None:
        self.kafka = kafka
        self.source, self.sink, self.errors = topic(), topic(), topic()
        self.outputs = Outputs(
            kafka, sink=self.sink, errors=self.errors, recognise=JOB.recognise, isolation="read_committed"
        )

    def write(self, number: int) -> list[Change]:
        """Write one change of each page and return the changes."""
        changes = [Change(page, number) for page in range(1, PAGES + 1)]
        topics.produce(self.kafka, self.source, [(JOB.key(each.page), JOB.record(each)) for each in changes])
        return changes


def write_configuration(path: Path, job_topics: Topics, wiki: RestartableWiki) -> Path:
    """Write the configuration of the job to a file and return its path."""
    kafka = {"bootstrap_servers": job_topics.kafka.bootstrap_servers}
    source = {
        **kafka,
        "topics": [job_topics.source],
        "consumer_group": job_topics.source,
        "offsets_initializer": "earliest",
    }
    sink = {**kafka, "topic": job_topics.sink, "delivery_guarantee": "EXACTLY_ONCE"}
    settings = {
        "stream_manager": {
            "source": {"connector": "kafka", "options": source},
            "sink": {"connector": "kafka", "options": sink},
            "error_sink": {"connector": "kafka", "options": {**kafka, "topic": job_topics.errors}},
        },
        "enrich": {key.removeprefix("enrich."): value for key, value in JOB.settings(wiki.url).items()},
        "flink": {"execution.checkpointing.interval": "1 s"},
    }
    path.write_text(yaml.safe_dump(settings))
    return path


@pytest.mark.timeout(900)
def test_job_is_submitted_to_a_cluster_stopped_with_a_savepoint_and_resumed_from_it(
    session_cluster: SessionCluster, wiki: RestartableWiki, kafka: KafkaBroker, topic: TopicFactory, tmp_path: Path
) -> None:
    """Jars are submitted with the job; a detached client exits, an attached one stays; each event is written once."""
    cluster = session_cluster
    job_topics = Topics(kafka, topic)
    configuration = write_configuration(tmp_path / "job.yaml", job_topics, wiki)
    job = ("run", JOB.name, "--runner", "flink", "--config", configuration)
    rest = FlinkRest(cluster.port)

    def wait_for(changes: list[Change]) -> None:
        wait_until(
            lambda: len(job_topics.outputs.changes()) >= len(changes),
            lambda: read_tail(cluster.folder / "taskmanager.log"),
        )
        assert Counter(job_topics.outputs.changes()) == Counter(changes)

    with job_topics.outputs:
        changes = job_topics.write(1)
        assert "Job has been submitted with JobID" in cluster.submit(job=job)
        wait_for(changes)
        wait_until(
            lambda: sum(rest.metrics("wikistate_events_consumed_total").values()) == PAGES,
            lambda: str(rest.metrics("wikistate_events_consumed_total")),
        )
        savepoint = rest.stop_with_savepoint()
        assert str(cluster.savepoints) in urlsplit(savepoint).path

        changes += job_topics.write(2)
        client = cluster.attach("-s", savepoint, job=job)
        wait_for(changes)
        assert cluster.get(f"{rest.job}/checkpoints")["latest"]["restored"]["external_path"] == savepoint
        assert client.is_running
        rest.stop_with_savepoint()
        wait_until(lambda: not client.is_running, lambda: read_tail(client.log))
        assert client.kill() == 0, read_tail(client.log)  # it has ended: this returns its exit code
        assert Counter(job_topics.outputs.changes()) == Counter(changes)
