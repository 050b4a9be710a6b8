"""A run between real topics whose broker goes away at a chosen phase of its delivery."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar

from wikistate.adapters.connectors.kafka.producer import KafkaProducer
from wikistate.adapters.connectors.kafka.settings import KafkaProducerSettings
from wikistate.adapters.connectors.kafka.sink import KafkaSink
from wikistate.adapters.connectors.kafka.source import KafkaSource
from wikistate.adapters.connectors.kafka.transactions import KafkaTransactions
from wikistate.config.model import LocalRunnerSettings
from wikistate.runners.local.delivery import AtLeastOnce, Delivery, ExactlyOnce
from wikistate.runners.local.runner import LocalRunner
from wikistate.runners.local.stateless_processor import StatelessProcessor
from wikistate.streaming.record import OnDone, Output, Record, Role, WorkItem
from wikistate.telemetry import metrics
from wikistate.telemetry.meter import RecordingMeter

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

    from tests.integration.kafka.conftest import KafkaCluster

    from wikistate.streaming.record import Partition

    T = TypeVar("T")

WAIT = 240.0
"""Seconds until a wait fails: the machine may be busy with other tests."""


class Phase(StrEnum):
    """A moment of a delivery."""

    BEFORE = "before"  # nothing is in flight
    IN_FLIGHT = "in_flight"  # records were handed to the producer and are not flushed
    FLUSH = "flush"  # the producer waits for acknowledgements
    OFFSETS = "offsets"  # the offsets are on their way
    COMMIT = "commit"  # the transaction is being committed; the same as OFFSETS without transactions
    AFTER = "after"  # a commit has just returned


class Trigger:
    """The outage that begins when a phase is reached. Its owner arms it for the next outage."""

    def __init__(self) -> None:
        self._phase: Phase | None = None
        self._outage: Callable[[], Awaitable[None]] | None = None
        self._begun = asyncio.Event()
        self._running: asyncio.Future[None] | None = None
        self._delay = 0.0

    def arm(self, phase: Phase, outage: Callable[[], Awaitable[None]], *, delay: float) -> None:
        """Begin the outage when the phase is reached; `delay` seconds later the call of the phase continues."""
        self._phase, self._outage, self._delay = phase, outage, delay
        self._begun.clear()

    async def reach(self, *phases: Phase) -> None:
        """Begin the outage if it is armed for one of these phases."""
        if self._phase in phases and self._outage is not None:
            self._phase = None
            self._running = asyncio.ensure_future(self._outage())
            self._begun.set()
            await asyncio.sleep(self._delay)

    async def until_over(self) -> None:
        """Return when the outage has begun and ended."""
        async with asyncio.timeout(WAIT):
            await self._begun.wait()
            if self._running is not None:
                await self._running


class _Producer(KafkaProducer):
    """A producer that reports the phases of a delivery."""

    trigger: Trigger

    async def produce(self, topic: str, outputs: Sequence[Output], *, partition: int = -1) -> None:
        await super().produce(topic, outputs, partition=partition)
        await self.trigger.reach(Phase.IN_FLIGHT)

    async def flush(self) -> None:
        await self.trigger.reach(Phase.FLUSH)
        await super().flush()


class _Transactions(KafkaTransactions):
    """Transactions that report the phases of a commit."""

    trigger: Trigger

    async def commit(self, positions: Mapping[Partition, int], group_metadata: object) -> None:
        await super().commit(positions, group_metadata)
        await self.trigger.reach(Phase.AFTER)

    async def _retry(self, call: Callable[[], None], doing: str, *, within: float) -> None:
        match doing:
            case "Adding offsets to":
                await self.trigger.reach(Phase.OFFSETS)
            case "Committing":
                await self.trigger.reach(Phase.COMMIT)
        await super()._retry(call, doing, within=within)


class _Source(KafkaSource):
    """A source that reports its commits."""

    trigger: Trigger

    async def commit(self, positions: Mapping[Partition, int]) -> None:
        await self.trigger.reach(Phase.OFFSETS, Phase.COMMIT)
        await super().commit(positions)
        await self.trigger.reach(Phase.AFTER)


class Copy:
    """A job that copies each record."""

    async def open(self) -> None:
        """See `Job`."""

    async def close(self) -> None:
        """See `Job`."""

    def plan(self, record: Record) -> WorkItem:
        """See `Job`."""
        return WorkItem(record.key, record)

    def execute(self, item: WorkItem, on_done: OnDone) -> None:
        """See `Job`."""
        record = item.payload
        assert isinstance(record, Record)
        asyncio.get_running_loop().call_soon(on_done, [Output(Role.SINK, record.key, record.value or b"", None)])


class OutageRun:
    """A copy of a topic by a run with one delivery guarantee.

    Args:
        cluster: The broker that goes away.
        name: The prefix of its topics.
        exactly_once: Whether outputs and offsets are in transactions.
        properties: Client properties of the source and of the producer.
    """

    def __init__(
        self,
        cluster: KafkaCluster,
        name: str,
        *,
        exactly_once: bool,
        source: Mapping[str, Any] | None = None,
        producer: Mapping[str, object] | None = None,
    ) -> None:
        self._cluster = cluster
        self._exactly_once = exactly_once
        self._source_properties, self._producer_properties = dict(source or {}), dict(producer or {})
        self.source, self.sink = (
            cluster.broker.create_topic(f"{name}.{role}", settings={"max.message.bytes": "1000000"})
            for role in ("source", "sink")
        )
        self.meter = RecordingMeter()
        self.trigger = Trigger()
        self.written: list[bytes] = []
        settings = LocalRunnerSettings.model_validate({"commit_interval": 0.05})
        source_, delivery = self._connect()
        processor = StatelessProcessor(
            Copy(), source_, delivery, settings=settings, meter=self.meter, reconnect=self._connect
        )
        self._runner = LocalRunner(processor, settings=settings, meter=self.meter)
        self._task: asyncio.Task[None] | None = None

    def _connect(self) -> tuple[KafkaSource, Delivery]:
        source = _Source(self._cluster.settings(self.source, group=self.source, **self._source_properties))
        identity = self.source if self._exactly_once else ""
        producer = _Producer(
            KafkaProducerSettings(self._cluster.servers, self._producer_properties, transactional_id=identity)
        )
        source.trigger = producer.trigger = self.trigger
        sinks = {Role.SINK: KafkaSink(self.sink, producer)}
        if not self._exactly_once:
            return source, AtLeastOnce(source, sinks)
        transactions = _Transactions(producer)
        transactions.trigger = self.trigger
        return source, ExactlyOnce(source, sinks, transactions)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run inside the block and until all records are copied, then stop."""
        self._task = asyncio.create_task(self._runner.run())
        try:
            yield
            await self._wait_for(set(self.written), more=0)
            self._runner.stop()
            await self._task
        finally:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def write(self, count: int) -> None:
        """Write so many new records to the source."""
        values = [b"%d" % number for number in range(len(self.written), len(self.written) + count)]
        self.written += values
        await asyncio.to_thread(self._cluster.produce, self.source, values)

    def copied(self, isolation: str = "read_committed") -> list[bytes]:
        """Return the values on the sink."""
        return [value for _, value in self._cluster.read(self.sink, isolation=isolation)]

    async def until_copied(self) -> None:
        """Wait until all records that were written so far are on the sink.

        More records are written meanwhile, as on every stream: a broker that was killed in the middle of a commit may
        show the outputs of that transaction only with those of the next one.
        """
        await self._wait_for(set(self.written), more=1)

    async def _wait_for(self, wanted: set[bytes], *, more: int) -> None:
        async with asyncio.timeout(WAIT):
            while not set(await asyncio.to_thread(self.copied)) >= wanted:
                if self._task is not None and self._task.done():
                    self._task.result()
                    raise AssertionError("The run has ended.")
                await asyncio.sleep(0.2)
                await self.write(more)

    @property
    def interruptions(self) -> int:
        """The number of times that the run resumed at its last commit."""
        return int(self.meter.total(metrics.INTERRUPTIONS))

    def assert_complete(self) -> None:
        """Assert that each record was copied, in order, and as often as guaranteed."""
        found = self.copied()
        if self._exactly_once:
            assert found == self.written
        assert list(dict.fromkeys(found)) == self.written
