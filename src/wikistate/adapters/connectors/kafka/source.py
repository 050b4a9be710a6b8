"""Kafka topics as a source.

One thread drives the consumer, because librdkafka allows one caller at a time and its calls block. Each batch costs one
switch to that thread.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Protocol, cast

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from wikistate.adapters.connectors.client_thread import ClientThread
from wikistate.adapters.connectors.kafka import errors
from wikistate.adapters.connectors.kafka.client import Outage, create_client
from wikistate.adapters.connectors.kafka.connection_check import ConnectionCheck
from wikistate.adapters.connectors.kafka.errors import is_transient, source_error
from wikistate.adapters.connectors.kafka.position import OffsetTracker
from wikistate.adapters.connectors.kafka.settings import build_consumer_properties
from wikistate.adapters.connectors.kafka.topic import fetch_partitions
from wikistate.errors import SourceError, SourceInterruptedError
from wikistate.streaming.record import Partition, Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import TypeVar

    from wikistate.adapters.connectors.kafka.settings import KafkaSourceSettings
    from wikistate.streaming.ports import OnRevoked, ResumePositions

    T = TypeVar("T")
    _Key = tuple[str, int]

log = structlog.get_logger(__name__)


class _ConsumedMessage(Protocol):
    """A message that a consumer returns. It has all of these values, although the stubs of the class allow None.

    An error that belongs to no partition is the exception: it has only `error`.
    """

    def error(self) -> KafkaError | None: ...
    def topic(self) -> str: ...
    def partition(self) -> int: ...
    def offset(self) -> int: ...
    def timestamp(self) -> tuple[int, int]: ...
    def key(self) -> bytes | None: ...
    def value(self) -> bytes | None: ...


_SLICE = 0.1
"""Seconds that the thread waits for records at a time; the longest delay of a commit."""

_STALL_SECONDS = 1.0
"""Seconds without a read after which partitions are paused. A pause drops records that were fetched ahead, so a short
stall causes none. The group waits at most so long for a member that does not read."""

_LAG_INTERVAL = 1.0  # seconds between two updates of the lag


class KafkaSource:
    """A member of a consumer group. See `Source` for the protocol.

    * Rebalances are cooperative: only the partitions that move to another member stop.
    * New partitions are found every `topic.metadata.refresh.interval.ms` and read from their beginning.
    * An outage of the brokers is logged once, and the source waits for its end.
    * A position before the retention is logged as an error, and reading continues at the oldest record.
    * With `KafkaSourceSettings.partitions` it reads these partitions without a group, and stops at such a position.
    * A bounded source without an assigned partition waits until other members end and release theirs.

    Args:
        settings: The settings of the consumer.
        resume: The positions at which to resume, for sinks that store them; they override the offsets of the group and
            `settings.start`.

    Raises:
        ConfigError: A property is unknown or not supported.
    """

    def __init__(self, settings: KafkaSourceSettings, *, resume: ResumePositions | None = None) -> None:
        self._settings = settings
        self._resume_at = resume
        self._translation = build_consumer_properties(settings)
        self._thread = ClientThread("kafka-source")
        self._outage = Outage("kafka-source")
        self._reading: asyncio.Future[list[Record]] | None = None
        self._pending_records: list[Record] = []
        self._failure: BaseException | None = None
        self._revoking: asyncio.Task[None] | None = None
        self._closing = False
        self._last_read = time.monotonic()
        # The thread of the consumer owns the next attributes once it runs.
        self._assigned: dict[_Key, Partition] = {}
        self._ended: set[tuple[str, int]] = set()
        self._paused = False
        self._lag: dict[Partition, int] = {}
        self._lag_at = 0.0

    async def open(self, on_revoked: OnRevoked) -> None:
        """See `Source`. Raises `SourceError` after `open_timeout` seconds without a response, immediately without the topic."""
        self._revoked = on_revoked
        self._connect()
        await self._run(self._subscribe, "Opening the topics")

    async def check(self) -> None:
        """Check that the topics can be read, instead of `open`. It joins no group, so a running job is not disturbed.

        Raises:
            SourceError: See `open`.
        """
        self._connect()
        await self._run(self._fetch_offsets, "Checking the topics")

    async def poll(self, limit: int, wait: float) -> list[Record] | None:
        """See `Source`."""
        if limit == 0:
            return await self._serve_if_stalled(wait)
        self._last_read = time.monotonic()
        deadline = self._last_read + wait
        while True:
            batch = await self._poll_records(limit, max(0.0, deadline - time.monotonic()))
            if batch:
                self._last_read = time.monotonic()
                return batch
            if self._at_end():
                return None
            if time.monotonic() >= deadline:
                return []

    async def commit(self, positions: Mapping[Partition, int]) -> None:
        """See `Source`. A commit that fails because another member has the partitions counts as done."""
        offsets = to_topic_partitions(positions)
        if offsets:
            await self._run(lambda: self._positions.commit(offsets), "Committing offsets")

    def lag(self) -> Mapping[Partition, int]:
        """See `Source`. At most a second old while records are read."""
        return self._lag

    async def group_metadata(self) -> object:
        """Return the identity of this member for `KafkaTransactions.commit`."""
        metadata: object = await self._run(
            self._consumer.consumer_group_metadata, "Requesting the metadata of the group"
        )
        return metadata

    async def close(self) -> None:
        """See `Source`."""
        self._closing = True
        if not self._thread.is_running:
            return
        self._positions.closing = True
        if self._revoking is not None:
            self._revoking.cancel()
        if self._reading is not None:
            await asyncio.wait({self._reading})
            self._reading = None
        try:
            await self._run(self._consumer.close, "Leaving the group")
        finally:
            await self._thread.stop()

    # These methods run on the loop.

    def _connect(self) -> None:
        self._consumer = self._create_consumer(self._outage)
        self._connection = ConnectionCheck("kafka-source", lambda: self._create_consumer(Outage("kafka-check")))
        self._positions = OffsetTracker(self._consumer, self._settings, resume=self._resume_at)
        self._closing = False
        self._thread.start()

    def _create_consumer(self, outage: Outage) -> Consumer:
        hooks = {"error_cb": outage.report}
        return create_client(Consumer, self._translation, key=self._settings.key, hooks=hooks)

    async def _run(self, call: Callable[[], T], doing: str) -> T:
        try:
            return await self._thread.run(call)
        except KafkaException as error:
            raise source_error(error.args[0], doing, servers=self._settings.bootstrap_servers) from error

    async def _serve_if_stalled(self, wait: float) -> list[Record]:
        await asyncio.sleep(wait)
        if time.monotonic() - self._last_read >= _STALL_SECONDS:
            self._pending_records += await self._read(self._poll_paused)
        return []

    async def _poll_records(self, limit: int, wait: float) -> list[Record]:
        if not self._pending_records:
            self._pending_records = await self._read(lambda: self._consume(limit, min(wait, _SLICE)))
        batch, self._pending_records = self._pending_records[:limit], self._pending_records[limit:]
        return batch

    async def _read(self, call: Callable[[], list[Record]]) -> list[Record]:
        # A cancelled poll leaves its read to the next poll, so that no record is lost.
        if self._reading is None:
            self._reading = self._thread.submit(call)
        try:
            batch = await asyncio.shield(self._reading)
        except KafkaException as error:
            self._reading = None
            raise source_error(error.args[0], "Reading", servers=self._settings.bootstrap_servers) from error
        self._reading = None
        if self._failure is not None:
            raise self._failure
        return batch

    def _at_end(self) -> bool:
        return self._positions.ends is not None and bool(self._assigned) and self._ended >= self._assigned.keys()

    async def _revoke(self, partitions: frozenset[Partition]) -> None:
        self._revoking = asyncio.current_task()
        try:
            await self._revoked(partitions)
        finally:
            self._revoking = None
            self._pending_records = [record for record in self._pending_records if record.partition not in partitions]

    # These methods run on the thread of the consumer.

    def _fetch_offsets(self) -> list[_Key]:
        return [part for topic in self._settings.topics for part in self._partitions(topic)]

    def _subscribe(self) -> None:
        self._positions.fetch(self._fetch_offsets())
        if numbers := self._settings.partitions:
            parts = [TopicPartition(topic, number) for topic in self._settings.topics for number in numbers]
            self._on_assign(self._consumer, parts)
            return
        self._consumer.subscribe(
            list(self._settings.topics), on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost
        )

    def _partitions(self, topic: str) -> list[tuple[str, int]]:
        numbers = fetch_partitions(
            self._consumer,
            topic,
            timeout=self._settings.open_timeout,
            servers=self._settings.bootstrap_servers,
            place=self._settings.place,
            outage=self._outage,
            raises=SourceError,
            away=SourceInterruptedError,
        )
        return [(topic, number) for number in numbers]

    def _consume(self, limit: int, wait: float) -> list[Record]:
        self._resume()
        # librdkafka waits until the batch is full: wait for one record, then take the records that are ready.
        messages = self._receive(1, wait)
        if messages and limit > 1:
            messages += self._receive(limit - 1, 0)
        self._update_lag()
        if messages:
            self._connection.progressed()
            return self._build_records(messages)
        if not self._closing and self._connection.is_cut_off(self._consumer):
            raise SourceInterruptedError(
                f"The client of {self._settings.bootstrap_servers} has lost all of its brokers, although they respond.",
                hint="A new client is necessary.",
                servers=self._settings.bootstrap_servers,
            )
        return []

    def _receive(self, limit: int, wait: float) -> list[_ConsumedMessage]:
        return cast("list[_ConsumedMessage]", self._consumer.consume(limit, wait))

    def _poll_paused(self) -> list[Record]:
        """Stay a member of the group without reading. Records in flight when the pause began are returned later."""
        if not self._paused:
            self._paused = True
            log.info("partitions_paused")
        self._consumer.pause(self._to_topic_partitions(self._assigned))
        self._update_lag()
        return self._build_records(self._receive(1, 0))

    def _resume(self) -> None:
        if self._paused:
            self._paused = False
            self._consumer.resume(self._to_topic_partitions(self._assigned.keys() - self._ended))

    def _build_records(self, messages: Sequence[_ConsumedMessage]) -> list[Record]:
        records: list[Record] = []
        append, assigned = records.append, self._assigned
        for message in messages:
            if (error := message.error()) is not None:
                self._handle_event(message, error)
                continue
            # None: revoked while this batch was read; its next owner reads it.
            if (partition := assigned.get((message.topic(), message.partition()))) is not None:
                kind, milliseconds = message.timestamp()
                append(
                    Record(message.value(), message.key(), milliseconds if kind else None, partition, message.offset())
                )
        if records and self._outage.is_away:
            self._outage.resolved()
        return records if self._positions.ends is None else self._drop_beyond_end(records, self._positions.ends)

    def _handle_event(self, message: _ConsumedMessage, error: KafkaError) -> None:
        match error.code():
            case errors.PARTITION_EOF:
                self._check_reached_end(message.topic(), message.partition(), message.offset())
            case errors.OFFSET_OUT_OF_RANGE:
                self._positions.reset_out_of_range(
                    TopicPartition(message.topic(), message.partition(), message.offset())
                )
            case _ if is_transient(error):
                log.warning("kafka_transient_error", reason=error.str())
            case _:
                raise KafkaException(error)

    def _drop_beyond_end(self, records: list[Record], ends: Mapping[tuple[str, int], int]) -> list[Record]:
        for partition, offset in {record.partition: record.offset for record in records}.items():
            self._check_reached_end(partition.topic, partition.number, offset + 1)
        return [record for record in records if record.offset < ends.get(record.partition, 0)]

    def _check_reached_end(self, topic: str, number: int, offset: int) -> None:
        """Mark a partition as ended if its next record is at the end or after it."""
        if self._positions.ends is not None and offset >= self._positions.ends.get((topic, number), 0):
            self._ended.add((topic, number))
            self._consumer.pause([TopicPartition(topic, number)])

    def _update_lag(self) -> None:
        if time.monotonic() - self._lag_at < _LAG_INTERVAL:
            return
        self._lag_at = time.monotonic()
        left = self._positions.remaining(self._to_topic_partitions(self._assigned))
        self._lag = {self._assigned[partition]: count for partition, count in left.items()}

    # librdkafka calls these methods on the thread of the consumer, inside of `consume`.

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        if self._closing:
            return  # librdkafka assigns partitions even while a member leaves
        placed = self._positions.start_offsets(partitions)
        for part in placed:
            self._assigned[part.topic, part.partition] = Partition(part.topic, part.partition)
            log.info(
                "partition_assigned", topic=part.topic, partition=part.partition, offset=_format_offset(part.offset)
            )
        consumer.incremental_assign(placed)

    def _on_revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        gone = {
            key: self._assigned[key] for part in partitions if (key := (part.topic, part.partition)) in self._assigned
        }
        if gone and not self._closing:
            self._notify_revoked(frozenset(gone.values()))
        for key, partition in gone.items():
            del self._assigned[key]
            self._ended.discard(key)
            log.info("partition_revoked", topic=partition.topic, partition=partition.number)
        consumer.incremental_unassign(partitions)

    def _on_lost(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Handle partitions that the group took away because this member did not respond in time."""
        self._on_revoke(consumer, partitions)
        if isinstance(self._failure, SourceError):
            # The caller cannot give them up while it runs, but no other member is known to have them.
            self._failure = SourceInterruptedError(
                f"The consumer group {self._settings.group!r} did not hear from this process within session.timeout.ms "
                f"and took away {', '.join(f'{part.topic}/{part.partition}' for part in partitions)}.",
                hint="An outage of the brokers was longer than session.timeout.ms.",
            )

    def _notify_revoked(self, partitions: frozenset[Partition]) -> None:
        try:
            self._thread.wait_for(self._revoke(partitions))
        except BaseException as error:  # noqa: BLE001  (poll raises it; the C code between them would lose it)
            self._failure = error

    def _to_topic_partitions(self, partitions: Iterable[_Key]) -> list[TopicPartition]:
        return [TopicPartition(topic, number) for topic, number in partitions]


def to_topic_partitions(positions: Mapping[Partition, int]) -> list[TopicPartition]:
    """Return positions in the type of librdkafka."""
    return [TopicPartition(part.topic, part.number, offset) for part, offset in positions.items()]


def _format_offset(offset: int) -> int | str:
    return offset if offset >= 0 else "earliest"
