"""The processor of jobs without state: order, bounds, writing and commits behind the written outputs.

Three tasks share one `InFlight`: the reader of the runner admits records while there is room, the writer hands released
outputs to the sinks, and the committer makes them durable at intervals. A full sink stops the writer, the records in
flight grow to their bounds, and the reader stops: that is all of the back-pressure.
"""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import structlog

from wikistate.errors import InternalError
from wikistate.runners.local.refusals import Refusals
from wikistate.runners.metrics import StatelessMetrics
from wikistate.streaming.error_limit import ErrorLimit
from wikistate.streaming.in_flight import InFlight

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Hashable, Sequence
    from collections.abc import Set as AbstractSet

    from wikistate.config.model import LocalRunnerSettings
    from wikistate.runners.local.delivery import Delivery
    from wikistate.runners.local.processor import Polled
    from wikistate.streaming.job import Job
    from wikistate.streaming.ordering import InFlightRecord
    from wikistate.streaming.ports import Source
    from wikistate.streaming.record import OnDone, Output, Partition, WorkItem
    from wikistate.telemetry.meter import Meter

log = structlog.get_logger(__name__)


class StatelessProcessor:
    """Processor of a job without state. See `Processor` for the protocol.

    Args:
        job: The job.
        source: The source of the records.
        delivery: Writes outputs and commits positions.
        settings: Bounds and intervals.
        meter: Takes the measurements.
        error_limit: Ends the run when too many events fail.
        refusals: Reports outputs that a topic refuses; `reconnect` applies its size of batches.
        reconnect: Makes a source that starts at the last commit, and the delivery of its outputs, after an outage. None:
            the processor cannot resume.
    """

    rewind = None
    checkpoint_due = False
    """A task commits at intervals beside the reading."""

    def __init__(
        self,
        job: Job,
        source: Source,
        delivery: Delivery,
        *,
        settings: LocalRunnerSettings,
        meter: Meter,
        error_limit: ErrorLimit | None = None,
        refusals: Refusals | None = None,
        reconnect: Callable[[], tuple[Source, Delivery]] | None = None,
    ) -> None:
        self.source = source
        self.progressed = asyncio.Event()
        self._job = job
        self._reconnect = reconnect
        self._settings = settings
        self._delivery = delivery
        self._commit_interval = settings.commit_interval
        self._error_limit = error_limit or ErrorLimit()
        self._refusals = refusals or Refusals(job)
        self._in_flight = self._make_in_flight()
        self._released = asyncio.Event()
        self._sinks_lock = asyncio.Lock()  # a commit covers exactly the outputs that were written before it
        self._unflushed = False
        self._defect: InternalError | None = None
        self._committer: asyncio.Task[None] | None = None
        self._metrics = StatelessMetrics(meter)

    def _make_in_flight(self) -> InFlight:
        return InFlight(
            max_events=self._settings.max_in_flight_events,
            max_bytes=self._settings.max_in_flight_bytes,
            max_uncommitted=self._settings.max_uncommitted_events,
        )

    async def open(self) -> None:
        """See `Processor`."""
        await self._job.open()
        await self._delivery.open()

    @property
    def resume(self) -> Callable[[], Coroutine[Any, Any, None]] | None:
        """See `Processor`. The job stays open: results that it still works on are dropped when they arrive."""
        return None if self._reconnect is None else self._resume

    async def _resume(self) -> None:
        if self._reconnect is None:
            raise InternalError("This processor cannot resume.", hint="Please report it.")
        await self._delivery.close()
        self.source, self._delivery = self._reconnect()
        self._in_flight, self._unflushed = self._make_in_flight(), False
        await self._delivery.open()

    def start(self) -> Sequence[asyncio.Task[None]]:
        """See `Processor`."""
        self._committer = asyncio.create_task(self._commit_at_intervals(), name="committer")
        return (asyncio.create_task(self._write(), name="writer"), self._committer)

    def room(self) -> int:
        """See `Processor`."""
        return self._in_flight.room()

    async def submit(self, polled: Polled) -> None:
        """See `Processor`."""
        now = time.monotonic()
        in_flight, job = self._in_flight, self._job
        refusals = self._refusals if self._refusals.batch_bytes is not None else None
        for record in polled.records:
            admitted = in_flight.admit(record, now)
            item = job.plan(record)
            in_flight.enqueue(admitted, self._order_key(admitted, item))
            on_done: OnDone = partial(self._on_done, in_flight, admitted)
            job.execute(item, on_done if refusals is None else refusals.wrap(record, on_done))
        self._metrics.consumed(len(polled.records))
        self._metrics.record_in_flight(in_flight)

    def _order_key(self, admitted: InFlightRecord, item: WorkItem) -> Hashable:
        return admitted.partition if self._delivery.in_partition_order else item.key

    def _on_done(self, in_flight: InFlight, admitted: InFlightRecord, outputs: list[Output]) -> None:
        try:
            in_flight.finish(admitted, outputs)
        except RuntimeError as defect:
            # The caller may swallow an exception, and a run that can never end must not continue.
            self._defect = InternalError(str(defect), hint="Please report it.")
        self._released.set()

    async def _write(self) -> None:
        while True:
            await self._released.wait()
            self._released.clear()
            if self._defect is not None:
                raise self._defect
            async with self._sinks_lock:
                await self._write_released()
            self.progressed.set()

    async def _write_released(self) -> None:
        released = self._in_flight.take_released()
        outputs = [output for record in released for output in record.outputs or ()]
        if outputs:
            self._unflushed = True
            with self._refusals.learning():
                await self._delivery.write(outputs)
            # While the records still count as in flight: after an error here none of them is committed.
            self._error_limit.observe(outputs)
        self._in_flight.mark_written(released)
        self._metrics.record_written(released, outputs)
        self._metrics.record_in_flight(self._in_flight)

    async def _commit_at_intervals(self) -> None:
        while True:
            await asyncio.sleep(self._commit_interval)
            await self.checkpoint()
            self.progressed.set()

    async def checkpoint(self) -> None:
        """See `Processor`."""
        await self._commit(force=False)

    async def _commit(self, *, force: bool) -> None:
        async with self._sinks_lock:
            positions = self._in_flight.take_positions()
            # Written outputs are flushed also while a slow event keeps every position back: readers wait for them.
            if positions or self._unflushed or self._delivery.has_pending_commit:
                self._unflushed = False
                with self._refusals.learning():
                    await self._delivery.commit(positions, force=force)
                self._metrics.commits(1)

    def stop(self) -> None:
        """See `Processor`."""

    async def drain(self, *, ended: bool) -> None:  # noqa: ARG002  (records in flight are finished in either case)
        """See `Processor`."""
        while self._in_flight.events:
            self.progressed.clear()
            await self.progressed.wait()

    async def finish(self, *, drained: bool) -> None:
        """See `Processor`."""
        if self._committer is not None:
            async with self._sinks_lock:  # never in the middle of a commit: its positions are taken and would be lost
                self._committer.cancel()
        if drained:
            await self._commit(force=True)
        else:  # a write may have been interrupted, so nothing more is committed
            log.warning("drain_timeout_reached", events=self._in_flight.events)

    async def revoked(self, partitions: AbstractSet[Partition]) -> None:
        """See `Processor`."""
        await self._commit(force=True)
        self._in_flight.abandon(partitions)

    async def close(self) -> None:
        """See `Processor`."""
        await self._delivery.close()
        await self._job.close()
