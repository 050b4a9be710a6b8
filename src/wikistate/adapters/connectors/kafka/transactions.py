"""Exactly-once from Kafka to Kafka: outputs and the offsets of the source in one transaction."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import structlog
from confluent_kafka import KafkaException

from wikistate.adapters.connectors.kafka.errors import sink_error
from wikistate.adapters.connectors.kafka.source import to_topic_partitions
from wikistate.errors import SinkError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from confluent_kafka import KafkaError

    from wikistate.adapters.connectors.kafka.producer import KafkaProducer
    from wikistate.streaming.record import Partition

log = structlog.get_logger(__name__)

_RETRY_INTERVAL = 0.1  # seconds between retries of a call


class KafkaTransactions:
    """The transactions of one producer, whose sinks all write within them.

    Protocol: `open` once, which aborts an unfinished transaction of an earlier process with the same id and fences
    that process. Then `begin`, writes to sinks and `commit`, repeatedly. When `commit` raises, no part of the transaction
    is visible to readers of committed records, the offsets of the source are unchanged, and the job must restart from
    them. `abort` discards an open transaction when the job ends. Source: Apache Kafka, KIP-98 and KIP-447.

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
        await self._retry(lambda: self._producer.client.init_transactions(timeout), "Initialising", within=timeout)

    async def begin(self) -> None:
        """Open a transaction, unless one is open.

        Raises:
            SinkError: Another process uses the transactional id.
        """
        if not self._in_transaction:
            await self._retry(self._producer.client.begin_transaction, "Beginning", within=0)
            self._in_transaction = True

    async def commit(self, positions: Mapping[Partition, int], group_metadata: object) -> None:
        """Commit outputs and positions: both or neither.

        Args:
            positions: The offsets, as for `Source.commit`.
            group_metadata: The result of `KafkaSource.group_metadata`.

        Raises:
            SinkError: The transaction was aborted, or another process uses the transactional id.
        """
        client, timeout = self._producer.client, self._producer.settings.transaction_timeout
        await self.begin()
        try:
            await self._producer.flush()
            if offsets := to_topic_partitions(positions):
                await self._retry(
                    lambda: client.send_offsets_to_transaction(offsets, group_metadata, timeout),
                    "Adding offsets to",
                    within=timeout,
                )
            await self._retry(lambda: client.commit_transaction(timeout), "Committing", within=timeout)
        except SinkError:
            await self._abort_quietly()
            raise
        self._in_transaction = False

    async def abort(self) -> None:
        """Discard the outputs since `begin`, if a transaction is open.

        Raises:
            SinkError: The cluster does not respond; it aborts the transaction automatically after its timeout.
        """
        if self._in_transaction:
            self._in_transaction = False
            timeout = self._producer.settings.transaction_timeout
            await self._retry(lambda: self._producer.client.abort_transaction(timeout), "Aborting", within=timeout)

    async def close(self) -> None:
        """Abort an open transaction and close the producer. May be called when `open` failed, and twice."""
        if self._open:
            self._open = False
            try:
                await self.abort()
            finally:
                await self._producer.close()

    async def _abort_quietly(self) -> None:
        try:
            await self.abort()
        except SinkError as error:
            # The first failure is raised; the broker aborts the transaction automatically after its timeout.
            log.warning("transaction_abort_failed", reason=str(error))

    async def _retry(self, call: Callable[[], None], doing: str, *, within: float) -> None:
        deadline = time.monotonic() + within
        while True:
            try:
                return await self._producer.run(call)
            except KafkaException as error:
                reason: KafkaError = error.args[0]
                if not reason.retriable() or time.monotonic() > deadline:
                    raise self._sink_error(reason, doing) from error
            await self._producer.run(lambda: time.sleep(_RETRY_INTERVAL))

    def _sink_error(self, reason: KafkaError, doing: str) -> SinkError:
        if reason.fatal():
            self._in_transaction = False  # this process can no longer abort it
        identity, servers = self._producer.settings.transactional_id, self._producer.settings.bootstrap_servers
        return sink_error(reason, f"{doing} a transaction of {identity!r}", servers=servers)
