"""The example for YARN: a real YARN with HDFS, a Kerberos realm, and a broker whose clients log in by Kerberos."""

from __future__ import annotations

import os
import subprocess
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from tests.contract.runner.jobs import JOBS, WIKI, Change
from tests.contract.runner.outputs import Outputs
from tests.contract.runner.restartable_wiki import RestartableWiki
from tests.contract.runner.runs import wait_until
from tests.support import topics
from tests.support.processes import read_tail

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.kdc import KerberosRealm
    from tests.support.kerberos_broker import KerberosKafkaBroker
    from tests.support.yarn import YarnCluster

pytestmark = [pytest.mark.fault, pytest.mark.long, pytest.mark.timeout(1200)]

(JOB,) = JOBS
EXAMPLE = Path(__file__).parents[2] / "examples" / "yarn"
SOURCE, SINK, ERRORS = (
    "mediawiki.page_change.v1",
    "mediawiki.page_content_change.v1",
    "mediawiki.page_content_change.v1.error",
)
PAGES = 5
TIMEOUT = 180.0
"""Seconds that a step of the script may take."""


@pytest.fixture
def wiki() -> Iterator[RestartableWiki]:
    """Wiki of the job's requests."""
    with RestartableWiki() as wiki:
        yield wiki


class Deployment:
    """The files of the example with the addresses of the test, its script, and the content of its topics."""

    def __init__(
        self,
        broker: KerberosKafkaBroker,
        realm: KerberosRealm,
        yarn: YarnCluster,
        python: Path,
        wiki: str,
        folder: Path,
    ) -> None:
        for topic in (SOURCE, SINK, ERRORS):
            broker.create_topic(topic)
        self._broker = broker
        self._yarn = yarn
        self._log = folder / "script.log"
        self.outputs = Outputs(broker, sink=SINK, errors=ERRORS, recognise=JOB.recognise, isolation="read_committed")
        self.changes: list[Change] = []
        configuration = folder / "page-content-change.yaml"
        configuration.write_text(yaml.safe_dump(adapt_settings(broker.kerberos_servers, wiki)))
        self._environment = {
            **os.environ,
            **yarn.environment,
            "FLINK_LOG_DIR": str(folder),
            "JVM_ARGS": f"-Djava.io.tmpdir={folder}",  # a session leaves its id there for later commands
            "WIKISTATE_VENV": str(python.parents[1]),
            "WIKISTATE_CONFIG": str(configuration),
            "WIKISTATE_SHIPPED": str(folder / "shipped"),
            "KERBEROS_KEYTAB": str(realm.add_principal("enricher")),
            "KERBEROS_PRINCIPAL": "enricher",
            "KERBEROS_CONFIG": str(realm.settings),
        }

    def run(self, *words: str) -> str:
        """Run a step of the script, and return its result."""
        done = self._run(*words)
        assert done.returncode == 0, (
            f"{words}: {done.stdout}\n{read_tail(self._log)}\n{self._yarn.read_container_logs()}"
        )
        return done.stdout.strip()

    def wait_for_logs(self, application: str) -> str:
        """Wait until YARN has collected the logs of an application that has ended, and return them."""
        found: list[str] = []

        def look() -> bool:
            done = self._run("logs", application)
            found.append(done.stdout)
            return done.returncode == 0 and "taskmanager.log" in done.stdout

        wait_until(look, lambda: read_tail(self._log))
        return found[-1]

    def _run(self, *words: str) -> subprocess.CompletedProcess[str]:
        with self._log.open("a") as log:
            return subprocess.run(
                ["bash", EXAMPLE / "job.sh", *words],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                timeout=TIMEOUT,
                check=False,
            )

    def write(self, number: int) -> None:
        """Write one change of each page."""
        written = [Change(page, number) for page in range(1, PAGES + 1)]
        self.changes += written
        topics.produce(self._broker, SOURCE, [(JOB.key(each.page), JOB.record(each)) for each in written])

    def wait_for_outputs(self) -> None:
        """Wait until each change is enriched, and assert that none is enriched twice."""
        wait_until(lambda: len(self.outputs.changes()) >= len(self.changes), self._yarn.read_container_logs)
        assert Counter(self.outputs.changes()) == Counter(self.changes)

    def wait_for_committed_offsets(self) -> None:
        """Wait until the group of the job has committed the end of its topic."""
        ends = topics.end_offsets(self._broker, SOURCE)
        wait_until(
            lambda: topics.committed_offsets(self._broker, "page-content-change", SOURCE) == ends,
            self._yarn.read_container_logs,
        )


def adapt_settings(servers: str, wiki: str) -> dict[str, Any]:
    """Return the settings of the example with the addresses of the test."""
    settings: dict[str, Any] = yaml.safe_load((EXAMPLE / "page-content-change.yaml").read_text())
    manager = settings["stream_manager"]
    for section in ("source", "sink"):
        manager[section]["options"]["bootstrap_servers"] = servers
    (origin,) = manager["http_client_routes"]
    assert origin == f"https://{WIKI.domain}"
    manager["http_client_routes"] = {origin: wiki}
    settings["flink"]["execution.checkpointing.interval"] = "1 s"
    return settings


def test_job_on_yarn_runs_stops_and_resumes(
    kerberos_kafka: KerberosKafkaBroker,
    realm: KerberosRealm,
    yarn: YarnCluster,
    flink_python: Path,
    wiki: RestartableWiki,
    tmp_path: Path,
) -> None:
    """In a session, then from a checkpoint in HDFS as an application, then from the committed offsets."""
    job = Deployment(kerberos_kafka, realm, yarn, flink_python, wiki.url, tmp_path)
    with job.outputs:
        job.run("pack")

        session = job.run("session")
        job.run("submit", session)
        job.write(1)
        job.wait_for_outputs()
        job.run("end", session)
        checkpoint = job.run("latest")
        assert "/wikistate/page-content-change/checkpoints/" in checkpoint

        job.write(2)
        application = job.run("start", checkpoint)
        job.wait_for_outputs()
        job.wait_for_committed_offsets()
        savepoint = job.run("stop", application)
        assert savepoint.startswith(f"{yarn.file_system}/wikistate/page-content-change/savepoints/")

        job.write(3)
        application = job.run("start")
        job.wait_for_outputs()
        job.run("end", application)
        logs = job.wait_for_logs(application)
        assert "topic_limit_unknown" in logs
        assert "first_failure" not in logs
        assert not job.outputs.error_events_without_change()
    assert "enricher@WIKISTATE.TEST for kafka/localhost@WIKISTATE.TEST" in realm.read_log()
