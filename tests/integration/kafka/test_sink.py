"""The Kafka sink against a real broker: keys, partitions, limits and the producer's queue."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.cimpl import murmur2

from wikistate.adapters.connectors.kafka.producer import KafkaProducer
from wikistate.adapters.connectors.kafka.settings import KafkaProducerSettings
from wikistate.adapters.connectors.kafka.sink import KafkaSink
from wikistate.errors import SinkError
from wikistate.streaming.ports import OversizeError
from wikistate.streaming.record import Output, Role

if TYPE_CHECKING:
    from tests.conftest import TopicFactory
    from tests.integration.kafka.conftest import KafkaCluster


def make_output(value: bytes, key: bytes | None = b"k", timestamp: int | None = 1_700_000_000_000) -> Output:
    """Return an output with this value."""
    return Output(Role.SINK, key, value, timestamp)


async def test_key_value_and_event_time_arrive(cluster: KafkaCluster, topic: TopicFactory) -> None:
    """The event time is the record's timestamp; without one it is the time of writing."""
    name = topic()
    sink = KafkaSink(name, KafkaProducer(KafkaProducerSettings(cluster.servers)))
    await sink.open()
    await sink.write([make_output(b"1"), make_output(b"2", None, None)])
    await sink.flush()
    await sink.close()
    consumer = Consumer({"bootstrap.servers": cluster.servers, "group.id": "g"})
    consumer.assign([TopicPartition(name, 0, 0)])
    first, second = consumer.consume(2, 30)
    consumer.close()
    assert (first.key(), first.value(), first.timestamp()[1]) == (b"k", b"1", 1_700_000_000_000)
    assert (second.key(), second.value()) == (None, b"2")
    assert second.timestamp()[1] > 1_750_000_000_000


async def test_keys_have_the_partitions_of_the_java_client(cluster: KafkaCluster, topic: TopicFactory) -> None:
    """The partition is murmur2 of the key, positive, modulo their number: both clients agree."""
    name = topic(5)
    keys = [b'{"wiki_id":"enwiki","page_id":%d}' % number for number in range(50)]
    sink = KafkaSink(name, KafkaProducer(KafkaProducerSettings(cluster.servers)))
    await sink.open()
    await sink.write([make_output(b"v", key) for key in keys])
    await sink.flush()
    await sink.close()
    for partition in range(5):
        assert [key for key, _ in cluster.read(name, partition=partition)] == [
            key for key in keys if murmur2(key, 5) == partition
        ]


async def test_sink_with_a_partition_writes_all_records_there(cluster: KafkaCluster, topic: TopicFactory) -> None:
    """The keys do not matter, nor their absence."""
    name = topic(3)
    values = [b"%d" % number for number in range(30)]
    sink = KafkaSink(name, KafkaProducer(KafkaProducerSettings(cluster.servers)), partition=2)
    await sink.open()
    await sink.write([make_output(value, None if int(value) % 2 else value) for value in values])
    await sink.flush()
    await sink.close()
    assert [value for _, value in cluster.read(name, partition=2)] == values


async def test_missing_topic_is_an_error_at_the_start(cluster: KafkaCluster) -> None:
    """The error comes before the first fetch, and names the option that creates the topic."""
    sink = KafkaSink("no.such.topic", KafkaProducer(KafkaProducerSettings(cluster.servers)))
    with pytest.raises(SinkError, match=r"'no\.such\.topic'") as caught:
        await sink.open()
    assert "--create-topics" in caught.value.hint
    await sink.close()


async def test_unreachable_broker_is_an_error_after_a_bounded_wait() -> None:
    """The sink fails as the source does."""
    sink = KafkaSink("topic", KafkaProducer(KafkaProducerSettings("127.0.0.1:1", open_timeout=1.0)))
    with pytest.raises(SinkError, match=r"did not respond within 1 s: .*refused"):
        await sink.open()
    await sink.close()


async def test_oversize_output_is_named_and_the_rest_can_be_written(cluster: KafkaCluster, topic: TopicFactory) -> None:
    """The outputs before it are queued; the caller replaces it and writes the rest, and nothing is dropped silently."""
    name = topic()
    settings = KafkaProducerSettings(cluster.servers, {"max.request.size": "10000", "compression.type": "none"})
    sink = KafkaSink(name, KafkaProducer(settings))
    await sink.open()
    batch = [make_output(b"0"), make_output(b"x" * 20_000), make_output(b"2")]
    with pytest.raises(OversizeError) as caught:
        await sink.write(batch)
    assert (caught.value.position, caught.value.size, caught.value.limit) == (1, 20_001, 10_000)
    assert "max.request.size" in caught.value.hint
    await sink.write([make_output(b"error event"), *batch[caught.value.position + 1 :]])
    await sink.flush()
    await sink.close()
    assert [value for _, value in cluster.read(name)] == [b"0", b"error event", b"2"]


async def test_output_above_the_topics_limit_fails_the_flush(cluster: KafkaCluster, topic: TopicFactory) -> None:
    """The broker rejects the queued record: the flush names topic, key and size, and no commit is allowed."""
    name = topic(max_message_bytes="1000")
    producer = KafkaProducer(KafkaProducerSettings(cluster.servers, {"compression.type": "none"}))
    sink = KafkaSink(name, producer)
    await sink.open()
    await sink.write([make_output(b"x" * 5000, b"the key")])
    with pytest.raises(SinkError, match=r"the key.*5000 bytes") as caught:
        await sink.flush()
    assert "max.message.bytes" in caught.value.hint
    with pytest.raises(SinkError):
        await sink.write([make_output(b"small")])
    await sink.close()


async def test_two_sinks_share_a_producer(cluster: KafkaCluster, topic: TopicFactory) -> None:
    """Both roles have one connection; the producer closes with the last sink."""
    events, errors = topic(), topic()
    producer = KafkaProducer(KafkaProducerSettings(cluster.servers))
    sinks = [KafkaSink(events, producer), KafkaSink(errors, producer)]
    for sink in sinks:
        await sink.open()
    await sinks[0].write([make_output(b"event")])
    await sinks[0].close()
    await sinks[1].write([make_output(b"error")])
    await sinks[1].close()
    assert [value for _, value in cluster.read(events)] == [b"event"]
    assert [value for _, value in cluster.read(errors)] == [b"error"]


async def test_full_queue_waits_and_drops_nothing(cluster: KafkaCluster, topic: TopicFactory) -> None:
    """The local queue holds a tenth of the batch; the order stays."""
    name = topic()
    settings = KafkaProducerSettings(cluster.servers, {"queue.buffering.max.messages": "500"})
    sink = KafkaSink(name, KafkaProducer(settings))
    await sink.open()
    values = [b"%d" % number for number in range(5000)]
    await sink.write([make_output(value) for value in values])
    await sink.flush()
    await sink.close()
    assert [value for _, value in cluster.read(name)] == values


async def test_record_of_20_mb_is_written_under_raised_limits(cluster: KafkaCluster, topic: TopicFactory) -> None:
    """The public job sets these limits for the largest pages, by the names of the Java client."""
    name = topic()
    properties = {"max.request.size": "100663296", "buffer.memory": "134217728", "compression.type": "zstd"}
    sink = KafkaSink(name, KafkaProducer(KafkaProducerSettings(cluster.servers, properties)))
    huge = bytes(range(256)) * 80_000
    await sink.open()
    await sink.write([make_output(huge)])
    await sink.flush()
    await sink.close()
    assert [len(value) for _, value in cluster.read(name)] == [len(huge)]
