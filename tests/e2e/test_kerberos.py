"""Kafka clients that log in by Kerberos: on Flink with a keytab and with the tickets of a user, and in one process."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import orjson
import pytest
import yaml
from tests.contract.runner.jobs import JOBS, Change
from tests.contract.runner.restartable_wiki import RestartableWiki
from tests.contract.runner.runs import Run
from tests.e2e.commands import run_wikistate
from tests.support import topics
from tests.support.java import fetch_complete_java
from tests.support.processes import read_tail

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.kdc import KerberosRealm
    from tests.support.kerberos_broker import KerberosKafkaBroker

(JOB,) = JOBS
USER = "enricher"
CHANGES = [Change(page, 1) for page in range(1, 6)]
GSSAPI = {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "GSSAPI"}


@pytest.fixture
def wiki() -> Iterator[RestartableWiki]:
    """Wiki of the job's requests."""
    with RestartableWiki() as wiki:
        yield wiki


def build_settings(broker: KerberosKafkaBroker, wiki: str) -> dict[str, Any]:
    """Return the settings of a job that reads a topic to its end. The source has properties of its own."""
    servers = {"bootstrap_servers": broker.kerberos_servers}
    source = {"topics": ["in"], "consumer_group": "in", "offsets_initializer": "earliest", "end": "latest"}
    return {
        "stream_manager": {
            "source": {"connector": "kafka", "options": {**servers, **source, "properties": {**GSSAPI}}},
            "sink": {"connector": "kafka", "options": {**servers, "topic": "out", "properties": {**GSSAPI}}},
            "error_sink": {"connector": "kafka", "options": {"topic": "errors"}},
        },
        "enrich": {"mediawiki_api_endpoint_template": f"{wiki}/w/api.php"},
    }


def test_job_on_flink_logs_in_with_a_keytab_and_with_tickets(
    flink_python: Path, kerberos_kafka: KerberosKafkaBroker, realm: KerberosRealm, wiki: RestartableWiki, tmp_path: Path
) -> None:
    """The properties of the source name a keytab; the sink uses the login of the JVM, by the options of Flink."""
    for topic in ("in", "out", "errors"):
        kerberos_kafka.create_topic(topic)
    topics.produce(kerberos_kafka, "in", [(JOB.key(each.page), JOB.record(each)) for each in CHANGES])
    keytab = realm.add_principal(USER)
    tickets = realm.log_in(USER, keytab)
    settings = build_settings(kerberos_kafka, wiki.url)
    settings["stream_manager"]["source"]["options"]["properties"] |= {
        "sasl.kerberos.keytab": str(keytab),
        "sasl.kerberos.principal": USER,
    }
    settings["flink"] = {
        "security.kerberos.krb5-conf.path": str(realm.settings),
    }
    file = tmp_path / "job.yaml"
    file.write_text(yaml.safe_dump(settings))
    log = tmp_path / "job.log"
    environment = {
        "XDG_STATE_HOME": str(tmp_path),
        "KRB5CCNAME": f"FILE:{tickets}",
        "JAVA_HOME": str(fetch_complete_java()),
    }
    command: list[str | Path] = [
        flink_python,
        "-m",
        "wikistate",
        "run",
        JOB.name,
        "--runner",
        "flink",
        "--no-progress",
        "--config",
        file,
    ]
    run = Run(command, log=log, environment=environment)
    try:
        assert run.wait() == 0, read_tail(log)
    finally:
        run.ensure_stopped()
    written = [JOB.recognise(record.value or b"") for record in topics.read_topic(kerberos_kafka, "out")]
    assert Counter(written) == Counter(CHANGES), read_tail(log)
    assert not topics.read_topic(kerberos_kafka, "errors")


async def test_job_in_one_process_names_the_ways_out(tmp_path: Path) -> None:
    """The Kafka client of the base install has no Kerberos."""
    properties = f"stream_manager.source.options.properties={orjson.dumps(GSSAPI).decode()}"
    words = ("run", JOB.name, "--source", "kafka://localhost:1/in", "--sink", tmp_path / "out.ndjson")
    result = await run_wikistate(*words, "--set", properties, folder=tmp_path)
    assert result.status == 2, result.err
    assert "asks for Kerberos (SASL mechanism GSSAPI)" in result.err
    assert "the Flink runner" in result.err
