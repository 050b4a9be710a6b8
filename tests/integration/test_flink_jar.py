"""The bridge between the JVM and Python: the jar is its sources, and nothing of a record gets lost on the way."""

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


_PATIENCE = 240  # seconds; 20 are usual


class Told(NamedTuple):
    """What the job wrote: the messages of the topic, the documents of the files; and when it ran."""

    messages: list[Message]
    documents: list[dict[str, Any]]
    source_topic: str
    source_file: Path
    began: float
    ended: float


def test_the_jar_is_what_its_sources_compile_to(flink_python: Path) -> None:
    """Byte by byte. After a change of jvm/src: `make bridge`."""
    assert build(flink_python.parents[1]) == BRIDGE_JAR.read_bytes()


@pytest.fixture(scope="module")
def told(kafka: KafkaBroker, flink_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Told:
    """The job's whole output: one start of Flink for all tests."""
    folder = tmp_path_factory.mktemp("bridge")
    (folder / "in.ndjson").write_bytes(LINES)
    source, sink = (kafka.create_topic(f"bridge.{name}.{folder.name}") for name in ("in", "out"))
    _produce(kafka, source)
    given = {
        "jars": [jar.as_uri() for jar in fetch_flink_jars()],
        "bootstrap_servers": kafka.bootstrap_servers,
        "source_topic": source,
        "sink_topic": sink,
        "source_file": str(folder / "in.ndjson"),
        "sink_folder": str(folder / "out"),
        "max_record_bytes": MAX_RECORD_BYTES,
    }
    began = time.time()
    _run(flink_python, given, folder / "job.log")
    documents = [
        json.loads(line) for file in (folder / "out").rglob("part-*") for line in file.read_text().splitlines()
    ]
    return Told(list(_consume(kafka, sink)), documents, source, folder / "in.ndjson", began, time.time())


def _run(python: Path, given: dict[str, Any], log: Path) -> None:
    job = __file__.replace("test_flink_jar", "flink_bridge_job")
    command = [str(python), job, json.dumps(given)]
    environment = {**os.environ, "JAVA_HOME": str(java_home()), "FLINK_LOG_DIR": str(log.parent)}
    with log.open("wb") as output:
        # In a group of its own, because Flink's JVM and workers are processes, too.
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output, start_new_session=True)
        try:
            status = process.wait(_PATIENCE)
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
    """The committed messages of a topic, to its end."""
    settings = {"bootstrap.servers": kafka.bootstrap_servers, "group.id": topic, "auto.offset.reset": "earliest"}
    consumer = Consumer({**settings, "isolation.level": "read_committed"})
    try:
        consumer.subscribe([topic])
        for _ in RECORDS:
            message = consumer.poll(60)
            assert message is not None
            assert message.error() is None
            yield message
        assert consumer.poll(2) is None  # nothing is there twice
    finally:
        consumer.close()


def _sha256(value: bytes | None) -> str | None:
    return None if value is None else hashlib.sha256(value).hexdigest()


def test_a_kafka_record_arrives_whole(told: Told) -> None:
    """Value, key, timestamp, topic, partition and offset; a tombstone arrives, too, and an empty key is not no key."""
    assert [json.loads(message.value() or b"") for message in told.messages] == [
        {
            "sha256": _sha256(value),
            "key": None if key is None else key.hex(),
            "timestamp": timestamp,
            "place": [told.source_topic, 0, offset],
            "cut": 0,
        }
        for offset, (value, key, timestamp) in enumerate(RECORDS)
    ]


def test_an_output_is_written_with_its_own_key_and_time(told: Told) -> None:
    """One without a time gets the time of writing, and not that of the record it came from."""
    for message, (value, key, timestamp) in zip(told.messages, RECORDS, strict=True):
        kind, written = message.timestamp()
        assert message.key() == key
        assert kind == TIMESTAMP_CREATE_TIME
        if value is None:
            assert told.began <= written / 1000 <= told.ended
        else:
            assert written == timestamp


def test_the_lines_of_a_file_are_those_of_the_local_runner(told: Told) -> None:
    """The same values, numbers and cuts: empty lines, carriage returns, lines above the bound, an unended last one."""
    reader = LineReader(told.source_file, bound=MAX_RECORD_BYTES)
    reader.open()
    records = []
    while (chunk := reader.read(0)) is not None:
        records += chunk
    reader.close()
    assert [record.truncated_bytes for record in records] == [0, 0, 0, 0, 0, 250_000, 0, 0]
    assert told.documents == [
        {"sha256": _sha256(value), "key": key, "timestamp": timestamp, "place": [*partition, offset], "cut": cut}
        for value, key, timestamp, partition, offset, cut in records
    ]
