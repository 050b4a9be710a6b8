"""Exactly-once from Kafka to Kafka: outputs and the offsets of the source in one transaction."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import structlog
from confluent_kafka import KafkaException

from wikistate.adapters.connectors.kafka.errors import sink_error
from wikistate.adapters.connectors.kafka.source import to_topic_partitions
from wikistate.adapters.connectors.start_waits import START_WAITS
from wikistate.errors import SinkError, SinkInterruptedError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from confluent_kafka import KafkaError

    from wikistate.adapters.connectors.kafka.producer import KafkaProducer
    from wikistate.streaming.record import Partition

log = structlog.get_logger(__name__)

_RETRY_INTERVAL = 0.1  # seconds between retries of a call
_CALL_TIMEOUT = 10.0  # seconds for one call; a call that timed out is repeated to resume it
_ABORT_TIMEOUT = 10.0  # seconds for the abort of a transaction when the job ends


class KafkaTransactions:
    """The transactions of one producer, whose sinks all write within them.

    Protocol: `open` once, which aborts an unfinished transaction of an earlier producer with the same id and fences
    that producer. Then `begin`, writes to sinks and `commit`, repeatedly. After `commit` raised, its transaction is
    neither committed nor aborted here, because its outcome may be unknown: `close`, and open new transactions with the
    same id. `open` returns when the outcome is known, and the offsets of the source that the group has then are those of
    the last committed transaction: read again from there. Source: Apache Kafka, KIP-98, KIP-360 and KIP-447.

    Args:
        producer: A producer with a `transactional_id`; its sinks must be on the cluster of the source.
    """

    def __init__(self, producer: KafkaProducer) -> None:
        self._producer = producer
        self._open = False
        self._in_transaction = False

    async def open(self) -> None:
        """Initialise the transactional id.

        Raises:
            SinkError: The cluster does not respond in time, or rejects the id or its timeout.
        """
        await self._producer.open()
        self._open = True
        timeout = self._producer.settings.open_timeout
        with START_WAITS.announce(self._producer.settings.place, timeout):
            await self._retry(lambda: self._producer.client.init_transactions(timeout), "Initialising", within=timeout)

    async def begin(self) -> None:
        """Open a transaction, unless one is open.

        Raises:
            SinkError: Another process uses the transactional id, or an outage has made the producer unusable.
        """
        if not self._in_transaction:
            await self._retry(self._producer.client.begin_transaction, "Beginning", within=0)
            self._in_transaction = True
            self._producer.transaction_began = time.monotonic()

    async def commit(self, positions: Mapping[Partition, int], group_metadata: object) -> None:
        """Commit outputs and positions: both or neither.

        A call without a response is repeated: that is the only way to learn its outcome.

        Args:
            positions: The offsets, as for `Source.commit`.
            group_metadata: The result of `KafkaSource.group_metadata`.

        Raises:
            SinkInterruptedError: An outage or a rebalance broke the transaction, or its outcome is unknown.
            SinkError: Another process uses the transactional id, or the cluster rejects an output.
        """
        client, timeout = self._producer.client, self._producer.settings.transaction_timeout
        await self.begin()
        await self._producer.flush()
        if offsets := to_topic_partitions(positions):
            await self._retry(
                lambda: client.send_offsets_to_transaction(offsets, group_metadata, _CALL_TIMEOUT),
                "Adding offsets to",
                within=timeout,
            )
        await self._retry(lambda: client.commit_transaction(_CALL_TIMEOUT), "Committing", within=timeout)
        self._in_transaction = False
        self._producer.transaction_began = None

    async def abort(self) -> None:
        """Discard the outputs since `begin`, if a transaction is open.

        After an interruption this does nothing: the next producer with the same id aborts the transaction.

        Raises:
            SinkError: The cluster does not respond; it aborts the transaction automatically after its timeout.
        """
        if not self._in_transaction:
            return
        self._in_transaction = False
        if isinstance(self._producer.failure, SinkInterruptedError):
            return
        try:
            await self._producer.run(lambda: self._producer.client.abort_transaction(_ABORT_TIMEOUT))
        except KafkaException as error:
            reason: KafkaError = error.args[0]
            if not reason.fatal():  # otherwise the transaction is no longer that of this process
                raise sink_error(
                    reason, self._describe("Aborting"), servers=self._producer.settings.bootstrap_servers
                ) from error

    async def close(self) -> None:
        """Abort an open transaction and close the producer. May be called when `open` failed, and twice."""
        if self._open:
            self._open = False
            try:
                await self.abort()
            except SinkError as error:
                log.warning("transaction_abort_failed", reason=str(error))
            finally:
                await self._producer.close()

    async def _retry(self, call: Callable[[], None], doing: str, *, within: float) -> None:
        deadline = time.monotonic() + within
        self._producer.progressed()
        while True:
            try:
                return await self._producer.run(call)
            except KafkaException as error:
                reason: KafkaError = error.args[0]
                if not reason.retriable() or time.monotonic() > deadline:
                    raise self._producer.fail(reason, self._describe(doing)) from error
            await self._producer.check_connection()
            await self._producer.run(lambda: time.sleep(_RETRY_INTERVAL))

    def _describe(self, doing: str) -> str:
        return f"{doing} a transaction of {self._producer.settings.transactional_id!r}"
