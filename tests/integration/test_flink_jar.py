"""The bridge between the JVM and Python: the jar matches its sources, and no part of a record is lost."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from confluent_kafka import TIMESTAMP_CREATE_TIME, Consumer, Producer
from jvm.build import build
from tests.support.java import java_home

from wikistate.adapters.connectors.files.reader import LineReader
from wikistate.ops.jars import BRIDGE_JAR, fetch_flink_jars

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from confluent_kafka import Message
    from tests.support.broker import KafkaBroker

MAX_RECORD_BYTES = 150_000
"""Above the 64 KiB that the bridge reads at a time."""

LINES = (
    b"first\n\n\xff\x00\r\n" + b"x" * 70_000 + b"\n" + b"y" * 150_000 + b"\n" + b"z" * 400_000 + b"\n\nlast, unended"
)

RECORDS: list[tuple[bytes | None, bytes | None, int]] = [
    (b"value", b"key", 1_000_000_000_123),
    (None, b"tombstone", 1_000_000_001_000),
    (b"no key", None, 1_000_000_002_000),
    (b"", b"", 1_000_000_003_000),
    (b"\xff\x00 not text", b"\x00\xfe", 1_700_000_000_000),
    (None, None, 1_700_000_001_000),
]
"""Value, key and timestamp."""


_JOB_TIMEOUT = 240  # seconds; 20 are usual


class BridgeOutput(NamedTuple):
    """Output of the job: the messages of the topic, the documents of the files, and the time of the run."""

    messages: list[Message]
    documents: list[dict[str, Any]]
    source_topic: str
    source_file: Path
    start_time: float
    end_time: float


def test_jar_is_compiled_from_its_sources(flink_python: Path) -> None:
    """The bytes are equal. After a change of jvm/src: `make bridge`."""
    assert build(flink_python.parents[1]) == BRIDGE_JAR.read_bytes()


@pytest.fixture(scope="module")
def bridge_output(kafka: KafkaBroker, flink_python: Path, tmp_path_factory: pytest.TempPathFactory) -> BridgeOutput:
    """Whole output of the job: one start of Flink for all tests."""
    folder = tmp_path_factory.mktemp("bridge")
    (folder / "in.ndjson").write_bytes(LINES)
    source, sink = (kafka.create_topic(f"bridge.{name}.{folder.name}") for name in ("in", "out"))
    _produce(kafka, source)
    arguments = {
        "jars": [jar.as_uri() for jar in fetch_flink_jars()],
        "bootstrap_servers": kafka.bootstrap_servers,
        "source_topic": source,
        "sink_topic": sink,
        "source_file": str(folder / "in.ndjson"),
        "sink_folder": str(folder / "out"),
        "max_record_bytes": MAX_RECORD_BYTES,
    }
    start_time = time.time()
    _run(flink_python, arguments, folder / "job.log")
    documents = [
        json.loads(line) for file in (folder / "out").rglob("part-*") for line in file.read_text().splitlines()
    ]
    return BridgeOutput(list(_consume(kafka, sink)), documents, source, folder / "in.ndjson", start_time, time.time())


def _run(python: Path, arguments: dict[str, Any], log: Path) -> None:
    job = __file__.replace("test_flink_jar", "flink_bridge_job")
    command = [str(python), job, json.dumps(arguments)]
    environment = {**os.environ, "JAVA_HOME": str(java_home()), "FLINK_LOG_DIR": str(log.parent)}
    with log.open("wb") as output:
        # In a separate group, because Flink's JVM and workers are processes, too.
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output, start_new_session=True)
        try:
            status = process.wait(_JOB_TIMEOUT)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            status = process.wait()
    assert status == 0, log.read_text()[-5000:]


def _produce(kafka: KafkaBroker, topic: str) -> None:
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers})
    for value, key, timestamp in RECORDS:
        producer.produce(topic, value, key=key, timestamp=timestamp)
    assert producer.flush(60) == 0


def _consume(kafka: KafkaBroker, topic: str) -> Iterator[Message]:
    """Yield the committed messages of a topic, to its end."""
    settings = {"bootstrap.servers": kafka.bootstrap_servers, "group.id": topic, "auto.offset.reset": "earliest"}
    consumer = Consumer({**settings, "isolation.level": "read_committed"})
    try:
        consumer.subscribe([topic])
        for _ in RECORDS:
            message = consumer.poll(60)
            assert message is not None
            assert message.error() is None
            yield message
        assert consumer.poll(2) is None  # no message is repeated
    finally:
        consumer.close()


def _sha256(value: bytes | None) -> str | None:
    return None if value is None else hashlib.sha256(value).hexdigest()


def test_kafka_record_arrives_whole(bridge_output: BridgeOutput) -> None:
    """Value, key, timestamp, topic, partition and offset arrive; so do a tombstone and an empty key."""
    assert [json.loads(message.value() or b"") for message in bridge_output.messages] == [
        {
            "sha256": _sha256(value),
            "key": None if key is None else key.hex(),
            "timestamp": timestamp,
            "position": [bridge_output.source_topic, 0, offset],
            "cut": 0,
        }
        for offset, (value, key, timestamp) in enumerate(RECORDS)
    ]


def test_output_has_its_own_key_and_time(bridge_output: BridgeOutput) -> None:
    """An output without a time has the time of writing, and not that of its record."""
    for message, (value, key, timestamp) in zip(bridge_output.messages, RECORDS, strict=True):
        kind, timestamp_written = message.timestamp()
        assert message.key() == key
        assert kind == TIMESTAMP_CREATE_TIME
        if value is None:
            assert bridge_output.start_time <= timestamp_written / 1000 <= bridge_output.end_time
        else:
            assert timestamp_written == timestamp


def test_lines_of_a_file_equal_those_of_the_local_runner(bridge_output: BridgeOutput) -> None:
    """Values, numbers and cuts are equal for empty lines, carriage returns, too long lines, an unterminated last line."""
    reader = LineReader(bridge_output.source_file, bound=MAX_RECORD_BYTES)
    reader.open()
    records = []
    while (chunk := reader.read(0)) is not None:
        records += chunk
    reader.close()
    assert [record.truncated_bytes for record in records] == [0, 0, 0, 0, 0, 250_000, 0, 0]
    assert bridge_output.documents == [
        {"sha256": _sha256(value), "key": key, "timestamp": timestamp, "position": [*partition, offset], "cut": cut}
        for value, key, timestamp, partition, offset, cut, _ in records
    ]
