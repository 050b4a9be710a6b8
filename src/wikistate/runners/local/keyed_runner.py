"""The local runner of jobs that keep state: reads, wakes, hands over, writes, takes checkpoints; decides nothing.

One task reads, steps and takes checkpoints; a task for each busy key performs; one task writes. A checkpoint is taken
when nothing is on its way: reading pauses, what was begun ends, outlet and sinks are flushed, and then state, wake-up
times, watermark and positions are made durable in one transaction. So a crash leaves a checkpoint that knows of every
record either all or nothing, and what is done again is decided again as it was.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

import structlog

from wikistate.errors import SourceError
from wikistate.runners.local.keyed_metrics import KeyedRunnerMetrics
from wikistate.runners.local.keyed_workers import KeyedWorkers
from wikistate.runners.local.output_writer import OutputWriter
from wikistate.runners.local.state_file import PartitionProgress
from wikistate.streaming.error_limit import ErrorLimit
from wikistate.streaming.keyed_job import TimerFired
from wikistate.streaming.timers import EventTimeTimers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from wikistate.config.model import LocalRunnerSettings
    from wikistate.runners.local.keyed_state import KeyedStateStore
    from wikistate.streaming.change_sink import ChangeSink
    from wikistate.streaming.keyed_job import Decision, DecodedRecord, KeyedJob
    from wikistate.streaming.ports import Sink, Source
    from wikistate.streaming.record import Output, Partition, Record, Role
    from wikistate.streaming.watermarks import Watermarks
    from wikistate.telemetry.meter import Meter

log = structlog.get_logger(__name__)

POLL_SECONDS = 0.25
"""How long a poll waits for a first record: the longest that a stop request or a wake-up goes unseen."""

KEEP_ALIVE_SECONDS = 5.0
"""How often a source is told that we live while nothing is read."""

MAX_WATERMARK = sys.maxsize
"""The watermark behind the last record of a source that has ended: nothing will come, so nobody waits any longer."""

KeyedEvent = TypeVar("KeyedEvent")
Operation = TypeVar("Operation")
Change = TypeVar("Change")


class _QueuedEvent(NamedTuple, Generic[KeyedEvent]):
    """What a key is to decide about, and up to where event time had come."""

    event: KeyedEvent | TimerFired
    watermark: int | None


class KeyedRunner(Generic[KeyedEvent, Operation, Change]):
    """Runs one job from one source to its outlet and sinks, until the source ends or `stop` is called.

    Args:
        job: What decides.
        source: Where records come from; made so that it goes on at the state's positions.
        change_sink: Where products go.
        sinks: Where outputs go, by role.
        state: What is remembered; opened first, so that the source may ask for its positions.
        watermarks: How event time is told from records.
        settings: Bounds and intervals.
        concurrency: How many operations are performed at once, keys together.
        meter: Where measurements go.
        error_limit: Ends the run when too many records fail.
        clock: Seconds since the epoch.
    """

    def __init__(
        self,
        job: KeyedJob[KeyedEvent, Operation, Change],
        source: Source,
        *,
        change_sink: ChangeSink[Change],
        sinks: Mapping[Role, Sink],
        state: KeyedStateStore,
        watermarks: Watermarks[Partition],
        settings: LocalRunnerSettings,
        concurrency: int,
        meter: Meter,
        error_limit: ErrorLimit | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._job = job
        self._source = source
        self._state = state
        self._watermarks = watermarks
        self._settings = settings
        self._error_limit = error_limit or ErrorLimit()
        self._clock = clock
        self._metrics = KeyedRunnerMetrics(meter)
        self._progressed = asyncio.Event()  # something that was on its way is done, or has failed
        self._writer = OutputWriter(change_sink, sinks, self._metrics, progressed=self._progressed)
        self._workers: KeyedWorkers[_QueuedEvent[KeyedEvent] | Decision[Operation]] = KeyedWorkers(
            self._process_item, progressed=self._progressed
        )
        self._operation_slots = asyncio.Semaphore(concurrency)
        self._timers = EventTimeTimers({})
        self._positions: dict[Partition, int] = {}
        self._known_partitions: set[Partition] = set()
        self._active_millis = 0
        self._watermark: int | None = None
        self._next_checkpoint = 0.0
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Read no more; finish what was begun, take a checkpoint, then end. Who sleeps goes on sleeping."""
        self._stopping.set()

    async def run(self) -> None:
        """Runs to the end.

        Raises:
            WikistateError: The source, the outlet, a sink, the state or the job cannot go on. What came after the last
                checkpoint is done again by the next run.
        """
        try:
            await self._open()
            await self._run_tasks()
        finally:
            await self._close()

    async def _open(self) -> None:
        await self._state.open()
        self._timers = EventTimeTimers(self._state.timers)
        self._watermark = self._state.watermark
        for partition, progress in self._state.progress.items():
            self._watermarks.assign(partition, self._active_millis, time=progress.time)
            self._known_partitions.add(partition)
        await self._job.open()
        await self._writer.open()
        await self._source.open(self._revoked)

    async def _run_tasks(self) -> None:
        self._writer_task = asyncio.create_task(self._writer.run(), name="writer")
        self._next_checkpoint = time.monotonic() + self._settings.checkpoint_interval
        try:
            if await self._run_loop():
                await self._fire_all_timers()
            await self._take_final_checkpoint()
        finally:
            await self._workers.cancel()
            self._writer_task.cancel()
            await asyncio.gather(self._writer_task, return_exceptions=True)

    async def _run_loop(self) -> bool:
        """Follow the source until it ends, or we are told to stop; whether it has ended."""
        while not self._stopping.is_set():
            records = await self._poll()
            if records is None:
                return True
            await self._process(records)
            await self._fire_timers(self._watermarks.timer_watermark(self._active_millis))
            self._report_metrics()
            self._state.evict()
            if time.monotonic() >= self._next_checkpoint or self._state.is_full:
                await self._take_checkpoint()
            await self._wait_until(lambda: self._room() > 0)
        return False

    async def _poll(self) -> list[Record] | None:
        """Read on. How long that took is how long the source had to say something.

        The clock of idleness stands still while we do not read: else partitions would count as idle because we are busy.
        """
        began = self._clock()
        records = await self._source.poll(min(self._room(), self._settings.poll_records), POLL_SECONDS)
        self._active_millis += int((self._clock() - began) * 1000)
        for partition in self._source.lag().keys() - self._known_partitions:
            self._watermarks.assign(partition, self._active_millis)
            self._known_partitions.add(partition)
        return records

    def _room(self) -> int:
        return max(0, self._settings.max_in_flight_events - self._workers.waiting - self._writer.waiting)

    async def _process(self, records: Sequence[Record]) -> None:
        accepted = [self._job.decode(record) for record in records]
        await self._state.load(each.key for each in accepted if each.key is not None)
        for record, each in zip(records, accepted, strict=True):
            self._positions[record.partition] = record.offset + 1
            if each.time is not None:
                self._watermarks.observe(record.partition, each.time, self._active_millis)
            self._known_partitions.add(record.partition)
            self._admit(each)
        self._metrics.consumed(len(records))
        self._advance_watermark()

    def _advance_watermark(self) -> None:
        """Event time goes on, and never back: also not behind what the last run has seen."""
        current = self._watermarks.current(self._active_millis)
        if current is not None and (self._watermark is None or current > self._watermark):
            self._watermark = current

    def _admit(self, decoded: DecodedRecord[KeyedEvent]) -> None:
        self._emit_outputs(decoded.outputs)
        if decoded.key is not None and decoded.event is not None:
            self._enqueue(decoded.key, _QueuedEvent(decoded.event, self._watermark))

    def _enqueue(self, key: int, queued: _QueuedEvent[KeyedEvent]) -> None:
        """Decide at once where nothing is on its way for the key; a task is only worth it when there is something to do."""
        if key in self._workers:
            self._workers.append(key, queued)
            return
        step = self._decide(key, queued)
        if step.operations:
            self._workers.append(key, step)

    def _decide(self, key: int, queued: _QueuedEvent[KeyedEvent]) -> Decision[Operation]:
        step = self._job.decide(self._state.get(key), queued.event, queued.watermark)
        self._state.put(key, step.state)
        self._timers.set(key, step.timer)
        self._emit_outputs(step.outputs)
        return step

    async def _process_item(self, key: int, item: _QueuedEvent[KeyedEvent] | Decision[Operation]) -> None:
        if isinstance(item, _QueuedEvent):
            await self._state.load((key,))  # it may have been let go of while the turn waited
            item = self._decide(key, item)
        for operation in item.operations:
            async with self._operation_slots:
                await self._execute(key, operation)

    async def _execute(self, key: int, operation: Operation) -> None:
        await self._state.load((key,))
        performed = await self._job.execute(operation, self._state.get(key))
        await self._state.load((key,))
        self._state.put(key, performed.state)
        self._error_limit.observe(performed.outputs, successes=len(performed.changes))
        await self._writer.put(performed.changes, performed.outputs)

    def _emit_outputs(self, outputs: Sequence[Output]) -> None:
        if outputs:
            self._error_limit.observe(outputs)
            self._writer.put((), outputs)

    async def _fire_timers(self, watermark: int | None) -> None:
        if watermark is None:
            return
        due = list(self._timers.pop_due(watermark))
        await self._state.load(key for key, _ in due)
        for key, moment in due:
            self._enqueue(key, _QueuedEvent(TimerFired(moment), watermark))

    async def _fire_all_timers(self) -> None:
        """Nothing will come any more: whoever waits for something has waited enough."""
        await self._wait_until(self._is_idle)  # what is on its way may yet ask to be woken
        while len(self._timers) and not self._stopping.is_set():
            await self._fire_timers(MAX_WATERMARK)
            await self._wait_until(self._is_idle)

    def _is_idle(self) -> bool:
        return not self._workers.waiting and not self._writer.waiting

    async def _wait_until(self, reached: Callable[[], bool]) -> None:
        """Wait for what is on its way, and keep the source alive meanwhile. Raises what went wrong on the way."""
        alive = time.monotonic() + KEEP_ALIVE_SECONDS
        while True:
            self._workers.raise_failure()
            if self._writer_task.done():
                self._writer_task.result()
            if reached():
                return
            await self._wait_for_progress()
            if time.monotonic() >= alive:
                await self._source.poll(0, 0.0)
                alive = time.monotonic() + KEEP_ALIVE_SECONDS

    async def _wait_for_progress(self) -> None:
        self._progressed.clear()
        # Not `wait_for`: in Python 3.11 it loses a cancellation that comes together with the event.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(POLL_SECONDS):
                await self._progressed.wait()

    async def _take_final_checkpoint(self) -> None:
        patience = self._settings.drain_timeout if self._stopping.is_set() else None
        try:
            async with asyncio.timeout(patience):
                await self._take_checkpoint()
        except TimeoutError:
            log.warning("drain_timeout_reached", keys=self._workers.waiting)

    async def _take_checkpoint(self) -> None:
        """Make all that was done durable, in the order in which nothing can be lost."""
        began = time.monotonic()
        await self._wait_until(self._is_idle)
        wakes = self._timers.changes()
        if self._positions or wakes or self._state.has_changes:
            await self._flush()
            await self._state.commit(timers=wakes, progress=self._collect_progress(), watermark=self._watermark)
            self._timers.mark_committed()
            # For others to see; this job goes on where its own checkpoint says.
            await self._source.commit(self._positions)
            self._positions = {}
            self._metrics.checkpoints(1)
            self._metrics.checkpoint_seconds(time.monotonic() - began)
        self._next_checkpoint = time.monotonic() + self._settings.checkpoint_interval

    async def _flush(self) -> None:
        """Flush what was written, and keep the source alive meanwhile: what is behind an outlet may be away for long."""
        flushing = asyncio.create_task(self._writer.flush(timer=self._timers.next_time), name="flush")
        flushing.add_done_callback(lambda _: self._progressed.set())
        try:
            await self._wait_until(flushing.done)
        finally:
            flushing.cancel()
        await flushing

    def _collect_progress(self) -> dict[Partition, PartitionProgress]:
        times = self._watermarks.max_event_times
        return {
            partition: PartitionProgress(offset, times.get(partition)) for partition, offset in self._positions.items()
        }

    async def _revoked(self, partitions: AbstractSet[Partition]) -> None:
        raise SourceError(
            f"{', '.join(map(str, sorted(partitions)))} went to another member of the consumer group.",
            hint="A job that keeps state reads all partitions itself, with its state beside it: run one process a group.",
        )

    def _report_metrics(self) -> None:
        self._metrics.in_flight(self._workers.waiting)
        self._metrics.keys_with_timers(len(self._timers))
        self._metrics.record_watermark(self._watermark, self._clock())
        self._metrics.record_lag(self._source.lag())

    async def _close(self) -> None:
        await self._source.close()
        await self._writer.close()
        await self._job.close()
        await self._state.close()
