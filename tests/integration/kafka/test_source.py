"""The Kafka source against a real broker: start and end positions, rebalances, outages and limits."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewPartitions
from structlog.testing import capture_logs
from tests.integration.kafka.conftest import (
    KafkaCluster,
    fail_on_revocation,
    open_source,
    read_records,
    read_to_end,
    record_values,
)

from wikistate.adapters.connectors.kafka.settings import KafkaSourceSettings
from wikistate.adapters.connectors.kafka.source import KafkaSource
from wikistate.adapters.connectors.start_stop import Bound, Committed, LatestAtStart, Moment, Offsets
from wikistate.errors import SourceError
from wikistate.streaming.record import Partition

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from tests.conftest import TopicFactory

LATEST = Committed(Bound.LATEST)


async def test_key_timestamp_and_tombstone_arrive(cluster: KafkaCluster, topic: TopicFactory) -> None:
    """A record has its key and its timestamp, and None without a value or a key."""
    name = topic()
    producer = Producer({"bootstrap.servers": cluster.servers})
    producer.produce(name, b"v", b"k", timestamp=1_700_000_000_123)
    producer.produce(name, None, b"gone", timestamp=1)
    producer.produce(name, b"", None, timestamp=2)
    producer.flush()
    async with open_source(cluster.settings(name)) as source:
        records = await read_records(source, 3)
    assert [record[:3] for record in records] == [(b"v", b"k", 1_700_000_000_123), (None, b"gone", 1), (b"", None, 2)]
    assert [record.partition for record in records] == [Partition(name, 0)] * 3


async def test_missing_topic_is_an_error_with_a_hint(cluster: KafkaCluster) -> None:
    """The error names the topic, the broker and the option that creates the topic."""
    source = KafkaSource(cluster.settings("no.such.topic"))
    with pytest.raises(SourceError, match=r"'no\.such\.topic'") as caught:
        await source.open(fail_on_revocation)
    assert cluster.servers in caught.value.message
    assert "--create-topics" in caught.value.hint
    await source.close()


async def test_unreachable_broker_is_an_error_after_a_bounded_wait() -> None:
    """The start fails with the reason of the last attempt instead of waiting for ever."""
    source = KafkaSource(KafkaSourceSettings("127.0.0.1:1", ("topic",), "group", open_timeout=1.0))
    with pytest.raises(SourceError, match=r"127\.0\.0\.1:1 did not respond within 1 s: .*refused") as caught:
        await source.open(fail_on_revocation)
    assert "bootstrap_servers" in caught.value.hint
    await source.close()


async def test_start_time_finds_the_first_record_that_is_not_older(cluster: KafkaCluster, topic: TopicFactory) -> None:
    """It applies to each partition separately, and has precedence over the committed offsets."""
    name = topic(2)
    for second in range(10):
        cluster.produce(name, [b"%d" % second], partition=second % 2, timestamp=1_700_000_000_000 + second * 1000)
    start = Moment(1_700_000_005_500)
    async with open_source(cluster.settings(name, group=name, start=start, end=LatestAtStart())) as source:
        assert sorted(record_values(await read_to_end(source)), key=str) == [b"6", b"7", b"8", b"9"]
        await source.commit({Partition(name, 0): 5, Partition(name, 1): 5})
    async with open_source(cluster.settings(name, group=name, start=start, end=LatestAtStart())) as source:
        assert len(await read_to_end(source)) == 4


async def test_end_time_stops_before_the_first_record_that_is_not_older(
    cluster: KafkaCluster, topic: TopicFactory
) -> None:
    """A backfill of a time span reads exactly that span."""
    name = topic()
    for second in range(10):
        cluster.produce(name, [b"%d" % second], timestamp=1_700_000_000_000 + second * 1000)
    span = cluster.settings(name, start=Moment(1_700_000_002_000), end=Moment(1_700_000_005_000))
    async with open_source(span) as source:
        assert record_values(await read_to_end(source)) == [b"2", b"3", b"4"]
        assert await source.poll(10, 0.0) is None


async def test_span_of_offsets_is_read_exactly(cluster: KafkaCluster, topic: TopicFactory) -> None:
    """The end is exclusive, committed offsets do not count, and a partition without a span is read completely."""
    name = topic(3)
    for number in range(3):
        cluster.produce(name, [b"%d-%d" % (number, offset) for offset in range(5)], partition=number)
    start, end = Offsets(((name, 0, 1), ("", 1, 4))), Offsets((("", 0, 3), (name, 1, 5)))
    span = cluster.settings(name, group=name, start=start, end=end)
    for _ in range(2):
        async with open_source(span) as source:
            assert sorted(record_values(await read_to_end(source)), key=str) == sorted(
                [b"0-1", b"0-2", b"1-4", *(b"2-%d" % offset for offset in range(5))], key=str
            )
            await source.commit({Partition(name, 0): 3, Partition(name, 1): 5})


async def test_time_behind_all_records_is_the_end(cluster: KafkaCluster, topic: TopicFactory) -> None:
    """As a start it waits for new records; as an end it is the current end of the topic."""
    name = topic()
    cluster.produce(name, [b"old"], timestamp=1_700_000_000_000)
    async with open_source(
        cluster.settings(name, start=Moment(1_800_000_000_000), end=Moment(1_900_000_000_000))
    ) as source:
        assert await read_to_end(source) == []


async def test_latest_is_committed_at_the_first_start(cluster: KafkaCluster, topic: TopicFactory) -> None:
    """A crash before the first commit does not move "latest" behind the records of the meantime."""
    name = topic()
    cluster.produce(name, [b"history"])
    async with open_source(cluster.settings(name, group=name, start=LATEST)) as source:
        assert await source.poll(10, 1.0) == []
    assert cluster.committed(name, name) == 1
    cluster.produce(name, [b"news"])
    async with open_source(cluster.settings(name, group=name, start=LATEST, end=LatestAtStart())) as source:
        assert record_values(await read_to_end(source)) == [b"news"]


async def test_records_after_a_fixed_end_are_not_read(cluster: KafkaCluster, topic: TopicFactory) -> None:
    """A bounded run ends although the topic grows all the time."""
    name = topic()
    cluster.produce(name, [b"before"] * 5)
    async with open_source(cluster.settings(name, end=LatestAtStart())) as source:
        cluster.produce(name, [b"after"] * 5)
        assert record_values(await read_to_end(source)) == [b"before"] * 5


async def test_aborted_transactions_at_the_end_do_not_delay_a_bounded_source(
    cluster: KafkaCluster, topic: TopicFactory
) -> None:
    """The last offsets of a topic may not have a visible record."""
    name = topic()
    cluster.produce(name, [b"seen"])
    producer = Producer({"bootstrap.servers": cluster.servers, "transactional.id": name})
    producer.init_transactions(60)
    producer.begin_transaction()
    producer.produce(name, b"aborted")
    producer.flush()
    producer.abort_transaction(60)
    async with open_source(cluster.settings(name, end=LatestAtStart())) as source:
        assert record_values(await read_to_end(source)) == [b"seen"]


async def test_lag_is_the_number_of_unread_records_of_each_partition(
    cluster: KafkaCluster, topic: TopicFactory
) -> None:
    """It is known after the first fetch, and is 0 when all records were read."""
    name = topic(2)
    cluster.produce(name, [b"x"] * 30, partition=0)
    async with open_source(cluster.settings(name)) as source, asyncio.timeout(60):
        await read_records(source, 10)
        while source.lag().get(Partition(name, 0), 0) < 19:  # one may be in flight
            assert await source.poll(0, 0.3) == []
        await read_records(source, 20)
        while source.lag() != {Partition(name, 0): 0}:
            assert await source.poll(10, 0.3) == []


async def test_position_behind_retention_is_reported_and_reset(cluster: KafkaCluster, topic: TopicFactory) -> None:
    """The log has an error about the deleted unread records, and the source continues at the oldest one that is left."""
    name = topic()
    cluster.produce(name, [b"left"] * 3)
    async with open_source(cluster.settings(name, group=name)) as source:
        partition = (await read_records(source, 3))[0].partition
        await source.commit({partition: 1000})
    with capture_logs() as lines:
        async with open_source(cluster.settings(name, group=name)) as source:
            assert record_values(await read_records(source, 3)) == [b"left"] * 3
    assert [line["offset"] for line in lines if line["log_level"] == "error"] == [1000]


async def test_new_partition_is_found_and_read_from_its_beginning(cluster: KafkaCluster, topic: TopicFactory) -> None:
    """This holds also for a source that starts at "latest": the first records of the partition are new."""
    name = topic()
    cluster.produce(name, [b"history"])
    async with open_source(cluster.settings(name, start=LATEST, partition_discovery_interval_ms=300)) as source:
        assert await source.poll(10, 1.0) == []
        admin = AdminClient({"bootstrap.servers": cluster.servers})
        admin.create_partitions([NewPartitions(name, 2)])[name].result()
        cluster.produce(name, [b"first of partition 1"], partition=1)
        records = await read_records(source, 1)
    assert record_values(records) == [b"first of partition 1"]
    assert records[0].partition == Partition(name, 1)


async def test_member_without_room_stays_in_the_group_and_resumes(cluster: KafkaCluster, topic: TopicFactory) -> None:
    """It is without room for longer than `max.poll.interval.ms`, and loses nothing."""
    name = topic()
    cluster.produce(name, [b"%d" % number for number in range(100)])
    settings = cluster.settings(name, session_timeout_ms=6000, max_poll_interval_ms=6000)
    async with open_source(settings) as source:
        first = await read_records(source, 10)
        for _ in range(28):
            assert await source.poll(0, 0.25) == []
        rest = await read_records(source, 90)
    assert record_values([*first, *rest]) == [b"%d" % number for number in range(100)]


async def test_partitions_move_to_a_second_member_after_the_first_one_committed(
    cluster: KafkaCluster, topic: TopicFactory
) -> None:
    """The first member commits when they are revoked, and the second one starts there: no repeat and no loss."""
    name = topic(2)
    for partition in range(2):
        cluster.produce(name, [b"%d" % partition] * 50, partition=partition)
    settings = cluster.settings(name, group=name)
    read_by_first: dict[Partition, int] = {}
    revoked: list[AbstractSet[Partition]] = []

    async def commit_offsets(partitions: AbstractSet[Partition]) -> None:
        revoked.append(partitions)
        await asyncio.sleep(0)  # the source waits for the whole callback, not for its first step
        await first.commit({partition: read_by_first[partition] for partition in partitions})

    async def poll_first() -> None:
        while True:
            for record in await first.poll(10, 0.2) or []:
                read_by_first[record.partition] = record.offset + 1

    async with open_source(settings, commit_offsets) as first:
        for record in await read_records(first, 100):  # all of both partitions, before there is a second member
            read_by_first[record.partition] = record.offset + 1
        async with open_source(settings) as second:
            polling = asyncio.create_task(poll_first())
            async with asyncio.timeout(60):
                while not revoked:
                    assert await second.poll(10, 0.2) == []
            (moved,) = revoked[0]
            cluster.produce(name, [b"new"], partition=moved.number)
            (record,) = await read_records(second, 1)
            polling.cancel()
            assert (record.value, record.partition, record.offset) == (b"new", moved, 50)


async def test_new_group_protocol_of_kafka_works(cluster: KafkaCluster, topic: TopicFactory) -> None:
    """The protocol is KIP-848, which Kafka 4 offers: read, commit, resume."""
    name = topic()
    cluster.produce(name, [b"1", b"2"])
    settings = cluster.settings(name, group=name, group_protocol="consumer")
    async with open_source(settings) as source:
        assert record_values(await read_records(source, 2)) == [b"1", b"2"]
        await source.commit({Partition(name, 0): 1})
    async with open_source(settings) as source:
        assert record_values(await read_records(source, 1)) == [b"2"]


async def test_commit_of_lost_partitions_is_not_an_error(cluster: KafkaCluster, topic: TopicFactory) -> None:
    """The group has rebalanced; the new owner of the partitions repeats the uncommitted records."""
    name = topic()
    cluster.produce(name, [b"x"] * 3)
    settings = cluster.settings(name, group=name, session_timeout_ms=6000, max_poll_interval_ms=6000)

    async def commit_too_late(partitions: AbstractSet[Partition]) -> None:
        await source.commit(dict.fromkeys(partitions, 3))

    async with open_source(settings, commit_too_late) as source:
        await read_records(source, 3)
        with capture_logs() as lines:
            async with asyncio.timeout(60):  # without a poll the group removes the member after six seconds
                while not any(line["event"] == "commit_rejected" for line in lines):
                    await source.commit({Partition(name, 0): 1})
                    await asyncio.sleep(0.1)
        assert [record.offset for record in await read_records(source, 2)] == [1, 2]


async def test_error_of_the_revoked_callback_is_raised_by_poll(cluster: KafkaCluster, topic: TopicFactory) -> None:
    """A commit that fails during a rebalance stops the job; the error does not vanish in a thread."""
    name = topic(2)
    for partition in range(2):
        cluster.produce(name, [b"x"], partition=partition)
    settings = cluster.settings(name, group=name)

    async def fail(partitions: AbstractSet[Partition]) -> None:
        raise LookupError(f"{len(partitions)} partition")

    async def poll_on() -> None:
        while True:
            await first.poll(10, 0.2)

    async with open_source(settings, fail) as first:
        await read_records(first, 2)
        async with open_source(settings) as second:
            polling = asyncio.create_task(poll_on())
            async with asyncio.timeout(60):
                while not polling.done():
                    await second.poll(10, 0.2)  # the partition comes without a commit: from its beginning
        with pytest.raises(LookupError, match="1 partition"):
            await polling


async def test_record_of_20_mb_is_read_under_raised_limits(cluster: KafkaCluster, topic: TopicFactory) -> None:
    """The largest pages need these limits of the consumer."""
    name = topic()
    huge = bytes(range(256)) * 80_000
    cluster.produce(name, [huge])
    async with open_source(
        cluster.settings(name, fetch_max_bytes=30_000_000, receive_message_max_bytes=40_000_000)
    ) as source:
        assert record_values(await read_records(source, 1)) == [huge]
