"""The local runner: one process, one loop. It reads, submits records to a processor and ends in order."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Any

import structlog

from wikistate.adapters.http.server_answers import SERVER_ANSWERS
from wikistate.errors import RewoundError
from wikistate.runners.local.processor import Polled
from wikistate.runners.metrics import report_outages, report_source_lag

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Sequence

    from wikistate.config.model import LocalRunnerSettings
    from wikistate.runners.local.processor import Processor
    from wikistate.streaming.ports import Source
    from wikistate.telemetry.meter import Meter

log = structlog.get_logger(__name__)

POLL_SECONDS = 0.25
"""The longest wait of a poll for a first record: the longest time until an idle stream reacts to a stop or a timer."""

KEEP_ALIVE_SECONDS = 5.0
"""The interval at which the source is kept alive while no records are read."""

UNANSWERED_SECONDS = 1.5
"""Seconds that a stop waits for events while no server answers, unless `local.drain_timeout` is set."""

_TICK_SECONDS = 0.1

LAG_SECONDS = 1.0
"""The interval at which the lag of the source is reported."""


class LocalRunner:
    """Loop over one processor and its source, until the source ends or `stop` is called.

    Args:
        processor: The work on the records, with its source; opened and closed by the runner.
        settings: Bounds and intervals.
        meter: Takes the measurements.
        rebuild: Builds the processor again, in a thread, when its store went back in time and it cannot rewind. None:
            that error ends the run.
        clock: Seconds; measures how long a poll took.
    """

    def __init__(
        self,
        processor: Processor,
        *,
        settings: LocalRunnerSettings,
        meter: Meter,
        rebuild: Callable[[], Processor] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._processor = processor
        self._settings = settings
        self._meter = meter
        self._rebuild = rebuild
        self._clock = clock
        self._stopping = asyncio.Event()
        self._deadline: float | None = None
        self._kept_alive_at = 0.0
        self._lag_reported_at = 0.0
        self._is_starting = True
        self._unanswered_seconds = (
            settings.drain_timeout if "drain_timeout" in settings.model_fields_set else UNANSWERED_SECONDS
        )

    @property
    def is_starting(self) -> bool:
        """Whether no record was read yet, so that nothing is in flight."""
        return self._is_starting

    def stop(self) -> None:
        """Read no more; finish and commit the records in flight, then end."""
        self._stopping.set()
        self._processor.stop()
        self._processor.progressed.set()

    async def run(self) -> None:
        """Run to the end.

        Raises:
            WikistateError: The source, a sink, the store, the state or the job failed for good. The next run processes
                again what was not committed.
        """
        while not await self._run_processor():
            if not await self._await_unless_stopped(self._build_again()):
                return

    async def _run_processor(self) -> bool:
        """Run the processor until it has finished; return False when it must be built again."""
        processor = self._processor
        try:
            proceed = await self._await_unless_stopped(processor.open())
            while proceed and not await self._run_source():
                if processor.rewind is None:
                    return False
                proceed = await self._await_unless_stopped(processor.rewind())
            return True
        finally:
            await processor.close()

    async def _build_again(self) -> None:
        if self._rebuild is not None:
            self._processor = await asyncio.to_thread(self._rebuild)

    async def _run_source(self) -> bool:
        """Open the source and read it to the end of the run; return False when the store went back in time."""
        processor = self._processor
        source = processor.source
        try:
            if await self._await_unless_stopped(source.open(processor.revoked)):
                self._is_starting = False
                await self._run_tasks()
        except RewoundError as rewound:
            if processor.rewind is not None:
                log.warning("store_offset_rewound", reason=rewound.message)
            elif self._rebuild is not None:
                log.warning("store_older_than_checkpoint", reason=rewound.message)
            else:
                raise
            return False
        finally:
            await source.close()
        return True

    async def _run_tasks(self) -> None:
        self._kept_alive_at = self._lag_reported_at = time.monotonic()
        background = self._processor.start()
        reader = asyncio.create_task(self._read_and_drain(), name="reader")
        try:
            await _wait_for(reader, background)
        finally:
            await _cancel_all((reader, *background))

    async def _read_and_drain(self) -> None:
        processor = self._processor
        ended = await self._read()
        drained = await self._await_or_stop(processor.drain(ended=ended), processor.source)
        await processor.finish(drained=drained)
        self._report_lag()

    async def _read(self) -> bool:
        """Read until the source ends or a stop is requested; return whether the source has ended."""
        processor, source, poll_records = self._processor, self._processor.source, self._settings.poll_records
        while not self._stopping.is_set():
            if processor.checkpoint_due:
                await self._await_or_stop(processor.checkpoint(), source)
            if time.monotonic() - self._lag_reported_at >= LAG_SECONDS:
                self._report_lag()
            room = processor.room()
            if not room:
                await self._wait_for_progress()
                continue
            began = self._clock()
            records = await source.poll(min(room, poll_records), POLL_SECONDS)
            self._kept_alive_at = time.monotonic()
            if records is None:
                return True
            caught_up = not records and _is_at_end(source)
            await processor.submit(Polled(records, caught_up, self._clock() - began))
        return False

    async def _wait_for_progress(self) -> None:
        self._processor.progressed.clear()
        # Not `wait_for`: in Python 3.11 it loses a cancellation that comes together with the event.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(KEEP_ALIVE_SECONDS):
                await self._processor.progressed.wait()
        # By the clock and not by the timeout: progress that makes no room must not keep the source from being kept alive.
        if time.monotonic() - self._kept_alive_at >= KEEP_ALIVE_SECONDS:
            await self._keep_alive(self._processor.source)

    async def _await_or_stop(self, call: Coroutine[Any, Any, None], source: Source | None = None) -> bool:
        """Await a call and keep the source alive; return False when a stop has waited for the drain timeout.

        All such waits of a stop share one drain timeout, which begins with the first of them.
        """
        task, stopped = asyncio.create_task(call), asyncio.create_task(self._stopping.wait())
        try:
            while not task.done() and not stopped.done():
                await asyncio.wait({task, stopped}, timeout=KEEP_ALIVE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
                if source is not None and not task.done():
                    await self._keep_alive(source)
            await self._wait_for_drain(task)
            if task.done():
                task.result()
                return True
            return False
        finally:
            await _cancel_all((task, stopped))

    async def _await_unless_stopped(self, call: Coroutine[Any, Any, None]) -> bool:
        """Await a call that opens something; return False as soon as a stop is requested, because nothing is in flight."""
        task, stopped = asyncio.create_task(call), asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                task.result()
                return True
            log.info("stopped_while_opening")
            return False
        finally:
            await _cancel_all((task, stopped))

    async def _wait_for_drain(self, task: asyncio.Task[None]) -> None:
        """Wait until a task is done, the drain timeout is over, or no server has answered for some time.

        The time without an answer is counted in iterations: a busy machine delays the answers as well.
        """
        unanswered, answers = 0.0, SERVER_ANSWERS.count
        while not task.done() and (left := self._time_left()) > 0.0 and unanswered < self._unanswered_seconds:
            await asyncio.wait({task}, timeout=min(left, _TICK_SECONDS))
            waits = SERVER_ANSWERS.count == answers and SERVER_ANSWERS.are_awaited
            unanswered, answers = unanswered + _TICK_SECONDS if waits else 0.0, SERVER_ANSWERS.count

    def _time_left(self) -> float:
        now = time.monotonic()
        if self._deadline is None:
            self._deadline = now + self._settings.drain_timeout
        return max(0.0, self._deadline - now)

    async def _keep_alive(self, source: Source) -> None:
        await source.poll(0, 0.0)
        self._kept_alive_at = time.monotonic()

    def _report_lag(self) -> None:
        self._lag_reported_at = time.monotonic()
        report_source_lag(self._meter, self._processor.source.lag())
        report_outages(self._meter)


def _is_at_end(source: Source) -> bool:
    lag = source.lag()
    return bool(lag) and not any(lag.values())


async def _wait_for(reader: asyncio.Task[None], background: Sequence[asyncio.Task[None]]) -> None:
    """Wait until the reader is done. Raises the first error of any of the tasks."""
    pending = {reader, *background}
    while not reader.done():
        done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            if not task.cancelled():  # a processor cancels its own tasks when it finishes
                task.result()
    reader.result()


async def _cancel_all(tasks: Iterable[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
