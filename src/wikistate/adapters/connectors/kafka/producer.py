"""The producer, which several sinks may share."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import structlog
from confluent_kafka import KafkaError, KafkaException, Producer

from wikistate.adapters.connectors.client_thread import ClientThread
from wikistate.adapters.connectors.kafka.client import Outage, create_client
from wikistate.adapters.connectors.kafka.connection_check import ConnectionCheck
from wikistate.adapters.connectors.kafka.errors import FENCED, PURGED, REFUSED, hint_for, sink_error_class
from wikistate.adapters.connectors.kafka.settings import build_producer_properties, max_record_bytes
from wikistate.adapters.connectors.kafka.topic import fetch_partitions, fetch_size_limits
from wikistate.errors import SinkError, SinkInterruptedError
from wikistate.secret import reveal
from wikistate.streaming.ports import OversizeError, RefusedError, RefusedOutput, digest_output

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import TypeVar

    from confluent_kafka import Message

    from wikistate.adapters.connectors.kafka.settings import KafkaProducerSettings
    from wikistate.streaming.record import Output

    T = TypeVar("T")

log = structlog.get_logger(__name__)

_QUEUE_FULL_INTERVAL = 0.01  # seconds between two attempts to queue into a full queue
_SLICE = 0.5  # seconds that a flush waits before it checks for a failure
_MAX_REFUSED = 10_000  # refused records that are remembered
_CLOSE_TIMEOUT = 10.0  # seconds for queued records when the producer closes


class KafkaProducer:
    """An idempotent producer with compression. librdkafka batches, retries and keeps the order within a partition.

    Only failed deliveries are reported: a callback for each message would cost more than producing it. After the first
    failure `produce` and `flush` always raise it. After a `SinkInterruptedError` a new producer can write again what was
    not committed.

    Args:
        settings: The settings of the producer.

    Raises:
        ConfigError: A property is unknown or cannot be honoured.
    """

    def __init__(self, settings: KafkaProducerSettings) -> None:
        self.settings = settings
        self._translation = build_producer_properties(settings)
        self._limit = max_record_bytes(self._translation.properties)
        self._thread = ClientThread("kafka-producer")
        self._outage = Outage("kafka-producer")
        self._failure: SinkError | None = None
        self._users = 0
        self._refused: list[RefusedOutput] = []
        self.transaction_began: float | None = None
        """The time on the monotonic clock at which the open transaction began; None outside of transactions."""

    @property
    def client(self) -> Producer:
        """The client of confluent-kafka, for transactions."""
        return self._client

    @property
    def failure(self) -> SinkError | None:
        """The first failure of a call or a delivery."""
        return self._failure

    async def open(self) -> None:
        """Create the client for the first of its users; it connects in the background.

        Raises:
            ConfigError: librdkafka rejects a property.
        """
        self._users += 1
        if self._users > 1:
            return
        hooks = {
            "error_cb": self._outage.report,
            "on_delivery": self._on_failed_delivery,
            "delivery.report.only.error": True,
        }
        self._client = self._create_client(hooks)
        silent = {"error_cb": Outage("kafka-check").report}
        self._connection = ConnectionCheck("kafka-producer", lambda: self._create_client(silent))
        self._thread.start()

    def _create_client(self, hooks: Mapping[str, object]) -> Producer:
        return create_client(Producer, self._translation, key=self.settings.key, hooks=hooks)

    async def check(self, topic: str) -> None:
        """Check that the topic exists.

        Raises:
            SinkError: It does not exist, or the cluster did not respond within `open_timeout` seconds.
        """
        await self._thread.run(
            lambda: fetch_partitions(
                self._client,
                topic,
                timeout=self.settings.open_timeout,
                servers=self.settings.bootstrap_servers,
                place=self.settings.place,
                outage=self._outage,
                raises=SinkError,
                away=SinkInterruptedError,
            )
        )

    async def produce(self, topic: str, outputs: Sequence[Output], *, partition: int = -1) -> None:
        """Queue outputs; waits while the queue is full.

        Args:
            topic: The topic.
            outputs: The outputs.
            partition: The partition; -1 for the partition of the key.

        Raises:
            OversizeError: An output exceeds `message.max.bytes`.
            SinkError: An earlier output was not delivered.
        """
        done = 0
        while True:
            self._poll(topic)
            if self._refused:
                await self.flush()
            if self._failure is not None:
                raise self._failure
            before, done = done, self._queue(topic, outputs, done, partition)
            if done == len(outputs):
                return
            if done > before:
                self.progressed()
            await asyncio.sleep(_QUEUE_FULL_INTERVAL)
            await self.check_connection()

    def _poll(self, topic: str) -> None:
        """Take the reports of failed deliveries."""
        try:
            self._client.poll(0)
        except KafkaException as error:  # a fatal error of the client is raised by whichever call is the next
            self.fail(error.args[0], f"Writing to {topic!r}")

    async def flush(self) -> None:
        """Return when all in-sync replicas have acknowledged all queued outputs of all users.

        Raises:
            RefusedError: The topic refused outputs. All others were delivered, or were dropped with the transaction.
            SinkError: An output was not delivered.
        """
        left = len(self._client)
        self.progressed()
        # After a refusal the others are awaited: each further refusal that is known now spares another resumption.
        while (missing := await self._poll_deliveries(_SLICE)) and (self._failure is None or self._refused):
            if missing < left:
                left = missing
                self.progressed()
            await self.check_connection()
        if self._failure is not None:
            await self._read_size_limits(self._failure)
            raise self._failure
        self._outage.resolved()

    async def _read_size_limits(self, failure: SinkError) -> None:
        if isinstance(failure, RefusedError):
            topics = {refused.target for refused in failure.refused if refused.by_size} - failure.limits.keys()
            failure.limits |= await self._thread.run(lambda: fetch_size_limits(topics, self.settings))

    async def check_connection(self) -> None:
        """Check the connection while a call makes no progress.

        Raises:
            SinkInterruptedError: The brokers respond, but not to this client.
        """
        if not await self._thread.run(lambda: self._connection.is_cut_off(self._client)):
            return
        servers = self.settings.bootstrap_servers
        self._failure = SinkInterruptedError(
            f"The client of {servers} has lost all of its brokers, although they respond.",
            hint="A new client is necessary.",
            servers=servers,
        )
        raise self._failure

    def progressed(self) -> None:
        """Record that the connection works: the next check is due after some time without progress."""
        self._connection.progressed()

    async def run(self, call: Callable[[], T]) -> T:
        """Run a blocking call of the client on the thread of the producer."""
        return await self._thread.run(call)

    async def close(self) -> None:
        """Close the client after its last user; queued outputs have some seconds to be delivered, unless one failed."""
        self._users = max(0, self._users - 1)
        if self._users or not self._thread.is_running:
            return
        if left := await self._poll_deliveries(0.0 if self._failure else _CLOSE_TIMEOUT):
            if self._failure is None:
                log.warning("messages_not_delivered", messages=left)
            self._client.purge()
        await self._thread.run(self._drop_client)
        await self._thread.stop()

    def fail(self, error: KafkaError, doing: str) -> SinkError:
        """Return the error of a failed call, which `produce` and `flush` raise from now on.

        A coordinator that aborts a transaction after its timeout fences the producer, as another process with the same
        transactional id would. A transaction that is younger than its timeout was fenced by another process.
        """
        if self._failure is None:
            text = f"{doing} at {self.settings.bootstrap_servers} failed: {error.str()}."
            self._failure = self._build_failure(error, text)
        return self._failure

    def _build_failure(self, error: KafkaError, text: str, **ids: object) -> SinkError:
        ids |= {"servers": self.settings.bootstrap_servers, "code": error.name()}
        if error.code() in FENCED and self._is_transaction_overdue():
            hint = "The brokers abort a transaction after transaction.timeout.ms; an outage was longer."
            return SinkInterruptedError(text, hint=hint, **ids)
        return sink_error_class(error)(text, hint=hint_for(error), **ids)

    @property
    def _transaction_timeout(self) -> float:
        return int(reveal(self._translation.properties.get("transaction.timeout.ms", "60000"))) / 1000

    def _is_transaction_overdue(self) -> bool:
        began = self.transaction_began
        return began is not None and time.monotonic() - began >= self._transaction_timeout

    def _drop_client(self) -> None:
        """Destroy the client here, and not on the loop: it waits for its threads."""
        del self._client

    async def _poll_deliveries(self, seconds: float) -> int:
        """Wait for acknowledgements for at most so many seconds; return the number of missing ones."""
        try:
            return await self._thread.run(lambda: self._client.flush(seconds))
        except KafkaException as error:
            self.fail(error.args[0], "Flushing")
            return len(self._client)

    def _queue(self, topic: str, outputs: Sequence[Output], start: int, partition: int) -> int:
        """Queue outputs from `start` until the queue is full; return the position of the first output that was not queued."""
        produce = self._client.produce
        position = start
        try:
            for position in range(start, len(outputs)):
                _, key, value, timestamp = outputs[position]
                produce(topic, value, key, partition, timestamp=timestamp or 0)
        except BufferError:
            return position
        except KafkaException as error:
            raise self._produce_error(error.args[0], topic, outputs, position) from error
        return len(outputs)

    def _produce_error(self, error: KafkaError, topic: str, outputs: Sequence[Output], position: int) -> SinkError:
        if error.code() != KafkaError.MSG_SIZE_TOO_LARGE:
            return self.fail(error, f"Writing to {topic!r}")
        size = len(outputs[position].value) + len(outputs[position].key or b"")
        return OversizeError(
            f"A record of {size} bytes is too large for the topic {topic!r}: the producer accepts {self._limit}.",
            hint=f"Raise {self.settings.key}.max.request.size (and the topic's max.message.bytes), or lower "
            "enrich.max_content_size.",
            topic=topic,
            position=position,
            size=size,
            limit=self._limit,
        )

    def _on_failed_delivery(self, error: KafkaError | None, message: Message) -> None:
        # Called for failures only, on the thread that polls or flushes.
        if error is None or error.code() in PURGED:
            return
        if error.code() in REFUSED:
            self._remember_refused(error, message)
        if self._failure is not None:
            return
        text = (
            f"A record for the topic {message.topic()!r} was not delivered to {self.settings.bootstrap_servers}: "
            f"{error.str()} (key {message.key()!r}, {len(message)} bytes)."
        )
        ids = {"topic": message.topic(), "key": message.key(), "size": len(message)}
        if self._refused:
            self._failure = RefusedError(text, hint=hint_for(error), refused=self._refused, code=error.name(), **ids)
        else:
            self._failure = self._build_failure(error, text, **ids)

    def _remember_refused(self, error: KafkaError, message: Message) -> None:
        if len(self._refused) < _MAX_REFUSED:
            key, value = message.key(), message.value() or b""
            self._refused.append(
                RefusedOutput(
                    digest_output(key, value),
                    size=len(value) + len(key or b""),
                    target=message.topic() or "",
                    reason=error.str(),
                    by_size=error.code() == KafkaError.MSG_SIZE_TOO_LARGE,
                )
            )
