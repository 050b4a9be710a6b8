"""A broker that stops and starts again at any moment."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs
from tests.integration.kafka.conftest import KafkaCluster, open_source, read_records, record_values
from tests.support.broker import KafkaBroker

from wikistate.adapters.connectors.kafka.producer import KafkaProducer
from wikistate.adapters.connectors.kafka.settings import KafkaProducerSettings
from wikistate.adapters.connectors.kafka.sink import KafkaSink
from wikistate.errors import SinkError
from wikistate.streaming.record import Output, Role

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.kafka, pytest.mark.fault]


@pytest.fixture(scope="module")
def own_cluster(kafka: KafkaBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaCluster]:
    """Broker for these tests, which stop it; it is available where the session's broker is."""
    assert kafka.is_running
    with KafkaBroker(tmp_path_factory.mktemp("outage")) as broker:
        yield KafkaCluster(broker)


async def test_source_waits_for_a_broker_and_resumes(own_cluster: KafkaCluster) -> None:
    """It raises no error, logs the outage once and its end once, and loses and repeats nothing."""
    name = own_cluster.broker.create_topic("away.source")
    own_cluster.produce(name, [b"before"] * 10)

    async def lost(partitions: object) -> None:
        """Accept the loss of partitions: after a long outage the broker has no members, and each read record is committed."""

    with capture_logs() as lines:
        async with open_source(own_cluster.settings(name, group=name), lost) as source:
            before = await read_records(source, 10)
            await source.commit({before[-1].partition: 10})
            await asyncio.to_thread(own_cluster.broker.stop)
            for _ in range(5):
                assert await source.poll(10, 0.5) == []
            await asyncio.to_thread(own_cluster.broker.start)
            own_cluster.produce(name, [b"after"] * 10)
            after = await read_records(source, 10)
            await source.commit({after[-1].partition: after[-1].offset + 1})
    assert record_values([*before, *after]) == [b"before"] * 10 + [b"after"] * 10
    assert [record.offset for record in [*before, *after]] == list(range(20))
    events = [
        line["event"] for line in lines if line["log_level"] in {"warning", "info"} and "vailable" in line["event"]
    ]
    assert events == ["kafka_unavailable", "kafka_available"]
    assert own_cluster.committed(name, name) == 20


async def test_sink_waits_for_a_broker_and_delivers(own_cluster: KafkaCluster) -> None:
    """Records that were written while the broker was dead arrive once and in order when it is back."""
    name = own_cluster.broker.create_topic("away.sink")
    sink = KafkaSink(name, KafkaProducer(KafkaProducerSettings(own_cluster.servers)))
    written = [Output(Role.SINK, b"k", b"%d" % number, None) for number in range(1000)]
    await sink.open()
    await sink.write(written[:500])
    await sink.flush()
    await asyncio.to_thread(own_cluster.broker.kill)
    await sink.write(written[500:])
    flush = asyncio.create_task(sink.flush())
    await asyncio.to_thread(own_cluster.broker.start)
    await flush
    await sink.close()
    assert [value for _, value in own_cluster.read(name)] == [output.value for output in written]


async def test_long_outage_of_the_broker_fails_the_flush(own_cluster: KafkaCluster) -> None:
    """After `delivery.timeout.ms` the error names the timeout; no record is dropped silently."""
    name = own_cluster.broker.create_topic("away.long")
    settings = KafkaProducerSettings(own_cluster.servers, {"delivery.timeout.ms": "1500", "request.timeout.ms": "1000"})
    sink = KafkaSink(name, KafkaProducer(settings))
    await sink.open()
    own_cluster.broker.pause()
    try:
        await sink.write([Output(Role.SINK, b"k", b"v", None)])
        with pytest.raises(SinkError, match="was not delivered") as caught:
            await sink.flush()
        assert "delivery.timeout.ms" in caught.value.hint
    finally:
        own_cluster.broker.resume()
    await sink.close()
