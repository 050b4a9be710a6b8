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
from wikistate.jobs.stateful_job import Due
from wikistate.runners.error_limit import ErrorLimit
from wikistate.runners.local.key_lines import KeyLines
from wikistate.runners.local.state_file import Progress
from wikistate.runners.local.stateful_measurements import StatefulMeasurements
from wikistate.runners.local.stateful_writer import StatefulWriter
from wikistate.runners.local.wakes import Wakes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from wikistate.adapters.connectors.ports import Sink, Source
    from wikistate.config.model import LocalRunnerSettings
    from wikistate.core.record import Output, Partition, Record, Role
    from wikistate.core.updater.watermarks import Watermarks
    from wikistate.jobs.outlet import Outlet
    from wikistate.jobs.stateful_job import Accepted, StatefulJob, Step
    from wikistate.runners.local.keyed_state import KeyedState
    from wikistate.telemetry.meter import Meter

log = structlog.get_logger(__name__)

POLL_SECONDS = 0.25
"""How long a poll waits for a first record: the longest that a stop request or a wake-up goes unseen."""

KEEP_ALIVE_SECONDS = 5.0
"""How often a source is told that we live while nothing is read."""

THE_END = sys.maxsize
"""The watermark behind the last record of a source that has ended: nothing will come, so nobody waits any longer."""

Stimulus = TypeVar("Stimulus")
Operation = TypeVar("Operation")
Product = TypeVar("Product")


class _Turn(NamedTuple, Generic[Stimulus]):
    """What a key is to decide about, and up to where event time had come."""

    stimulus: Stimulus | Due
    watermark: int | None


class StatefulRunner(Generic[Stimulus, Operation, Product]):
    """Runs one job from one source to its outlet and sinks, until the source ends or `stop` is called.

    Args:
        job: What decides.
        source: Where records come from; made so that it goes on at the state's positions.
        outlet: Where products go.
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
        job: StatefulJob[Stimulus, Operation, Product],
        source: Source,
        *,
        outlet: Outlet[Product],
        sinks: Mapping[Role, Sink],
        state: KeyedState,
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
        self._measure = StatefulMeasurements(meter)
        self._moved = asyncio.Event()  # something that was on its way is done, or has failed
        self._writer = StatefulWriter(outlet, sinks, self._measure, moved=self._moved)
        self._lines: KeyLines[_Turn[Stimulus] | Step[Operation]] = KeyLines(self._work, moved=self._moved)
        self._slots = asyncio.Semaphore(concurrency)
        self._wakes = Wakes({})
        self._positions: dict[Partition, int] = {}
        self._known: set[Partition] = set()
        self._listened = 0
        self._watermark: int | None = None
        self._checkpoint_at = 0.0
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
            await self._drive()
        finally:
            await self._close()

    async def _open(self) -> None:
        await self._state.open()
        self._wakes = Wakes(self._state.wakes)
        self._watermark = self._state.watermark
        for partition, progress in self._state.progress.items():
            self._watermarks.assign(partition, self._listened, time=progress.time)
            self._known.add(partition)
        await self._job.open()
        await self._writer.open()
        await self._source.open(self._revoked)

    async def _drive(self) -> None:
        self._writing = asyncio.create_task(self._writer.run(), name="writer")
        self._checkpoint_at = time.monotonic() + self._settings.checkpoint_interval
        try:
            if await self._follow():
                await self._wake_all()
            await self._last_checkpoint()
        finally:
            await self._lines.cancel()
            self._writing.cancel()
            await asyncio.gather(self._writing, return_exceptions=True)

    async def _follow(self) -> bool:
        """Follow the source until it ends, or we are told to stop; whether it has ended."""
        while not self._stopping.is_set():
            records = await self._listen()
            if records is None:
                return True
            await self._take(records)
            await self._wake(self._watermarks.presumed(self._listened))
            self._report()
            self._state.trim()
            if time.monotonic() >= self._checkpoint_at or self._state.full:
                await self._checkpoint()
            await self._until(lambda: self._room() > 0)
        return False

    async def _listen(self) -> list[Record] | None:
        """Read on. How long that took is how long the source had to say something.

        The clock of idleness stands still while we do not read: else partitions would count as idle because we are busy.
        """
        began = self._clock()
        records = await self._source.poll(min(self._room(), self._settings.poll_records), POLL_SECONDS)
        self._listened += int((self._clock() - began) * 1000)
        for partition in self._source.lag().keys() - self._known:
            self._watermarks.assign(partition, self._listened)
            self._known.add(partition)
        return records

    def _room(self) -> int:
        return max(0, self._settings.max_in_flight_events - self._lines.waiting - self._writer.waiting)

    async def _take(self, records: Sequence[Record]) -> None:
        accepted = [self._job.accept(record) for record in records]
        await self._state.load(each.key for each in accepted if each.key is not None)
        for record, each in zip(records, accepted, strict=True):
            self._positions[record.partition] = record.offset + 1
            if each.time is not None:
                self._watermarks.observe(record.partition, each.time, self._listened)
            self._known.add(record.partition)
            self._admit(each)
        self._measure.consumed(len(records))
        self._advance()

    def _advance(self) -> None:
        """Event time goes on, and never back: also not behind what the last run has seen."""
        current = self._watermarks.current(self._listened)
        if current is not None and (self._watermark is None or current > self._watermark):
            self._watermark = current

    def _admit(self, accepted: Accepted[Stimulus]) -> None:
        self._say(accepted.outputs)
        if accepted.key is not None and accepted.stimulus is not None:
            self._line_up(accepted.key, _Turn(accepted.stimulus, self._watermark))

    def _line_up(self, key: int, turn: _Turn[Stimulus]) -> None:
        """Decide at once where nothing is on its way for the key; a task is only worth it when there is something to do."""
        if key in self._lines:
            self._lines.append(key, turn)
            return
        step = self._decide(key, turn)
        if step.operations:
            self._lines.append(key, step)

    def _decide(self, key: int, turn: _Turn[Stimulus]) -> Step[Operation]:
        step = self._job.step(self._state.get(key), turn.stimulus, turn.watermark)
        self._state.put(key, step.kept)
        self._wakes.set(key, step.wake)
        self._say(step.outputs)
        return step

    async def _work(self, key: int, item: _Turn[Stimulus] | Step[Operation]) -> None:
        if isinstance(item, _Turn):
            await self._state.load((key,))  # it may have been let go of while the turn waited
            item = self._decide(key, item)
        for operation in item.operations:
            async with self._slots:
                await self._perform(key, operation)

    async def _perform(self, key: int, operation: Operation) -> None:
        await self._state.load((key,))
        performed = await self._job.perform(operation, self._state.get(key))
        await self._state.load((key,))
        self._state.put(key, performed.kept)
        self._error_limit.look_at(performed.outputs, passed=len(performed.products))
        await self._writer.put(performed.products, performed.outputs)

    def _say(self, outputs: Sequence[Output]) -> None:
        if outputs:
            self._error_limit.look_at(outputs)
            self._writer.put((), outputs)

    async def _wake(self, watermark: int | None) -> None:
        if watermark is None:
            return
        due = list(self._wakes.due(watermark))
        await self._state.load(key for key, _ in due)
        for key, moment in due:
            self._line_up(key, _Turn(Due(moment), watermark))

    async def _wake_all(self) -> None:
        """Nothing will come any more: whoever waits for something has waited enough."""
        await self._until(self._idle)  # what is on its way may yet ask to be woken
        while len(self._wakes) and not self._stopping.is_set():
            await self._wake(THE_END)
            await self._until(self._idle)

    def _idle(self) -> bool:
        return not self._lines.waiting and not self._writer.waiting

    async def _until(self, reached: Callable[[], bool]) -> None:
        """Wait for what is on its way, and keep the source alive meanwhile. Raises what went wrong on the way."""
        alive = time.monotonic() + KEEP_ALIVE_SECONDS
        while True:
            self._lines.check()
            if self._writing.done():
                self._writing.result()
            if reached():
                return
            await self._something_moves()
            if time.monotonic() >= alive:
                await self._source.poll(0, 0.0)
                alive = time.monotonic() + KEEP_ALIVE_SECONDS

    async def _something_moves(self) -> None:
        self._moved.clear()
        # Not `wait_for`: in Python 3.11 it loses a cancellation that comes together with the event.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(POLL_SECONDS):
                await self._moved.wait()

    async def _last_checkpoint(self) -> None:
        patience = self._settings.drain_timeout if self._stopping.is_set() else None
        try:
            async with asyncio.timeout(patience):
                await self._checkpoint()
        except TimeoutError:
            log.warning("drain_timeout_reached", keys=self._lines.waiting)

    async def _checkpoint(self) -> None:
        """Make all that was done durable, in the order in which nothing can be lost."""
        began = time.monotonic()
        await self._until(self._idle)
        wakes = self._wakes.changes()
        if self._positions or wakes or self._state.changed:
            await self._flush()
            await self._state.commit(wakes=wakes, progress=self._progress(), watermark=self._watermark)
            self._wakes.settled()
            # For others to see; this job goes on where its own checkpoint says.
            await self._source.commit(self._positions)
            self._positions = {}
            self._measure.checkpoints(1)
            self._measure.checkpoint_seconds(time.monotonic() - began)
        self._checkpoint_at = time.monotonic() + self._settings.checkpoint_interval

    async def _flush(self) -> None:
        """Flush what was written, and keep the source alive meanwhile: what is behind an outlet may be away for long."""
        flushing = asyncio.create_task(self._writer.flush(wake=self._wakes.next), name="flush")
        flushing.add_done_callback(lambda _: self._moved.set())
        try:
            await self._until(flushing.done)
        finally:
            flushing.cancel()
        await flushing

    def _progress(self) -> dict[Partition, Progress]:
        times = self._watermarks.times
        return {partition: Progress(offset, times.get(partition)) for partition, offset in self._positions.items()}

    async def _revoked(self, partitions: AbstractSet[Partition]) -> None:
        raise SourceError(
            f"{', '.join(map(str, sorted(partitions)))} went to another member of the consumer group.",
            hint="A job that keeps state reads all partitions itself, with its state beside it: run one process a group.",
        )

    def _report(self) -> None:
        self._measure.in_flight(self._lines.waiting)
        self._measure.sleeping(len(self._wakes))
        self._measure.time(self._watermark, self._clock())
        self._measure.lag(self._source.lag())

    async def _close(self) -> None:
        await self._source.close()
        await self._writer.close()
        await self._job.close()
        await self._state.close()
