"""Topics of a measurement: they are created, filled, read and deleted here.

The broker stamps the records of sinks when it appends them (``LogAppendTime``). The speed of a run can thus be read
from its output afterwards, and no consumer disturbs the measurement.
"""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING

from confluent_kafka import Consumer, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from wikistate.errors import PartError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tests.support.broker import KafkaBroker

    from bench.feed import Edit

_ANSWER = 30.0  # seconds for one request to the broker


class Topics:
    """Topics on one broker, with one partition by default, like the topics of page_change at Wikimedia.

    Args:
        broker: Running broker.
    """

    def __init__(self, broker: KafkaBroker) -> None:
        self.servers = broker.bootstrap_servers
        self._broker = broker

    def create(self, stem: str, *, partitions: int = 1) -> str:
        """Create an empty topic with a unique name."""
        settings = {"message.timestamp.type": "LogAppendTime"}
        return self._broker.create_topic(f"{stem}.{uuid.uuid4().hex[:8]}", partitions=partitions, settings=settings)

    def create_sink(self, stem: str) -> str:
        """Create an empty topic, and an error topic with the same name and the suffix ``.error``."""
        topic = self.create(stem)
        self._broker.create_topic(f"{topic}.error")
        return topic

    def create_filled(self, stem: str, edits: Iterable[Edit], *, partitions: int = 1) -> str:
        """Create a topic with these records."""
        topic = self.create(stem, partitions=partitions)
        producer = self.make_producer(linger=50)
        for number, edit in enumerate(edits, start=1):
            producer.produce(topic, edit.value, edit.key)
            if not number % 10_000:  # stays far below the limit of the queue of the producer
                producer.flush()
        producer.flush()
        return topic

    def make_producer(self, *, linger: int) -> Producer:
        """Make a producer. `linger` is in milliseconds."""
        return Producer({"bootstrap.servers": self.servers, "linger.ms": linger, "compression.type": "snappy"})

    def delete_all(self, *topics: str) -> None:
        """Delete topics with their error topics to free their disk space."""
        admin = AdminClient({"bootstrap.servers": self.servers, "log_level": 0})
        existing = admin.list_topics(timeout=_ANSWER).topics
        names = [name for topic in topics for name in (topic, f"{topic}.error") if name in existing]
        for deletion in admin.delete_topics(names).values():
            deletion.result()

    def count(self, topic: str) -> int:
        """Return the number of records of a topic."""
        consumer = self._reader()
        _, end = consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=_ANSWER)
        consumer.close()
        return int(end)

    def make_counter(self, topic: str) -> Callable[[], int]:
        """Return a function like `count` that uses one client for all calls, for frequent calls."""
        consumer = self._reader()
        return lambda: int(consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=_ANSWER)[1])

    def read_records(self, topic: str) -> Iterator[Message]:
        """Yield all records of a topic in order."""
        consumer, left = self.open_consumer(topic), self.count(topic)
        while left:
            messages = [message for message in consumer.consume(min(left, 1_000), _ANSWER) if message.error() is None]
            if not messages:
                raise PartError(f"{left} records of {topic} are not readable.", hint="See the log of the broker.")
            left -= len(messages)
            yield from messages
        consumer.close()

    def appended_at(self, topic: str, offset: int) -> float:
        """Return the time at which the broker appended a record, in seconds since the epoch, in steps of a millisecond."""
        consumer = self.open_consumer(topic, offset=offset)
        _, milliseconds = next_record(consumer).timestamp()
        consumer.close()
        return float(milliseconds) / 1000

    def open_consumer(self, topic: str, *, offset: int = 0) -> Consumer:
        """Open a consumer of the records from this offset on, each as soon as the broker has it."""
        consumer = self._reader()
        consumer.assign([TopicPartition(topic, 0, offset)])
        return consumer

    def _reader(self) -> Consumer:
        return Consumer({"bootstrap.servers": self.servers, "group.id": "bench", "enable.auto.commit": False})


def next_record(consumer: Consumer) -> Message:
    """Return the next record.

    Raises:
        PartError: There was no record within half a minute.
    """
    deadline = time.monotonic() + _ANSWER
    while time.monotonic() < deadline:
        message = consumer.poll(0.1)
        if message is not None and message.error() is None:
            return message
    raise PartError(f"No record arrived within {_ANSWER:g} s.", hint="See the logs of the job and the broker.")
