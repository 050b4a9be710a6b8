"""Access of tests to Kafka: produce records, read topics, and fetch offsets."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple, Self

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Producer, TopicPartition

from wikistate.adapters.connectors.kafka.errors import PARTITION_EOF, is_transient

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from confluent_kafka import Message
    from tests.support.broker import KafkaBroker

TIMEOUT = 120.0
"""Time limit of each operation of a broker in seconds: the machine may be busy with other tests."""

MAX_RECORD_BYTES = 100_000_000
"""Maximum size of a record for these clients, in bytes."""


class RecordPosition(NamedTuple):
    """Position of a record in a topic."""

    partition: int
    offset: int


class TopicRecord(NamedTuple):
    """Record of a topic. `timestamp` is in milliseconds since the epoch."""

    position: RecordPosition
    key: bytes | None
    value: bytes | None
    topic: str
    timestamp: int


def produce(
    broker: KafkaBroker, topic: str, records: Sequence[tuple[bytes | None, bytes | None]], *, timestamp: int = 0
) -> list[RecordPosition]:
    """Produce records in this order and return the position of each.

    Args:
        broker: Broker of the topic.
        topic: Name of the topic.
        records: Keys and values; a value of None is a tombstone.
        timestamp: Timestamp of all records, in milliseconds since the epoch; 0 means now.
    """
    positions: dict[int, RecordPosition] = {}
    producer = Producer(
        {
            "bootstrap.servers": broker.bootstrap_servers,
            "enable.idempotence": True,
            "partitioner": "murmur2_random",
            "message.max.bytes": MAX_RECORD_BYTES,
            "topic.metadata.propagation.max.ms": 500,
            "log_level": 0,
        }
    )
    for number, (key, value) in enumerate(records):

        def record_position(error: KafkaError | None, message: object, number: int = number) -> None:
            assert error is None, error
            positions[number] = RecordPosition(message.partition(), message.offset())  # type: ignore[attr-defined]  # a Message

        producer.produce(topic, value, key, on_delivery=record_position, timestamp=timestamp)
        producer.poll(0)
    assert producer.flush(TIMEOUT) == 0
    return [positions[number] for number in range(len(records))]


def read_topic(broker: KafkaBroker, topic: str, *, isolation: str = "read_committed") -> list[TopicRecord]:
    """Return all records of a topic, each partition in its order."""
    consumer = _make_consumer(broker, isolation)
    try:
        numbers = _list_partitions(consumer, topic)
        consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in numbers])
        return sorted(_read_to_ends(consumer, set(numbers)))
    finally:
        consumer.close()


def count_records(broker: KafkaBroker, *topics: str) -> int:
    """Return the sum of the end offsets of all partitions of these topics, including records of open transactions."""
    consumer = _make_consumer(broker, "read_uncommitted")
    try:
        return sum(end.offset for end in _fetch_ends(consumer, topics))
    finally:
        consumer.close()


def committed_offsets(broker: KafkaBroker, group: str, topic: str) -> dict[int, int]:
    """Return the committed offsets of a group by partition; 0 without a committed offset."""
    consumer = _make_consumer(broker, "read_committed", group=group)
    try:
        asked = [TopicPartition(topic, number) for number in _list_partitions(consumer, topic)]
        return {part.partition: max(0, part.offset) for part in _fetch_committed(consumer, asked)}
    finally:
        consumer.close()


def end_offsets(broker: KafkaBroker, topic: str) -> dict[int, int]:
    """Return the offset after the last record of each partition."""
    consumer = _make_consumer(broker, "read_uncommitted")
    try:
        return {end.partition: end.offset for end in _fetch_ends(consumer, [topic])}
    finally:
        consumer.close()


def stable_offsets(broker: KafkaBroker, topic: str) -> dict[int, int]:
    """Return the last stable offset of each partition: readers of committed records do not see records from there on."""
    consumer = _make_consumer(broker, "read_committed")
    try:
        return {end.partition: end.offset for end in _fetch_ends(consumer, [topic])}
    finally:
        consumer.close()


class TopicReader:
    """Reader of topics from their current end offsets. It keeps the records, each partition in its order.

    ::

        with TopicReader(broker, "sink", "errors") as reader:
            ...
            assert len(reader.poll()) == 3

    Args:
        broker: Broker of the topics.
        topics: Names of the topics.
        isolation: Isolation level: ``read_committed`` or ``read_uncommitted``.
    """

    def __init__(self, broker: KafkaBroker, *topics: str, isolation: str = "read_committed") -> None:
        observer = _make_consumer(broker, "read_uncommitted")
        starts = _fetch_ends(observer, topics)
        observer.close()
        self._found: list[TopicRecord] = []
        self._consumer = _make_consumer(broker, isolation)
        self._consumer.assign(starts)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._consumer.close()

    def poll(self) -> list[TopicRecord]:
        """Read and return all records so far. Transient errors are ignored; the next call retries."""
        for message in self._consumer.consume(500, 0.1):
            error = message.error()
            if error is None:
                self._found.append(_make_record(message))
            else:
                assert error.code() == PARTITION_EOF or is_transient(error), error
        return self._found


def _make_consumer(broker: KafkaBroker, isolation: str, *, group: str = "observer") -> Consumer:
    return Consumer(
        {
            "bootstrap.servers": broker.bootstrap_servers,
            "group.id": group,
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "isolation.level": isolation,
            "fetch.wait.max.ms": 50,
            "log_level": 0,
        }
    )


def _fetch_committed(consumer: Consumer, asked: list[TopicPartition]) -> list[TopicPartition]:
    deadline = time.monotonic() + TIMEOUT
    while True:
        try:
            return consumer.committed(asked, timeout=TIMEOUT)
        except KafkaException as error:
            # The coordinator of the group starts or moves, or a transaction with offsets is about to end.
            if time.monotonic() > deadline or not (_is_coordinator_moving(error.args[0]) or error.args[0].retriable()):
                raise
        time.sleep(0.05)


def _is_coordinator_moving(error: KafkaError) -> bool:
    return error.code() in {KafkaError.NOT_COORDINATOR, KafkaError.COORDINATOR_NOT_AVAILABLE}


def _list_partitions(consumer: Consumer, topic: str) -> list[int]:
    return sorted(consumer.list_topics(topic, timeout=TIMEOUT).topics[topic].partitions)


def _fetch_ends(consumer: Consumer, topics: Iterable[str]) -> list[TopicPartition]:
    ends = [TopicPartition(topic, number) for topic in topics for number in _list_partitions(consumer, topic)]
    for end in ends:
        end.offset = consumer.get_watermark_offsets(end, timeout=TIMEOUT)[1]
    return ends


def _read_to_ends(consumer: Consumer, left: set[int]) -> Iterable[TopicRecord]:
    deadline = time.monotonic() + TIMEOUT
    while left:
        assert time.monotonic() < deadline, f"the end of the partitions {left} was not reached"
        for message in consumer.consume(500, 0.1):
            if (error := message.error()) is None:
                yield _make_record(message)
            else:
                assert error.code() == PARTITION_EOF, error
                left.discard(message.partition())


def _make_record(message: Message) -> TopicRecord:
    # A consumed message always has a position; only an undelivered message does not have one.
    position = RecordPosition(message.partition() or 0, message.offset() or 0)
    return TopicRecord(position, message.key(), message.value(), message.topic() or "", message.timestamp()[1])
