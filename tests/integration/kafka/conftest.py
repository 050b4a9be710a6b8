"""Shared parts of the tests against a real broker: writing, reading, and sources that are closed in any case."""

from __future__ import annotations

import asyncio
import uuid
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from wikistate.adapters.connectors.kafka.settings import KafkaSourceSettings
from wikistate.adapters.connectors.kafka.source import KafkaSource
from wikistate.adapters.connectors.start_stop import Bound, Committed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from collections.abc import Set as AbstractSet

    from tests.support.broker import KafkaBroker

    from wikistate.adapters.connectors.start_stop import End, Start
    from wikistate.streaming.ports import OnRevoked
    from wikistate.streaming.record import Partition, Record

EARLIEST = Committed(Bound.EARLIEST)


class KafkaCluster:
    """A broker with clients that are independent of wikistate."""

    def __init__(self, broker: KafkaBroker) -> None:
        self.broker = broker
        self.servers = broker.bootstrap_servers

    def produce(self, topic: str, values: Sequence[bytes], *, partition: int = 0, timestamp: int = 0) -> None:
        """Write records and wait for the acknowledgement."""
        producer = Producer({"bootstrap.servers": self.servers, "linger.ms": 0, "message.max.bytes": 50_000_000})
        for value in values:
            producer.produce(topic, value, partition=partition, timestamp=timestamp)
        assert producer.flush(60) == 0

    def read(self, topic: str, *, isolation: str = "read_committed", partition: int = 0) -> list[tuple[bytes, bytes]]:
        """Return key and value of each record that a consumer of this isolation sees in a partition now."""
        consumer = Consumer(
            {
                "bootstrap.servers": self.servers,
                "group.id": "reader",
                "isolation.level": isolation,
                "enable.partition.eof": True,
                "fetch.wait.max.ms": 10,
            }
        )
        consumer.assign([TopicPartition(topic, partition, 0)])
        seen: list[tuple[bytes, bytes]] = []
        while (message := consumer.poll(30)) is not None and message.error() is None:
            seen.append((message.key() or b"", message.value() or b""))
        consumer.close()
        return seen

    def committed(self, group: str, topic: str, partition: int = 0) -> int:
        """Return the offset that a group has committed; negative without a commit."""
        consumer = Consumer({"bootstrap.servers": self.servers, "group.id": group})
        offset = consumer.committed([TopicPartition(topic, partition)], 30)[0].offset
        consumer.close()
        return offset

    def settings(
        self, *topics: str, group: str = "", start: Start = EARLIEST, end: End | None = None, **properties: object
    ) -> KafkaSourceSettings:
        """Return settings of a source; the names of properties have ``_`` for ``.``."""
        named = {name.replace("_", "."): value for name, value in properties.items()}
        return KafkaSourceSettings(
            self.servers,
            topics,
            group or uuid.uuid4().hex,
            start=start,
            end=end,
            properties={"fetch.wait.max.ms": 50, **named},
            open_timeout=60.0,
        )


@pytest.fixture
def cluster(kafka: KafkaBroker) -> KafkaCluster:
    """The session's broker."""
    return KafkaCluster(kafka)


async def fail_on_revocation(partitions: AbstractSet[Partition]) -> None:
    """Fail, because no other member is in the group."""
    raise AssertionError(partitions)


@asynccontextmanager
async def open_source(
    settings: KafkaSourceSettings, revoked: OnRevoked = fail_on_revocation
) -> AsyncIterator[KafkaSource]:
    """Open a source, and close it at the end."""
    source = KafkaSource(settings)
    try:
        await source.open(revoked)
        yield source
    finally:
        await source.close()


async def read_records(source: KafkaSource, count: int) -> list[Record]:
    """Read so many records."""
    records: list[Record] = []
    async with asyncio.timeout(90):
        while len(records) < count:
            records += await source.poll(count - len(records), 1.0) or []
    return records


async def read_to_end(source: KafkaSource) -> list[Record]:
    """Read all records up to the end of a bounded source."""
    records: list[Record] = []
    async with asyncio.timeout(90):
        while (batch := await source.poll(500, 1.0)) is not None:
            records += batch
    return records


def record_values(records: Sequence[Record]) -> list[bytes | None]:
    """Return the values alone."""
    return [record.value for record in records]
