"""What a test puts into topics and takes out of them, without any code of ours in between."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, NamedTuple

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from tests.e2e.commands import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wikistate.testing.broker import KafkaBroker

LARGE = str(50 * 1024 * 1024)


class Message(NamedTuple):
    """A record as a reader gets it. `timestamp` is in milliseconds since the epoch."""

    key: bytes | None
    value: bytes
    timestamp: int


def fill(kafka: KafkaBroker, topic: str, values: Sequence[bytes | None]) -> None:
    """Append records without keys to partition 0; None is a null."""
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers, "message.max.bytes": LARGE})
    for value in values:
        producer.produce(topic, value, partition=0)
    assert producer.flush(PATIENCE) == 0


def drain(kafka: KafkaBroker, topic: str) -> list[Message]:
    """All records of partition 0 that are there now."""
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap_servers, "group.id": "tests", "fetch.max.bytes": LARGE})
    try:
        _, end = consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=PATIENCE)
        consumer.assign([TopicPartition(topic, 0, 0)])
        messages: list[Message] = []
        while len(messages) < end:
            for message in consumer.consume(min(500, end - len(messages)), PATIENCE):
                assert message.error() is None
                messages.append(Message(message.key(), message.value() or b"", message.timestamp()[1]))
        return messages
    finally:
        consumer.close()


async def filled(kafka: KafkaBroker, *topics: str, count: int) -> None:
    """Return when these topics hold so many records together."""
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap_servers, "group.id": "tests"})
    try:
        deadline = time.monotonic() + PATIENCE
        while (found := await asyncio.to_thread(_held, consumer, topics)) < count:
            assert time.monotonic() < deadline, f"{found} of {count} records came"
            await asyncio.sleep(0.05)
    finally:
        consumer.close()


def _held(consumer: Consumer, topics: Sequence[str]) -> int:
    marks = [consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=PATIENCE) for topic in topics]
    return sum(high - low for low, high in marks)


def committed(kafka: KafkaBroker, group: str) -> dict[str, int]:
    """The offsets that a group has committed, by topic."""
    return _committed(AdminClient({"bootstrap.servers": kafka.bootstrap_servers}), group)


def _committed(admin: AdminClient, group: str) -> dict[str, int]:
    answer = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])[group].result(PATIENCE)
    return {part.topic: part.offset for part in answer.topic_partitions or ()}


async def all_committed(kafka: KafkaBroker, group: str, offsets: dict[str, int]) -> None:
    """Return when a group has committed exactly these offsets."""
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    deadline = time.monotonic() + PATIENCE
    while (found := await asyncio.to_thread(_committed, admin, group)) != offsets:
        assert time.monotonic() < deadline, f"{found} was committed in place of {offsets}"
        await asyncio.sleep(0.1)


def topic_names(kafka: KafkaBroker) -> set[str]:
    """The topics that there are, internal ones left out."""
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    try:
        names = admin.list_topics(timeout=PATIENCE).topics
    except KafkaException as error:
        raise AssertionError(error) from error
    return {name for name in names if not name.startswith("__")}
