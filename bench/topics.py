"""The broker's side of a measurement: topics that are filled, watched and dropped.

Sinks are stamped by the broker when it appends (``LogAppendTime``), so that the speed of a run can be read off its
output afterwards and nobody watches while it is measured.
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

_ANSWER = 30.0  # seconds for one question to the broker


class Topics:
    """Topics on one broker, of one partition unless said otherwise, as page_change has on Wikimedia's.

    Args:
        broker: Running.
    """

    def __init__(self, broker: KafkaBroker) -> None:
        self.servers = broker.bootstrap_servers
        self._broker = broker

    def create(self, stem: str, *, partitions: int = 1) -> str:
        """An empty topic that nobody has used."""
        settings = {"message.timestamp.type": "LogAppendTime"}
        return self._broker.create_topic(f"{stem}.{uuid.uuid4().hex[:8]}", partitions=partitions, settings=settings)

    def create_sink(self, stem: str) -> str:
        """An empty topic, and one for errors beside it, with ``.error`` behind its name."""
        topic = self.create(stem)
        self._broker.create_topic(f"{topic}.error")
        return topic

    def create_filled(self, stem: str, edits: Iterable[Edit], *, partitions: int = 1) -> str:
        """A new topic that holds these."""
        topic = self.create(stem, partitions=partitions)
        producer = self.make_producer(linger=50)
        for number, edit in enumerate(edits, start=1):
            producer.produce(topic, edit.value, edit.key)
            if not number % 10_000:  # stays far below the bound of the producer's queue
                producer.flush()
        producer.flush()
        return topic

    def make_producer(self, *, linger: int) -> Producer:
        """A producer of one's own. `linger` in milliseconds."""
        return Producer({"bootstrap.servers": self.servers, "linger.ms": linger, "compression.type": "snappy"})

    def delete_all(self, *topics: str) -> None:
        """Give their disk space back, and that of the error topics beside them."""
        admin = AdminClient({"bootstrap.servers": self.servers, "log_level": 0})
        there = admin.list_topics(timeout=_ANSWER).topics
        names = [name for topic in topics for name in (topic, f"{topic}.error") if name in there]
        for gone in admin.delete_topics(names).values():
            gone.result()

    def count(self, topic: str) -> int:
        """How many records it has."""
        consumer = self._reader()
        _, end = consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=_ANSWER)
        consumer.close()
        return int(end)

    def make_counter(self, topic: str) -> Callable[[], int]:
        """Like `count`, for whoever asks often: with one client for all questions."""
        consumer = self._reader()
        return lambda: int(consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=_ANSWER)[1])

    def read_records(self, topic: str) -> Iterator[Message]:
        """All that it holds now, in order."""
        consumer, left = self.open_consumer(topic), self.count(topic)
        while left:
            messages = [message for message in consumer.consume(min(left, 1_000), _ANSWER) if message.error() is None]
            if not messages:
                raise PartError(f"{left} records of {topic} cannot be read back.", hint="See the broker's log.")
            left -= len(messages)
            yield from messages
        consumer.close()

    def appended_at(self, topic: str, offset: int) -> float:
        """When the broker took a record, in seconds since the epoch, in steps of a millisecond."""
        consumer = self.open_consumer(topic, offset=offset)
        _, milliseconds = next_record(consumer).timestamp()
        consumer.close()
        return float(milliseconds) / 1000

    def open_consumer(self, topic: str, *, offset: int = 0) -> Consumer:
        """A consumer that gets the records from this offset on, each as soon as the broker has it."""
        consumer = self._reader()
        consumer.assign([TopicPartition(topic, 0, offset)])
        return consumer

    def _reader(self) -> Consumer:
        return Consumer({"bootstrap.servers": self.servers, "group.id": "bench", "enable.auto.commit": False})


def next_record(consumer: Consumer) -> Message:
    """The next record.

    Raises:
        PartError: None came within half a minute.
    """
    give_up = time.monotonic() + _ANSWER
    while time.monotonic() < give_up:
        message = consumer.poll(0.1)
        if message is not None and message.error() is None:
            return message
    raise PartError(f"No record came within {_ANSWER:g} s.", hint="See the logs of the job and the broker.")
