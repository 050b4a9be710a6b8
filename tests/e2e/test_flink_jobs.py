"""The life cycle of a job on a real Flink cluster, by the commands that an operator types."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING
from uuid import uuid4

import orjson
import pytest
import yaml
from tests.contract.runner.jobs import JOBS, NUMBERS, Change
from tests.e2e.kafka_topics import read_all
from tests.support import topics
from tests.support.processes import find_free_port, read_tail
from tests.support.s3_store import KEY_ID, SECRET_KEY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import TopicFactory
    from tests.e2e.flink_cluster import SessionCluster
    from tests.support.broker import KafkaBroker
    from tests.support.s3_store import S3StoreProcess

(CASE,) = JOBS
TIMEOUT = 400.0
"""Seconds for a command: the machine may be busy with other tests."""

ENRICH = """
import os

{begin}


async def enrich(event, context):
    return event | {{"comment": "{version}"}}
"""
FAILING = 'if "PYFLINK_GATEWAY_PORT" not in os.environ: raise RuntimeError("a defect of this version")'
"""Beginning of a version that the client loads and the workers do not."""
LATE_CHECKPOINT = "flink: {execution.checkpointing.interval: 5 s, execution.checkpointing.min-pause: 4 s}"
"""Settings with which a change reaches a worker before the first checkpoint: a worker loads the job with its first change."""


class Deployment:
    """The file of environments, the topics and the commands of the job.

    Args:
        cluster: The cluster, which is the environment eqiad.
        kafka: The broker.
        topic: Factory of topics.
        store: S3 store of the checkpoints and savepoints.
        folder: Folder for all files.
    """

    def __init__(
        self, cluster: SessionCluster, kafka: KafkaBroker, topic: TopicFactory, store: S3StoreProcess, folder: Path
    ) -> None:
        self._cluster, self._kafka, self._folder = cluster, kafka, folder
        self._source, self._sink = topic(), topic()
        self._expected: list[tuple[int, str]] = []
        bucket = f"labels-{uuid4().hex[:8]}"
        store.create_bucket(bucket)
        self.savepoints = f"s3://{bucket}/eqiad/savepoints/Labels"
        """Folder of the savepoints of the job."""
        self.foreign = f"s3://{bucket}/codfw/savepoints"
        """Folder of the savepoints of another environment."""
        cluster_address = {"bootstrap_servers": kafka.bootstrap_servers}
        source = {**cluster_address, "topics": [self._source], "offsets_initializer": "earliest"}
        settings = {
            "custom": {"enrich": "labelled:enrich"},
            "stream_manager": {
                "source": {"connector": "kafka", "options": {**source, "consumer_group": self._source}},
                "sink": {
                    "connector": "kafka",
                    "options": {**cluster_address, "topic": self._sink, "delivery_guarantee": "EXACTLY_ONCE"},
                },
                "error_sink": {"connector": "kafka", "options": {**cluster_address, "topic": topic()}},
            },
            "flink": {"execution.checkpointing.interval": "1 s"},
        }
        common = {"python": str(cluster.python), "poll_interval": 0.2, "start_failures": 0, "request_timeout": 5}
        text = {
            "environments": {
                name: {
                    **common,
                    "rest": f"http://127.0.0.1:{port}",
                    "savepoints": f"s3://{bucket}/{name}/savepoints",
                    "checkpoints": f"s3://{bucket}/{name}/checkpoints",
                    "s3": {"endpoint": store.endpoint},
                }
                for name, port in (("eqiad", cluster.port), ("codfw", find_free_port()))
            },
            "jobs": {
                "Labels": {"run": "custom", "settings": settings},
                "More labels": {"run": "custom", "settings": settings},
            },
        }
        self._file = folder / "flink-environments.yaml"
        self._file.write_text(yaml.safe_dump(text))

    def write_version(self, version: str, begin: str = "") -> Path:
        """Write the module of a version and return its path, which is the same for all versions."""
        path = self._folder / "labelled.py"
        path.write_text(ENRICH.format(version=version, begin=begin))
        return path

    def run(self, *words: str | Path, job: str = "Labels", env: str = "eqiad") -> subprocess.CompletedProcess[str]:
        """Run ``wikistate flink`` and return its result."""
        command = [sys.executable, "-m", "wikistate", "flink", "--env", env, "--environments", self._file, job, *words]
        return subprocess.run(
            command,
            env={
                **os.environ,
                "XDG_STATE_HOME": str(self._folder / "state"),
                "AWS_ACCESS_KEY_ID": KEY_ID,
                "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )

    def succeed(self, *words: str | Path) -> str:
        """Run a command that must succeed, and return its only line of standard output."""
        done = self.run(*words)
        assert done.returncode == 0, f"{done.stderr}\n{read_tail(self._cluster.folder / 'taskmanager.log')}"
        (line,) = done.stdout.splitlines()
        return line

    def fail(self, code: int, *words: str | Path, job: str = "Labels", env: str = "eqiad") -> str:
        """Run a command that must fail with an exit code and without standard output, and return its message."""
        done = self.run(*words, job=job, env=env)
        assert (done.returncode, done.stdout) == (code, ""), done.stderr
        assert "Traceback" not in done.stderr
        return done.stderr

    def send(self, version: str) -> None:
        """Write a change, which this version is expected to write."""
        self._expected.append((len(self._expected) + 1, version))
        change = Change(1, len(self._expected))
        topics.produce(self._kafka, self._source, [(CASE.key(change.page), CASE.record(change))])

    @contextmanager
    def sending(self, version: str) -> Iterator[None]:
        """Write changes as long as the block runs, which this version is expected to write."""
        done = threading.Event()

        def send_until_done() -> None:
            while not done.wait(0.2):
                self.send(version)

        thread = threading.Thread(target=send_until_done)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def wait_for_all(self) -> None:
        """Wait until each change was written, and assert that it was written once by the expected version."""
        deadline = time.monotonic() + TIMEOUT
        while len(found := self._read()) < len(self._expected) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert found == self._expected, read_tail(self._cluster.folder / "taskmanager.log")

    def _read(self) -> list[tuple[int, str]]:
        """Return the number and the version of each event that is committed."""
        events = [orjson.loads(each.value) for each in read_all(self._kafka, self._sink)]
        return sorted((each["revision"]["rev_id"] % NUMBERS, each["comment"]) for each in events)


@pytest.fixture
def deployment(
    session_cluster: SessionCluster, kafka: KafkaBroker, topic: TopicFactory, s3_store: S3StoreProcess, tmp_path: Path
) -> Deployment:
    """The job in two environments; the cluster of codfw does not run."""
    return Deployment(session_cluster, kafka, topic, s3_store, tmp_path)


@pytest.mark.fault
@pytest.mark.long
@pytest.mark.timeout(1800)
def test_job_is_deployed_saved_redeployed_rolled_back_stopped_and_recovered(
    deployment: Deployment, session_cluster: SessionCluster, tmp_path: Path
) -> None:
    """Each change is written once, by the version that runs at its time; each mistake has its message and exit code.

    At the end the cluster is killed, and the job recovers on a new one.
    """
    succeed, fail = deployment.succeed, deployment.fail

    assert "does not answer" in fail(20, "deploy", env="codfw")
    assert "not-there/_metadata" in fail(21, "deploy", "--initial-state", "not-there")

    first = succeed("deploy", "--jar", deployment.write_version("one"))
    deployment.send("one")
    deployment.wait_for_all()
    assert f"{first} is RUNNING" in fail(23, "deploy")
    assert "has 0 free slots" in fail(26, "deploy", job="More labels")
    assert "environment codfw" in fail(22, "save", "--savepoint", deployment.foreign)
    assert "savepoint of the job" in fail(27, "save", "--savepoint", "file:///dev/null/savepoints")
    assert succeed("save").startswith(f"{deployment.savepoints}/savepoint-")

    second = succeed("redeploy", "--jar", deployment.write_version("two"))
    deployment.send("two")
    deployment.wait_for_all()

    (options := tmp_path / "options.yaml").write_text(LATE_CHECKPOINT)
    third = ("--jar", deployment.write_version("three", FAILING), "--options-file", options)
    with deployment.sending("two"):
        assert "a defect of this version" in fail(28, "redeploy", *third)
    deployment.wait_for_all()
    status = deployment.run("status").stdout
    assert "state: RUNNING" in status
    assert second not in status

    stopped = succeed("stop")
    deployment.send("two")
    assert "does not run" in fail(24, "stop")
    recovered = succeed("recover", "--yes")
    deployment.wait_for_all()
    latest = session_cluster.get(f"/jobs/{recovered}/checkpoints")["latest"]
    assert latest["restored"]["external_path"] == stopped
    listed = deployment.run("list").stdout
    assert f"savepoint   {stopped}\n" in listed
    assert f"/checkpoints/Labels/{recovered}/chk-" in listed
    recover_after_a_crash(deployment, session_cluster, recovered)
    succeed("stop")


def recover_after_a_crash(deployment: Deployment, cluster: SessionCluster, job_id: str) -> None:
    """Kill the cluster, start a new one, which knows no job, and recover from the last checkpoint in the store."""
    cluster.kill()
    assert "does not answer" in deployment.fail(20, "recover", "--yes")
    cluster.start()
    recovered = deployment.succeed("recover", "--yes")
    restored = cluster.get(f"/jobs/{recovered}/checkpoints")["latest"]["restored"]["external_path"]
    assert f"/checkpoints/Labels/{job_id}/chk-" in restored
    deployment.send("two")
    deployment.wait_for_all()
