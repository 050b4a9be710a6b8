"""The processor of jobs that end in a store, which keeps the positions of the source with its data."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import structlog

from wikistate.telemetry import metrics

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from collections.abc import Set as AbstractSet

    from wikistate.config.model import LocalRunnerSettings
    from wikistate.runners.local.processor import Polled
    from wikistate.streaming.ports import ResumePositions, Source
    from wikistate.streaming.record import Partition
    from wikistate.streaming.store_job import StoreJob
    from wikistate.telemetry.meter import Meter

log = structlog.get_logger(__name__)


class StoreProcessor:
    """Processor of a job that ends in a store. See `Processor` for the protocol.

    One batch of records is processed at a time. There is no room while the store is busy or away.

    Args:
        job: The job; opened and closed with the processor.
        make_source: Makes a source that resumes at the given positions; called again after each rewind.
        settings: The most records of a poll, and the interval at which positions are reported.
        meter: Takes the measurements.
    """

    resume = None
    """The sinks of the job are built with it, so the processor is built again."""

    def __init__(
        self,
        job: StoreJob,
        make_source: Callable[[ResumePositions], Source],
        *,
        settings: LocalRunnerSettings,
        meter: Meter,
    ) -> None:
        self.source = make_source(lambda: job.positions)
        self.progressed = asyncio.Event()
        self._job = job
        self._make_source = make_source
        self._poll_records = settings.poll_records
        self._commit_interval = settings.commit_interval
        self._batch: asyncio.Task[None] | None = None
        self._reported: dict[Partition, int] = {}
        self._reported_at = 0.0
        self._unreported = False
        self._consumed = meter.counter(metrics.EVENTS_CONSUMED)
        self._commits = meter.counter(metrics.COMMITS)
        self._waiting_gauge = meter.gauge(metrics.WAITING_FOR_DEPENDENCY, what="stream")

    async def open(self) -> None:
        """See `Processor`."""
        await self._job.open()

    def start(self) -> Sequence[asyncio.Task[None]]:
        """See `Processor`. The batch in work is not among them: `room` raises its error."""
        self._reported = {}
        return ()

    def room(self) -> int:
        """See `Processor`."""
        if self._batch is None:
            return self._poll_records
        if not self._batch.done():
            return 0
        batch, self._batch = self._batch, None
        batch.result()
        return self._poll_records

    async def submit(self, polled: Polled) -> None:
        """See `Processor`."""
        self._consumed(len(polled.records))
        self._waiting_gauge(float(not polled.records))
        self._unreported = True
        self._batch = asyncio.create_task(self._job.process(polled.records, caught_up=polled.caught_up), name="batch")
        self._batch.add_done_callback(lambda _: self.progressed.set())

    @property
    def checkpoint_due(self) -> bool:
        """See `Processor`."""
        batch = self._batch
        applied = batch is None or (batch.done() and not batch.cancelled() and batch.exception() is None)
        return self._unreported and applied and time.monotonic() - self._reported_at >= self._commit_interval

    async def checkpoint(self) -> None:
        """See `Processor`. Reports positions to the source, for readers of its lag; a run never resumes from them."""
        self._reported_at, self._unreported = time.monotonic(), False
        held = {part: offset for part, offset in self._job.positions.items() if self._reported.get(part) != offset}
        if held:
            await self.source.commit(held)
            self._reported |= held
            self._commits(1)

    def stop(self) -> None:
        """See `Processor`."""

    async def drain(self, *, ended: bool) -> None:
        """See `Processor`."""
        if self._batch is not None:
            batch, self._batch = self._batch, None
            await batch  # a cancellation of the drain cancels it as well
        await (self._job.finish() if ended else self._job.flush())

    async def finish(self, *, drained: bool) -> None:
        """See `Processor`."""
        if not drained:
            log.warning("drain_timeout_reached")
        await self.checkpoint()

    async def rewind(self) -> None:
        """See `Processor`."""
        await self._cancel_batch()
        await self._job.rewind()
        self.source = self._make_source(lambda: self._job.positions)

    async def revoked(self, partitions: AbstractSet[Partition]) -> None:
        """See `Processor`. The partitions are assigned by hand and stay."""

    async def close(self) -> None:
        """See `Processor`."""
        await self._cancel_batch()
        await self._job.close()

    async def _cancel_batch(self) -> None:
        if self._batch is not None:
            batch, self._batch = self._batch, None
            batch.cancel()
            await asyncio.gather(batch, return_exceptions=True)
