"""Exactly-once against a real broker: outputs and offsets become visible together or not at all."""

from __future__ import annotations

import asyncio
import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from tests.integration.kafka.conftest import KafkaCluster, open_source, read_records

from wikistate.adapters.connectors.kafka.producer import KafkaProducer
from wikistate.adapters.connectors.kafka.settings import KafkaProducerSettings, build_transactional_id
from wikistate.adapters.connectors.kafka.sink import KafkaSink
from wikistate.adapters.connectors.kafka.transactions import KafkaTransactions
from wikistate.errors import SinkError
from wikistate.streaming.record import Output, Partition, Role

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from collections.abc import Set as AbstractSet

    from tests.conftest import TopicFactory


@asynccontextmanager
async def open_transactions(
    cluster: KafkaCluster, topic: str, identity: str
) -> AsyncIterator[tuple[KafkaTransactions, KafkaSink]]:
    """Open transactions and a sink within them."""
    producer = KafkaProducer(
        KafkaProducerSettings(cluster.servers, transactional_id=build_transactional_id(identity, "0"))
    )
    transactions, sink = KafkaTransactions(producer), KafkaSink(topic, producer)
    try:
        await transactions.open()
        await sink.open()
        yield transactions, sink
    finally:
        await transactions.close()
        await transactions.close()
        await sink.close()


def make_outputs(*values: bytes) -> list[Output]:
    """Return outputs with these values."""
    return [Output(Role.SINK, b"k", value, 1_700_000_000_000) for value in values]


def read_values(cluster: KafkaCluster, topic: str, isolation: str = "read_committed") -> list[bytes]:
    """Return the values that a consumer sees now."""
    return [value for _, value in cluster.read(topic, isolation=isolation)]


async def wait_for_values(cluster: KafkaCluster, topic: str, *values: bytes) -> bool:
    """Wait until a consumer of committed records sees these values, and return True.

    The coordinator acknowledges a commit after its decision; the markers in the partitions follow.
    """
    async with asyncio.timeout(30):
        while (found := await asyncio.to_thread(read_values, cluster, topic)) != list(values):
            assert found == list(values)[: len(found)]
    return True


async def test_outputs_and_offsets_are_committed_together(cluster: KafkaCluster, topic: TopicFactory) -> None:
    """Before the commit a consumer of committed records sees nothing, and the offset of the group is unchanged."""
    source_topic, sink_topic = topic(), topic()
    cluster.produce(source_topic, [b"a", b"b", b"c"])
    async with (
        open_source(cluster.settings(source_topic, group=source_topic)) as source,
        open_transactions(cluster, sink_topic, source_topic) as (transactions, sink),
    ):
        await read_records(source, 3)
        await transactions.begin()
        await sink.write(make_outputs(b"A", b"B"))
        await sink.flush()
        assert read_values(cluster, sink_topic) == []
        assert read_values(cluster, sink_topic, "read_uncommitted") == [b"A", b"B"]
        await transactions.commit({Partition(source_topic): 2}, await source.group_metadata())
        assert await wait_for_values(cluster, sink_topic, b"A", b"B")
        assert cluster.committed(source_topic, source_topic) == 2

        await transactions.begin()
        await sink.write(make_outputs(b"C"))
        await transactions.commit({Partition(source_topic): 3}, await source.group_metadata())
        assert await wait_for_values(cluster, sink_topic, b"A", b"B", b"C")
        assert cluster.committed(source_topic, source_topic) == 3


async def test_aborted_transaction_is_not_visible(cluster: KafkaCluster, topic: TopicFactory) -> None:
    """Records since `begin` are invisible to consumers of committed records, and the next transaction is committed."""
    name = topic()
    async with open_transactions(cluster, name, name) as (transactions, sink):
        await transactions.begin()
        await sink.write(make_outputs(b"aborted"))
        await sink.flush()
        await transactions.abort()
        await transactions.abort()
        await transactions.begin()
        await sink.write(make_outputs(b"committed"))
        await transactions.commit({}, None)
    assert await wait_for_values(cluster, name, b"committed")
    assert read_values(cluster, name, "read_uncommitted") == [b"aborted", b"committed"]


async def test_close_aborts_an_open_transaction(cluster: KafkaCluster, topic: TopicFactory) -> None:
    """A job that ends between two commits leaves no open transaction behind, and delays no consumer."""
    name = topic()
    async with open_transactions(cluster, name, name) as (transactions, sink):
        await transactions.begin()
        await sink.write(make_outputs(b"unfinished"))
    cluster.produce(name, [b"after"])
    assert await wait_for_values(cluster, name, b"after")


async def test_transaction_is_committed_while_its_partition_is_revoked(
    cluster: KafkaCluster, topic: TopicFactory
) -> None:
    """The member that loses a partition commits outputs and offset first; the next one starts right behind."""
    source_topic, sink_topic = topic(2), topic()
    for partition in range(2):
        cluster.produce(source_topic, [b"old"], partition=partition)
    settings = cluster.settings(source_topic, group=source_topic)
    moved: set[Partition] = set()

    async def commit(partitions: AbstractSet[Partition]) -> None:
        await transactions.commit(dict.fromkeys(partitions, 1), await first.group_metadata())
        moved.update(partitions)

    async def poll_first() -> None:
        while True:
            await first.poll(10, 0.2)

    async with (
        open_transactions(cluster, sink_topic, source_topic) as (transactions, sink),
        open_source(settings, commit) as first,
    ):
        await read_records(first, 2)
        await transactions.begin()
        await sink.write(make_outputs(b"of both"))
        async with open_source(settings) as second:
            polling = asyncio.create_task(poll_first())
            async with asyncio.timeout(60):
                while not moved:
                    assert await second.poll(10, 0.2) == []
            assert await wait_for_values(cluster, sink_topic, b"of both")
            (revoked,) = moved
            cluster.produce(source_topic, [b"new"], partition=revoked.number)
            assert [(record.value, record.offset) for record in await read_records(second, 1)] == [(b"new", 1)]
            polling.cancel()


async def test_newer_producer_fences_an_older_one(cluster: KafkaCluster, topic: TopicFactory) -> None:
    """Two processes have one transactional id: the later one works, and the error of the earlier one has the reason."""
    name = topic()
    async with open_transactions(cluster, name, name) as (first, first_sink):
        await first.begin()
        await first_sink.write(make_outputs(b"of the first"))
        await first_sink.flush()
        async with open_transactions(cluster, name, name) as (second, second_sink):
            await second.begin()
            await second_sink.write(make_outputs(b"of the second"))
            await second.commit({}, None)
            with pytest.raises(SinkError, match="fenced by a newer instance") as caught:
                await first.commit({}, None)
            assert "taken over this transactional id" in caught.value.hint
    assert await wait_for_values(cluster, name, b"of the second")


async def test_failed_delivery_aborts_the_transaction(cluster: KafkaCluster, topic: TopicFactory) -> None:
    """A record that the topic rejects aborts the others of its transaction; the offsets are unchanged."""
    source_topic, sink_topic = topic(), topic(max_message_bytes="1000")
    cluster.produce(source_topic, [b"a"])
    async with (
        open_source(cluster.settings(source_topic, group=source_topic)) as source,
        open_transactions(cluster, sink_topic, source_topic) as (transactions, sink),
    ):
        await read_records(source, 1)
        await transactions.begin()
        await sink.write(make_outputs(b"small"))
        await sink.flush()
        await sink.write(make_outputs(os.urandom(5000)))
        with pytest.raises(SinkError, match="was not delivered"):
            await transactions.commit({Partition(source_topic): 1}, await source.group_metadata())
        assert read_values(cluster, sink_topic) == []
        assert cluster.committed(source_topic, source_topic) < 0


async def test_timeout_above_the_brokers_limit_is_an_error(cluster: KafkaCluster, topic: TopicFactory) -> None:
    """The default of the public connector exceeds it and restarts for ever; here the start fails with the reason."""
    name = topic()
    settings = KafkaProducerSettings(cluster.servers, transactional_id=name, transaction_timeout=3600.0)
    transactions = KafkaTransactions(KafkaProducer(settings))
    with pytest.raises(SinkError, match="timeout is larger") as caught:
        await transactions.open()
    assert "transaction.timeout.ms" in caught.value.hint
    await transactions.close()
