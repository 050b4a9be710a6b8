"""The three delivery guarantees: how outputs are written and when source positions are committed.

========================  ================================================================================
``AT_LEAST_ONCE``         flush the sinks, then commit the positions: a crash in between repeats, never loses
``EXACTLY_ONCE``          outputs and positions in one Kafka transaction; needs Kafka on all ends
``NONE``                  commit without waiting for the sinks: a crash may lose what they had buffered
========================  ================================================================================
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wikistate.adapters.connectors.kafka.source import KafkaSource
    from wikistate.adapters.connectors.kafka.transactions import KafkaTransactions
    from wikistate.adapters.connectors.ports import Sink, Source
    from wikistate.core.record import Output, Partition, Role


class Delivery(Protocol):
    """Writes outputs and commits positions.

    Protocol: `open` once; `write` and `commit` never overlap each other; `close` once. `commit` covers all that was
    written before it.
    """

    in_partition_order: bool
    """Whether outputs must be written in the order of their partition, because a commit covers exactly a prefix."""

    async def open(self) -> None:
        """Open the sinks."""

    async def write(self, outputs: Sequence[Output]) -> None:
        """Hand outputs to their sinks. Raises `SinkError`."""

    async def commit(self, positions: Mapping[Partition, int]) -> None:
        """Make what was written durable, and the positions with it, which may be none.

        Raises:
            SinkError: Something that was written did not arrive.
            SourceError: The positions cannot be kept.
        """

    async def close(self) -> None:
        """Close the sinks."""


class AtLeastOnce:
    """Flush, then commit."""

    in_partition_order = False

    def __init__(self, source: Source, sinks: Mapping[Role, Sink]) -> None:
        self._source = source
        self._sinks = sinks

    async def open(self) -> None:
        """See `Delivery`."""
        for sink in self._sinks.values():
            await sink.open()

    async def write(self, outputs: Sequence[Output]) -> None:
        """See `Delivery`."""
        await _write_by_role(self._sinks, outputs)

    async def commit(self, positions: Mapping[Partition, int]) -> None:
        """See `Delivery`."""
        for sink in self._sinks.values():
            await sink.flush()
        if positions:
            await self._source.commit(positions)

    async def close(self) -> None:
        """See `Delivery`."""
        for sink in self._sinks.values():
            await sink.close()


class NoGuarantee(AtLeastOnce):
    """Commit without flushing."""

    async def commit(self, positions: Mapping[Partition, int]) -> None:
        """See `Delivery`."""
        if positions:
            await self._source.commit(positions)


class ExactlyOnce:
    """Outputs and positions in one transaction, which begins with the first output after a commit."""

    in_partition_order = True

    def __init__(self, source: KafkaSource, sinks: Mapping[Role, Sink], transactions: KafkaTransactions) -> None:
        self._source = source
        self._sinks = sinks
        self._transactions = transactions

    async def open(self) -> None:
        """See `Delivery`."""
        await self._transactions.open()
        for sink in self._sinks.values():
            await sink.open()

    async def write(self, outputs: Sequence[Output]) -> None:
        """See `Delivery`."""
        await self._transactions.begin()
        await _write_by_role(self._sinks, outputs)

    async def commit(self, positions: Mapping[Partition, int]) -> None:
        """See `Delivery`."""
        await self._transactions.commit(positions, await self._source.group_metadata())

    async def close(self) -> None:
        """See `Delivery`. What is not committed is aborted."""
        await self._transactions.close()
        for sink in self._sinks.values():
            await sink.close()


async def _write_by_role(sinks: Mapping[Role, Sink], outputs: Sequence[Output]) -> None:
    for role, sink in sinks.items():
        batch = [output for output in outputs if output.role is role]
        if batch:
            await sink.write(batch)
