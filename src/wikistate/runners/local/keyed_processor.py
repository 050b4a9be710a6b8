"""The processor of jobs with keyed state: decisions, timers, operations, writing and checkpoints.

The runner's reader submits records and decides about them, one task for each busy key executes operations, and one task
writes. A checkpoint is taken when no work is in flight: reading pauses, started work ends, change sink and sinks are
flushed, and then state, timers, watermark and positions are made durable in one transaction. A crash therefore leaves a
checkpoint that covers each record completely or not at all, and repeated work leads to the same decisions.
"""

from __future__ import annotations

import asyncio
import sys
import time
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

import structlog

from wikistate.errors import SourceError
from wikistate.runners.local.keyed_workers import KeyedWorkers
from wikistate.runners.local.output_writer import OutputWriter
from wikistate.runners.local.state_file import PartitionProgress
from wikistate.runners.metrics import KeyedMetrics
from wikistate.streaming.error_limit import ErrorLimit
from wikistate.streaming.keyed_job import TimerFired
from wikistate.streaming.timers import EventTimeTimers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from wikistate.config.model import LocalRunnerSettings
    from wikistate.runners.local.keyed_state import KeyedStateStore
    from wikistate.runners.local.processor import Polled
    from wikistate.streaming.change_sink import ChangeSink
    from wikistate.streaming.keyed_job import Decision, DecodedRecord, KeyedJob
    from wikistate.streaming.ports import Sink, Source
    from wikistate.streaming.record import Output, Partition, Record, Role
    from wikistate.streaming.watermarks import Watermarks
    from wikistate.telemetry.meter import Meter

log = structlog.get_logger(__name__)

MAX_WATERMARK = sys.maxsize
"""The watermark behind the last record of a source that has ended: no record can follow, so every timer is due."""

KeyedEvent = TypeVar("KeyedEvent")
Operation = TypeVar("Operation")
Change = TypeVar("Change")


class _QueuedEvent(NamedTuple, Generic[KeyedEvent]):
    """An event that waits for the earlier work of its key, with the watermark at its arrival."""

    event: KeyedEvent | TimerFired
    watermark: int | None


class KeyedProcessor(Generic[KeyedEvent, Operation, Change]):
    """Processor of a job with keyed state. See `Processor` for the protocol.

    Args:
        job: The job.
        source: The source of the records; it resumes at the positions of `state`.
        change_sink: The sink of changes.
        sinks: The sinks of outputs, by role.
        state: The keyed state; opened before the source, which may ask for its positions.
        watermarks: The watermark over all partitions.
        settings: Bounds and intervals.
        concurrency: The most operations that execute at once, over all keys.
        meter: Takes the measurements.
        error_limit: Ends the run when too many records fail.
        clock: Seconds since the epoch; measures the lag of the watermark.
    """

    rewind = None
    resume = None
    """The keyed state in memory is ahead of its last checkpoint, so the processor is built again."""

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
        self.source = source
        self.progressed = asyncio.Event()
        self._job = job
        self._state = state
        self._watermarks = watermarks
        self._max_in_flight = settings.max_in_flight_events
        self._checkpoint_interval = settings.checkpoint_interval
        self._error_limit = error_limit or ErrorLimit()
        self._clock = clock
        self._metrics = KeyedMetrics(meter)
        self._writer = OutputWriter(change_sink, sinks, self._metrics, progressed=self.progressed)
        self._workers: KeyedWorkers[_QueuedEvent[KeyedEvent] | Decision[Operation]] = KeyedWorkers(
            self._process_item, progressed=self.progressed
        )
        self._operation_slots = asyncio.Semaphore(concurrency)
        self._timers = EventTimeTimers({})
        self._positions: dict[Partition, int] = {}
        self._known_partitions: set[Partition] = set()
        self._active_seconds = 0.0
        self._watermark: int | None = None
        self._next_checkpoint = 0.0
        self._stopping = False

    async def open(self) -> None:
        """See `Processor`."""
        await self._state.open()
        self._timers = EventTimeTimers(self._state.timers)
        self._watermark = self._state.watermark
        for partition, progress in self._state.progress.items():
            self._watermarks.assign(partition, self._active_millis, time=progress.time)
            self._known_partitions.add(partition)
        await self._job.open()
        await self._writer.open()

    def start(self) -> Sequence[asyncio.Task[None]]:
        """See `Processor`."""
        self._next_checkpoint = time.monotonic() + self._checkpoint_interval
        return (asyncio.create_task(self._writer.run(), name="writer"),)

    def room(self) -> int:
        """See `Processor`."""
        self._workers.raise_failure()
        return max(0, self._max_in_flight - self._workers.waiting - self._writer.waiting)

    async def submit(self, polled: Polled) -> None:
        """See `Processor`."""
        self._active_seconds += polled.seconds
        for partition in self.source.lag().keys() - self._known_partitions:
            self._watermarks.assign(partition, self._active_millis)
            self._known_partitions.add(partition)
        await self._process(polled.records)
        await self._fire_timers(self._watermarks.timer_watermark(self._active_millis))
        self._report_metrics()
        self._state.evict()

    @property
    def _active_millis(self) -> int:
        """The clock of idleness. It stops between polls: a partition is not idle because this process is busy."""
        return int(self._active_seconds * 1000)

    async def _process(self, records: Sequence[Record]) -> None:
        decoded = [self._job.decode(record) for record in records]
        await self._state.load(each.key for each in decoded if each.key is not None)
        for record, each in zip(records, decoded, strict=True):
            self._positions[record.partition] = record.offset + 1
            if each.time is not None:
                self._watermarks.observe(record.partition, each.time, self._active_millis)
            self._known_partitions.add(record.partition)
            self._admit(each)
        self._metrics.consumed(len(records))
        self._advance_watermark()

    def _advance_watermark(self) -> None:
        """Advance event time, and never move it back: not behind the watermark of the last run either."""
        current = self._watermarks.current(self._active_millis)
        if current is not None and (self._watermark is None or current > self._watermark):
            self._watermark = current

    def _admit(self, decoded: DecodedRecord[KeyedEvent]) -> None:
        self._emit_outputs(decoded.outputs)
        if decoded.key is not None and decoded.event is not None:
            self._enqueue(decoded.key, _QueuedEvent(decoded.event, self._watermark))

    def _enqueue(self, key: int, queued: _QueuedEvent[KeyedEvent]) -> None:
        """Decide at once unless the key is busy: a task is worth its cost only when there are operations."""
        if key in self._workers:
            self._workers.append(key, queued)
            return
        decision = self._decide(key, queued)
        if decision.operations:
            self._workers.append(key, decision)

    def _decide(self, key: int, queued: _QueuedEvent[KeyedEvent]) -> Decision[Operation]:
        decision = self._job.decide(self._state.get(key), queued.event, queued.watermark)
        self._state.put(key, decision.state)
        self._timers.set(key, decision.timer)
        self._emit_outputs(decision.outputs)
        return decision

    async def _process_item(self, key: int, item: _QueuedEvent[KeyedEvent] | Decision[Operation]) -> None:
        if isinstance(item, _QueuedEvent):
            await self._state.load((key,))  # it may have been evicted while the event waited
            item = self._decide(key, item)
        for operation in item.operations:
            async with self._operation_slots:
                await self._execute(key, operation)

    async def _execute(self, key: int, operation: Operation) -> None:
        await self._state.load((key,))
        result = await self._job.execute(operation, self._state.get(key))
        await self._state.load((key,))
        self._state.put(key, result.state)
        self._error_limit.observe(result.outputs, successes=len(result.changes))
        await self._writer.put(result.changes, result.outputs)
        result.on_written()

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

    def _report_metrics(self) -> None:
        self._metrics.in_flight(self._workers.waiting)
        self._metrics.keys_with_timers(len(self._timers))
        self._metrics.record_watermark(self._watermark, self._clock())

    @property
    def checkpoint_due(self) -> bool:
        """See `Processor`."""
        return time.monotonic() >= self._next_checkpoint or self._state.is_full

    async def checkpoint(self) -> None:
        """See `Processor`. In the order in which nothing can be lost."""
        started = time.monotonic()
        await self._wait_until_idle()
        timers = self._timers.changes()
        if self._positions or timers or self._state.has_changes:
            await self._writer.flush(timer=self._timers.next_time)
            await self._state.commit(timers=timers, progress=self._collect_progress(), watermark=self._watermark)
            self._timers.mark_committed()
            await self.source.commit(
                self._positions
            )  # a group's offsets are for monitoring; a push source resumes here
            self._positions = {}
            self._metrics.checkpoints(1)
            self._metrics.checkpoint_seconds(time.monotonic() - started)
        self._next_checkpoint = time.monotonic() + self._checkpoint_interval

    def _collect_progress(self) -> dict[Partition, PartitionProgress]:
        times = self._watermarks.max_event_times
        return {
            partition: PartitionProgress(offset, times.get(partition)) for partition, offset in self._positions.items()
        }

    async def _wait_until_idle(self) -> None:
        while True:
            self._workers.raise_failure()
            if not self._workers.waiting and not self._writer.waiting:
                return
            self.progressed.clear()
            await self.progressed.wait()

    def stop(self) -> None:
        """See `Processor`. Timers that have not fired stay in the checkpoint."""
        self._stopping = True

    async def drain(self, *, ended: bool) -> None:
        """See `Processor`. Includes the last checkpoint, which the drain timeout may cancel."""
        if ended:
            await self._fire_all_timers()
        await self.checkpoint()
        self._report_metrics()

    async def _fire_all_timers(self) -> None:
        """Fire all timers: after the end of the source no record can follow that they wait for."""
        await self._wait_until_idle()  # work in flight may still set timers
        while len(self._timers) and not self._stopping:
            await self._fire_timers(MAX_WATERMARK)
            await self._wait_until_idle()

    async def finish(self, *, drained: bool) -> None:
        """See `Processor`."""
        if not drained:
            log.warning("drain_timeout_reached", keys=self._workers.waiting)

    async def revoked(self, partitions: AbstractSet[Partition]) -> None:
        """See `Processor`.

        Raises:
            SourceError: Always: the state of the keys in these partitions lies here and cannot move with them.
        """
        raise SourceError(
            f"{', '.join(map(str, sorted(partitions)))} went to another member of the consumer group.",
            hint="A job that keeps state reads all partitions itself, with its state beside it: run one process a group.",
        )

    async def close(self) -> None:
        """See `Processor`."""
        await self._workers.cancel()
        await self._writer.close()
        await self._job.close()
        await self._state.close()
