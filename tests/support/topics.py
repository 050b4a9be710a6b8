"""Kafka as tests see it from outside: what is written to a topic, what stands in it, what is committed."""

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
"""Seconds for anything that a broker does: the machine may be busy with other tests."""

MAX_RECORD_BYTES = 100_000_000
"""Bytes of a record that these clients take."""


class RecordPosition(NamedTuple):
    """Where a record stands in a topic."""

    partition: int
    offset: int


class TopicRecord(NamedTuple):
    """A record of a topic. `timestamp` is in milliseconds since the epoch."""

    position: RecordPosition
    key: bytes | None
    value: bytes | None
    topic: str
    timestamp: int


def produce(
    broker: KafkaBroker, topic: str, records: Sequence[tuple[bytes | None, bytes | None]], *, timestamp: int = 0
) -> list[RecordPosition]:
    """Write records, keys first, in this order, and return where each of them stands.

    Args:
        broker: Where the topic is.
        topic: Its name.
        records: Keys and values; a value of None is a tombstone.
        timestamp: Of all of them, in milliseconds since the epoch; 0 stands for now.
    """
    places: dict[int, RecordPosition] = {}
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

        def note(error: KafkaError | None, message: object, number: int = number) -> None:
            assert error is None, error
            places[number] = RecordPosition(message.partition(), message.offset())  # type: ignore[attr-defined]  # a Message

        producer.produce(topic, value, key, on_delivery=note, timestamp=timestamp)
        producer.poll(0)
    assert producer.flush(TIMEOUT) == 0
    return [places[number] for number in range(len(records))]


def read_topic(broker: KafkaBroker, topic: str, *, isolation: str = "read_committed") -> list[TopicRecord]:
    """All records of a topic, each partition in its order."""
    consumer = _make_consumer(broker, isolation)
    try:
        numbers = _list_partitions(consumer, topic)
        consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in numbers])
        return sorted(_read_to_ends(consumer, set(numbers)))
    finally:
        consumer.close()


def count_records(broker: KafkaBroker, *topics: str) -> int:
    """How far these topics have come, all partitions together; records of open transactions included."""
    consumer = _make_consumer(broker, "read_uncommitted")
    try:
        return sum(end.offset for end in _fetch_ends(consumer, topics))
    finally:
        consumer.close()


def committed_offsets(broker: KafkaBroker, group: str, topic: str) -> dict[int, int]:
    """Up to which offset a group has committed each partition; 0 where it has not."""
    consumer = _make_consumer(broker, "read_committed", group=group)
    try:
        asked = [TopicPartition(topic, number) for number in _list_partitions(consumer, topic)]
        return {part.partition: max(0, part.offset) for part in _fetch_committed(consumer, asked)}
    finally:
        consumer.close()


def end_offsets(broker: KafkaBroker, topic: str) -> dict[int, int]:
    """The offset behind the last record of each partition."""
    consumer = _make_consumer(broker, "read_uncommitted")
    try:
        return {end.partition: end.offset for end in _fetch_ends(consumer, [topic])}
    finally:
        consumer.close()


class TopicReader:
    """Reads topics from where they end now, and keeps what it has read, each partition in its order.

    ::

        with Reader(broker, "sink", "errors") as reader:
            ...
            assert len(reader.poll()) == 3

    Args:
        broker: Where the topics are.
        topics: Their names.
        isolation: What becomes of transactions: ``read_committed`` or ``read_uncommitted``.
    """

    def __init__(self, broker: KafkaBroker, *topics: str, isolation: str = "read_committed") -> None:
        looks_on = _make_consumer(broker, "read_uncommitted")
        starts = _fetch_ends(looks_on, topics)
        looks_on.close()
        self._found: list[TopicRecord] = []
        self._consumer = _make_consumer(broker, isolation)
        self._consumer.assign(starts)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._consumer.close()

    def poll(self) -> list[TopicRecord]:
        """All that was read so far. A broker that does not answer is waited for by whoever calls again."""
        for message in self._consumer.consume(500, 0.1):
            error = message.error()
            if error is None:
                self._found.append(_make_record(message))
            else:
                assert error.code() == PARTITION_EOF or is_transient(error), error
        return self._found


def _make_consumer(broker: KafkaBroker, isolation: str, *, group: str = "looks-on") -> Consumer:
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
    give_up = time.monotonic() + TIMEOUT
    while True:
        try:
            return consumer.committed(asked, timeout=TIMEOUT)
        except KafkaException as error:
            # The group's coordinator is being made, or moves; or a transaction with offsets is just ending.
            if time.monotonic() > give_up or not (_is_coordinator_moving(error.args[0]) or error.args[0].retriable()):
                raise
        time.sleep(0.05)


def _is_coordinator_moving(error: KafkaError) -> bool:
    return error.code() in {KafkaError.NOT_COORDINATOR, KafkaError.COORDINATOR_NOT_AVAILABLE}


def _list_partitions(consumer: Consumer, topic: str) -> list[int]:
    return sorted(consumer.list_topics(topic, timeout=TIMEOUT).topics[topic].partitions)


def _fetch_ends(consumer: Consumer, topics: Iterable[str]) -> list[TopicPartition]:
    places = [TopicPartition(topic, number) for topic in topics for number in _list_partitions(consumer, topic)]
    for place in places:
        place.offset = consumer.get_watermark_offsets(place, timeout=TIMEOUT)[1]
    return places


def _read_to_ends(consumer: Consumer, left: set[int]) -> Iterable[TopicRecord]:
    give_up = time.monotonic() + TIMEOUT
    while left:
        assert time.monotonic() < give_up, f"the end of the partitions {left} was not reached"
        for message in consumer.consume(500, 0.1):
            if (error := message.error()) is None:
                yield _make_record(message)
            else:
                assert error.code() == PARTITION_EOF, error
                left.discard(message.partition())


def _make_record(message: Message) -> TopicRecord:
    # A consumed message always has a place; only one that was not delivered yet has none.
    place = RecordPosition(message.partition() or 0, message.offset() or 0)
    return TopicRecord(place, message.key(), message.value(), message.topic() or "", message.timestamp()[1])
