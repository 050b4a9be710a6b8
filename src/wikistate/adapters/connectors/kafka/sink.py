"""A Kafka topic as a sink."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wikistate.adapters.connectors.kafka.producer import KafkaProducer
    from wikistate.streaming.record import Output


class KafkaSink:
    """Writes to one topic. See `Sink` for the protocol.

    The key decides the partition as the Java client does it, the output's timestamp becomes the record's. Retention
    goes by that timestamp: a topic that gets old events wants a `retention.ms` that keeps them.

    Args:
        topic: Where to.
        producer: Through what; a producer may serve several sinks, which then flush and fail together.
        partition: The one that everything is written to, where the order of all counts; None for what the key says.
    """

    def __init__(self, topic: str, producer: KafkaProducer, *, partition: int | None = None) -> None:
        self._topic = topic
        self._partition = -1 if partition is None else partition  # librdkafka's word for "as the key says"
        self._producer = producer
        self._open = False

    async def open(self) -> None:
        """See `Sink`. Raises `SinkError` when the topic is not there."""
        await self._producer.open()
        self._open = True
        await self._producer.check(self._topic)

    async def write(self, outputs: Sequence[Output]) -> None:
        """See `Sink`."""
        await self._producer.produce(self._topic, outputs, partition=self._partition)

    async def flush(self) -> None:
        """See `Sink`."""
        await self._producer.flush()

    async def close(self) -> None:
        """See `Sink`."""
        if self._open:
            self._open = False
            await self._producer.close()
