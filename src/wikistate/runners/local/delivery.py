"""The three delivery guarantees: how outputs are written and when source positions are committed.

========================  ================================================================================
``AT_LEAST_ONCE``         flush the sinks, then commit the positions: a crash repeats outputs, never loses them
``EXACTLY_ONCE``          outputs and positions in one Kafka transaction; needs Kafka at all endpoints
``NONE``                  commit without waiting for the sinks: a crash may lose outputs in their buffers
========================  ================================================================================

A sink that keeps the positions of the source with its data (Parquet) holds each event once under every guarantee.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from wikistate.streaming.record import Role
from wikistate.wiring.connectors import check_sink

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wikistate.adapters.connectors.kafka.source import KafkaSource
    from wikistate.adapters.connectors.kafka.transactions import KafkaTransactions
    from wikistate.adapters.connectors.parquet import ParquetSink
    from wikistate.streaming.ports import Sink, Source
    from wikistate.streaming.record import Output, Partition


class Delivery(Protocol):
    """Port of the runner that writes outputs and commits positions.

    Protocol: `open` once; `write` and `commit` never overlap each other; `close` once. A `commit` covers all outputs
    that were written before it.
    """

    in_partition_order: bool
    """Whether outputs must be written in the order of their partition, because a commit covers exactly a prefix."""

    @property
    def has_pending_commit(self) -> bool:
        """Whether a commit was postponed, so that it must be requested again although nothing new was written."""

    async def open(self) -> None:
        """Open the sinks."""

    async def write(self, outputs: Sequence[Output]) -> None:
        """Write outputs to their sinks. Raises `SinkError`."""

    async def commit(self, positions: Mapping[Partition, int], *, force: bool) -> None:
        """Make the written outputs durable, and the positions with them.

        Args:
            positions: The first offset of each partition that is not done; may be empty.
            force: Whether the commit must not be postponed: the run ends, or the partitions move to another reader.

        Raises:
            SinkError: A written output did not arrive.
            SourceError: The positions cannot be committed.
        """

    async def close(self) -> None:
        """Close the sinks."""


class AtLeastOnce:
    """Delivery that flushes, then commits.

    Args:
        source: The source that commits the positions.
        sinks: The sinks by role; both roles may share one.
        committed: Receives the committed positions, for a source that does not keep them itself.
    """

    in_partition_order = False
    has_pending_commit = False

    def __init__(
        self, source: Source, sinks: Mapping[Role, Sink], committed: dict[Partition, int] | None = None
    ) -> None:
        self._source = source
        self._committed = {} if committed is None else committed
        self._sinks = sinks
        self._distinct_sinks = tuple(dict.fromkeys(sinks.values()))  # both roles may share a sink

    async def check(self) -> None:
        """Check that the sinks can be written, and create nothing."""
        for sink in self._distinct_sinks:
            await check_sink(sink)

    async def open(self) -> None:
        """See `Delivery`."""
        for sink in self._distinct_sinks:
            await sink.open()

    async def write(self, outputs: Sequence[Output]) -> None:
        """See `Delivery`."""
        await _write_by_role(self._sinks, outputs)

    async def commit(self, positions: Mapping[Partition, int], *, force: bool) -> None:  # noqa: ARG002  (never postponed)
        """See `Delivery`."""
        for sink in self._distinct_sinks:
            await sink.flush()
        await self._commit_source(positions)

    async def _commit_source(self, positions: Mapping[Partition, int]) -> None:
        if positions:
            await self._source.commit(positions)
            self._committed.update(positions)

    async def close(self) -> None:
        """See `Delivery`."""
        for sink in self._distinct_sinks:
            await sink.close()


class NoGuarantee(AtLeastOnce):
    """Delivery that commits without flushing."""

    async def commit(self, positions: Mapping[Partition, int], *, force: bool) -> None:  # noqa: ARG002  (never postponed)
        """See `Delivery`."""
        await self._commit_source(positions)


class ExactlyOnce:
    """Delivery of outputs and positions in one transaction, which begins with the first output after a commit."""

    in_partition_order = True
    has_pending_commit = False

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

    async def commit(self, positions: Mapping[Partition, int], *, force: bool) -> None:  # noqa: ARG002  (never postponed)
        """See `Delivery`."""
        await self._transactions.commit(positions, await self._source.group_metadata())

    async def close(self) -> None:
        """See `Delivery`. Uncommitted outputs are aborted."""
        await self._transactions.close()
        for sink in self._sinks.values():
            await sink.close()


class TableDelivery:
    """Delivery of outputs and positions in one commit of a folder; the source starts at the positions in the folder.

    Small files are a burden, so a commit is postponed until the sink reports that it is due. Error events are flushed
    before it: they may be repeated after a crash. The positions of the source itself (the offsets of a consumer group)
    are committed afterwards, for monitoring of the lag.
    """

    in_partition_order = True

    def __init__(self, source: Source, sink: ParquetSink, errors: Sink) -> None:
        self._source = source
        self._sink = sink
        self._errors = errors
        self._positions: dict[Partition, int] = {}

    @property
    def has_pending_commit(self) -> bool:
        """See `Delivery`."""
        return bool(self._positions)

    async def open(self) -> None:
        """See `Delivery`."""
        await self._sink.open()
        await self._errors.open()

    async def write(self, outputs: Sequence[Output]) -> None:
        """See `Delivery`."""
        await _write_by_role({Role.SINK: self._sink, Role.ERROR: self._errors}, outputs)

    async def commit(self, positions: Mapping[Partition, int], *, force: bool) -> None:
        """See `Delivery`."""
        self._positions |= positions
        await self._errors.flush()
        if not (force or self._sink.is_due):
            return
        done, self._positions = self._positions, {}
        await self._sink.commit(done)
        if done:
            await self._source.commit(done)

    async def close(self) -> None:
        """See `Delivery`. Uncommitted outputs are dropped: the next run writes them."""
        try:
            await self._sink.discard()
        finally:
            await self._sink.close()
            await self._errors.close()


async def _write_by_role(sinks: Mapping[Role, Sink], outputs: Sequence[Output]) -> None:
    for role, sink in sinks.items():
        batch = [output for output in outputs if output.role is role]
        if batch:
            await sink.write(batch)
