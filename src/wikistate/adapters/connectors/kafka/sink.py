"""A Kafka topic as a sink."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wikistate.adapters.connectors.kafka.producer import KafkaProducer
    from wikistate.streaming.record import Output


class KafkaSink:
    """A sink that writes one topic. See `Sink` for the protocol.

    The key selects the partition as in the Java client, and the timestamp of the output is that of the record. Retention
    depends on that timestamp: a topic with old events needs a `retention.ms` that keeps them.

    Args:
        topic: The topic.
        producer: The producer. It may serve several sinks, which then flush and fail together.
        partition: The partition of all outputs if their order matters; None for the partition of the key.
    """

    def __init__(self, topic: str, producer: KafkaProducer, *, partition: int | None = None) -> None:
        self._topic = topic
        self._partition = -1 if partition is None else partition  # librdkafka: the partition of the key
        self._producer = producer
        self._open = False

    async def open(self) -> None:
        """See `Sink`. Raises `SinkError` if the topic does not exist."""
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
