"""The broker of the tests: a real one that restarts on its port and reports its errors."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from confluent_kafka import Consumer, KafkaError, Producer
from confluent_kafka.admin import AdminClient
from tests.support.broker import KafkaBroker

from wikistate.errors import PartError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import TopicFactory


def _produce(broker: KafkaBroker, topic: str, value: bytes) -> KafkaError | None:
    """Produce one record and return its error."""
    errors: list[KafkaError | None] = []
    producer = Producer(
        {
            "bootstrap.servers": broker.bootstrap_servers,
            "message.max.bytes": 50_000_000,
            "message.timeout.ms": 30_000,
            "topic.metadata.propagation.max.ms": 500,
            "log_level": 0,
        }
    )
    producer.produce(topic, value, key=b"k", on_delivery=lambda error, _: errors.append(error))
    assert producer.flush(60) == 0
    (error,) = errors
    return error


def _consume(broker: KafkaBroker, topic: str) -> bytes | None:
    """Return the value of the topic's first record."""
    settings = {"bootstrap.servers": broker.bootstrap_servers, "group.id": topic, "auto.offset.reset": "earliest"}
    consumer = Consumer({**settings, "log_level": 0})
    try:
        consumer.subscribe([topic])
        message = consumer.poll(60)
        assert message is not None
        assert message.error() is None
        return message.value()
    finally:
        consumer.close()


def test_record_of_20_mb_passes(kafka: KafkaBroker, topic: TopicFactory) -> None:
    """The broker's limits are far above the largest event, so that only the limits of the clients apply in tests."""
    name, value = topic(), b"x" * 20_000_000
    assert _produce(kafka, name, value) is None
    assert _consume(kafka, name) == value


def test_each_call_creates_a_new_topic_with_the_given_settings(kafka: KafkaBroker, topic: TopicFactory) -> None:
    """Two topics of one test differ, and have the given numbers of partitions."""
    first, second = topic(), topic(partitions=3)
    assert first != second
    topics = AdminClient({"bootstrap.servers": kafka.bootstrap_servers}).list_topics(timeout=30).topics
    assert [len(topics[name].partitions) for name in (first, second)] == [1, 3]


def test_broker_creates_no_topic_automatically(kafka: KafkaBroker) -> None:
    """A misspelt topic is an error and not a new topic."""
    error = _produce(kafka, "never-created", b"v")
    assert error is not None
    assert error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART


def test_existing_topic_is_rejected(kafka: KafkaBroker, topic: TopicFactory) -> None:
    """The message names the topic."""
    name = topic()
    with pytest.raises(PartError, match=f"The topic '{name}' cannot be created: .*already exists"):
        kafka.create_topic(name)


def test_kcat_reads_the_produced_record(kafka: KafkaBroker, topic: TopicFactory, kcat: str) -> None:
    """An independent client agrees about key and value."""
    name = topic()
    assert _produce(kafka, name, b"value") is None
    command = [kcat, "-C", "-e", "-q", "-b", kafka.bootstrap_servers, "-t", name, "-f", "%k=%s"]
    assert subprocess.run(command, capture_output=True, check=True).stdout == b"k=value"


@pytest.mark.usefixtures("kafka")  # skipped where the shared broker is
def test_killed_broker_comes_back_with_its_port_and_records(tmp_path: Path) -> None:
    """After kill, start, stop and start, clients find the broker at its address with all acknowledged records."""
    with KafkaBroker(tmp_path / "kafka") as broker:
        address = broker.bootstrap_servers
        broker.create_topic("kept")
        assert _produce(broker, "kept", b"acknowledged") is None
        broker.kill()
        assert not broker.is_running
        broker.start()
        assert broker.bootstrap_servers == address
        assert _consume(broker, "kept") == b"acknowledged"
    assert not broker.is_running


@pytest.mark.usefixtures("kafka")
def test_broker_that_cannot_start_shows_its_log(tmp_path: Path) -> None:
    """The error itself shows a wrong setting."""
    broker = KafkaBroker(tmp_path / "kafka", settings={"node.id": "not-a-number"})
    with pytest.raises(PartError, match=r"(?s)could not prepare.*not-a-number"):
        broker.start()
    assert not broker.is_running
