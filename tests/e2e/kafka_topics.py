"""Records that a test writes into topics and reads from them, without code of wikistate in between."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, NamedTuple

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaError, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from tests.e2e.commands import TIMEOUT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.support.broker import KafkaBroker

LARGE = str(50 * 1024 * 1024)


class Message(NamedTuple):
    """A record as a consumer gets it. `timestamp` is in milliseconds since the epoch."""

    key: bytes | None
    value: bytes
    timestamp: int


def produce(kafka: KafkaBroker, topic: str, values: Sequence[bytes | None]) -> None:
    """Append records without keys to partition 0; None is a null."""
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers, "message.max.bytes": LARGE})
    for value in values:
        producer.produce(topic, value, partition=0)
    assert producer.flush(TIMEOUT) == 0


def read_all(kafka: KafkaBroker, topic: str) -> list[Message]:
    """Return all records of partition 0 that are committed now."""
    settings = {"bootstrap.servers": kafka.bootstrap_servers, "group.id": "tests", "enable.partition.eof": True}
    consumer = Consumer({**settings, "fetch.max.bytes": LARGE, "isolation.level": "read_committed"})
    try:
        consumer.assign([TopicPartition(topic, 0, 0)])
        return list(_until_end(consumer))
    finally:
        consumer.close()


def _until_end(consumer: Consumer) -> Iterator[Message]:
    while True:
        message = consumer.poll(TIMEOUT)
        assert message is not None, "the topic cannot be read"
        if (error := message.error()) is not None:
            assert error.code() == KafkaError._PARTITION_EOF, error
            return
        yield Message(message.key(), message.value() or b"", message.timestamp()[1])


async def wait_for_count(kafka: KafkaBroker, *topics: str, count: int) -> None:
    """Return when these topics hold so many records together."""
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap_servers, "group.id": "tests"})
    try:
        deadline = time.monotonic() + TIMEOUT
        while (found := await asyncio.to_thread(_count_records, consumer, topics)) < count:
            assert time.monotonic() < deadline, f"the topics hold {found} of {count} records"
            await asyncio.sleep(0.05)
    finally:
        consumer.close()


def _count_records(consumer: Consumer, topics: Sequence[str]) -> int:
    watermarks = [consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=TIMEOUT) for topic in topics]
    return sum(high - low for low, high in watermarks)


def committed_offsets(kafka: KafkaBroker, group: str) -> dict[str, int]:
    """Return the offsets that a group has committed, by topic."""
    return _fetch_committed(AdminClient({"bootstrap.servers": kafka.bootstrap_servers}), group)


def _fetch_committed(admin: AdminClient, group: str) -> dict[str, int]:
    response = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])[group].result(TIMEOUT)
    return {part.topic: part.offset for part in response.topic_partitions or ()}


async def wait_for_commits(kafka: KafkaBroker, group: str, offsets: dict[str, int]) -> None:
    """Return when a group has committed exactly these offsets."""
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    deadline = time.monotonic() + TIMEOUT
    while (found := await asyncio.to_thread(_fetch_committed, admin, group)) != offsets:
        assert time.monotonic() < deadline, f"{found} was committed instead of {offsets}"
        await asyncio.sleep(0.1)


def list_topics(kafka: KafkaBroker) -> set[str]:
    """Return the names of the existing topics, without internal ones."""
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    names = admin.list_topics(timeout=TIMEOUT).topics
    return {name for name in names if not name.startswith("__")}
