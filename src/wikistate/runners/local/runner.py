"""The local runner: one process, one loop. Reads, hands over, keeps order, writes, commits; decides nothing else.

Three tasks share one `InFlight`: the reader admits while there is room, the writer hands released outputs to the
sinks, the committer makes them count at intervals. A full sink stops the writer, what is in flight grows to its
bounds, and so the reader stops: that is all of the back-pressure.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from functools import partial
from typing import TYPE_CHECKING

import structlog

from wikistate.errors import InternalError
from wikistate.runners.metrics import RunnerMetrics
from wikistate.streaming.error_limit import ErrorLimit
from wikistate.streaming.in_flight import InFlight
from wikistate.telemetry import metrics

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence
    from collections.abc import Set as AbstractSet

    from wikistate.config.model import LocalRunnerSettings
    from wikistate.runners.local.delivery import Delivery
    from wikistate.streaming.job import Job
    from wikistate.streaming.ordering import InFlightRecord
    from wikistate.streaming.ports import Source
    from wikistate.streaming.record import Output, Partition, Record, WorkItem
    from wikistate.telemetry.meter import Meter

log = structlog.get_logger(__name__)

POLL_SECONDS = 0.25
"""How long a poll waits for a first record: the longest that a stop request goes unseen on an idle stream."""

KEEP_ALIVE_SECONDS = 5.0
"""How often a source is told that we live while there is no room to read."""


class LocalRunner:
    """Runs one job from one source to its sinks until the source ends or `stop` is called.

    Args:
        job: What decides.
        source: Where records come from; opened and closed by the runner.
        delivery: Where outputs go and how positions are committed; opened and closed by the runner.
        settings: Bounds and intervals.
        meter: Where measurements go.
        error_limit: Ends the run when too many events fail.
    """

    def __init__(
        self,
        job: Job,
        source: Source,
        delivery: Delivery,
        *,
        settings: LocalRunnerSettings,
        meter: Meter,
        error_limit: ErrorLimit | None = None,
    ) -> None:
        self._job = job
        self._source = source
        self._delivery = delivery
        self._settings = settings
        self._error_limit = error_limit or ErrorLimit()
        self._in_flight = InFlight(
            max_events=settings.max_in_flight_events,
            max_bytes=settings.max_in_flight_bytes,
            max_uncommitted=settings.max_uncommitted_events,
        )
        self._stopping = asyncio.Event()
        self._progressed = asyncio.Event()  # something was released, or the reader has ended
        self._room_available = asyncio.Event()
        self._sinks_lock = asyncio.Lock()  # a commit covers exactly what was written before it
        self._unflushed = False
        self._defect: InternalError | None = None
        self._metrics = _LocalRunnerMetrics(meter)

    def stop(self) -> None:
        """Read no more; finish, write and commit what is in flight, then end."""
        self._stopping.set()
        self._room_available.set()

    async def run(self) -> None:
        """Runs to the end.

        Raises:
            WikistateError: The source, a sink or the job cannot go on. What was not committed is done again by the
                next run.
        """
        try:
            await self._job.open()
            await self._delivery.open()
            await self._source.open(self._revoked)
            await self._run_tasks()
        finally:
            await self._close()

    async def _run_tasks(self) -> None:
        writer = asyncio.create_task(self._write(), name="writer")
        committer = asyncio.create_task(self._commit_at_intervals(), name="committer")
        reader = asyncio.create_task(self._read(), name="reader")
        tasks = {reader, writer, committer}
        try:
            while not reader.done():
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                _raise_first_error(tasks)
            await self._drain(tasks)
            async with self._sinks_lock:  # never in the middle of a commit: its positions are taken and would be lost
                committer.cancel()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if self._in_flight.events:  # a write may have been cut in its middle, so nothing more is committed
            log.warning("drain_timeout_reached", events=self._in_flight.events)
        else:
            await self._commit(force=True)

    async def _drain(self, tasks: AbstractSet[asyncio.Task[None]]) -> None:
        deadline = time.monotonic() + self._settings.drain_timeout
        while self._in_flight.events and (not self._stopping.is_set() or time.monotonic() < deadline):
            self._room_available.clear()
            # Not `wait_for`: in Python 3.11 it loses a cancellation that comes together with the event.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(POLL_SECONDS):
                    await self._room_available.wait()
            _raise_first_error(tasks)

    async def _read(self) -> None:
        while not self._stopping.is_set():
            room = self._in_flight.room()
            if not room:
                await self._wait_for_room()
                continue
            records = await self._source.poll(min(room, self._settings.poll_records), POLL_SECONDS)
            if records is None:
                return
            self._admit(records)

    async def _wait_for_room(self) -> None:
        self._room_available.clear()
        try:
            async with asyncio.timeout(KEEP_ALIVE_SECONDS):
                await self._room_available.wait()
        except TimeoutError:
            await self._source.poll(0, 0.0)

    def _admit(self, records: Sequence[Record]) -> None:
        now = time.monotonic()
        in_flight, job = self._in_flight, self._job
        for record in records:
            ticket = in_flight.admit(record, now)
            work = job.plan(record)
            in_flight.enqueue(ticket, self._order_key(ticket, work))
            job.execute(work, partial(self._on_done, ticket))
        self._metrics.consumed(len(records))
        self._metrics.record_in_flight(in_flight)

    def _order_key(self, ticket: InFlightRecord, item: WorkItem) -> Hashable:
        return ticket.partition if self._delivery.in_partition_order else item.key

    def _on_done(self, ticket: InFlightRecord, outputs: list[Output]) -> None:
        try:
            self._in_flight.finish(ticket, outputs)
        except RuntimeError as defect:
            # Whoever calls us back may not let it through; a run that would never end must not go on.
            self._defect = InternalError(str(defect), hint="Please report it.")
        self._progressed.set()

    async def _write(self) -> None:
        while True:
            await self._progressed.wait()
            self._progressed.clear()
            if self._defect is not None:
                raise self._defect
            async with self._sinks_lock:
                await self._write_released()
            self._room_available.set()

    async def _write_released(self) -> None:
        tickets = self._in_flight.take_released()
        outputs = [output for ticket in tickets for output in ticket.outputs or ()]
        if outputs:
            self._unflushed = True
            await self._delivery.write(outputs)
            self._error_limit.observe(outputs)  # while they still count as in flight: then nothing of them is committed
        self._in_flight.mark_written(tickets)
        self._metrics.record_written(tickets, outputs)
        self._metrics.record_in_flight(self._in_flight)

    async def _commit_at_intervals(self) -> None:
        while True:
            await asyncio.sleep(self._settings.commit_interval)
            await self._commit()
            self._room_available.set()
            self._metrics.record_lag(self._source)

    async def _commit(self, *, force: bool = False) -> None:
        async with self._sinks_lock:
            positions = self._in_flight.take_positions()
            # Written outputs are flushed also while a slow event keeps every position back: readers wait for them.
            if positions or self._unflushed or self._delivery.has_pending_commit:
                self._unflushed = False
                await self._delivery.commit(positions, force=force)
                self._metrics.commits(1)

    async def _revoked(self, partitions: AbstractSet[Partition]) -> None:
        await self._commit(force=True)
        self._in_flight.abandon(partitions)

    async def _close(self) -> None:
        await self._source.close()
        await self._delivery.close()
        await self._job.close()


def _raise_first_error(tasks: AbstractSet[asyncio.Task[None]]) -> None:
    for task in tasks:
        if task.done() and (error := task.exception()) is not None:
            raise error


class _LocalRunnerMetrics(RunnerMetrics):
    """Adds what only a runner knows that reads and commits by itself."""

    def __init__(self, meter: Meter) -> None:
        super().__init__(meter)
        self._meter = meter
        self.commits = meter.counter(metrics.COMMITS)

    def record_lag(self, source: Source) -> None:
        for partition, records in source.lag().items():
            self._meter.gauge(metrics.SOURCE_LAG, topic=partition.topic, partition=str(partition.number))(records)
