"""The local runner: one process, one loop. It reads, submits records to a processor and ends in order."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Any

import structlog

from wikistate.adapters.http.server_answers import SERVER_ANSWERS
from wikistate.errors import ExternalError, RewoundError
from wikistate.runners.local.interruptions import Interruptions
from wikistate.runners.local.processor import Polled
from wikistate.runners.metrics import report_outages, report_source_lag

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Sequence

    from wikistate.config.model import LocalRunnerSettings
    from wikistate.runners.local.processor import Processor
    from wikistate.streaming.ports import Source
    from wikistate.telemetry.meter import Meter

    _Restart = Callable[[], Coroutine[Any, Any, None]]

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
        rebuild: Builds the processor again, in a thread, when its store went back in time and it cannot rewind, or when
            an outage broke its connections and it cannot resume. None: such an error ends the run.
        resumable: Whether a new source continues at the last commit, so that an outage of the source or a sink does not
            end the run.
        clock: Seconds; measures how long a poll took.
    """

    def __init__(
        self,
        processor: Processor,
        *,
        settings: LocalRunnerSettings,
        meter: Meter,
        rebuild: Callable[[], Processor] | None = None,
        resumable: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._processor = processor
        self._settings = settings
        self._meter = meter
        self._rebuild = rebuild
        self._resumable = resumable
        self._interruptions = Interruptions(meter)
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
        """Run to the end. After an outage it resumes at its last commit, however long the outage was.

        Raises:
            WikistateError: The source, a sink, the store, the state or the job failed for good, or a stop was requested
                during an outage. The next run processes again what was not committed.
        """
        while not await self._run_processor():
            if not await self._await_unless_stopped(self._build_again()):
                return

    async def _run_processor(self) -> bool:
        """Run the processor until it has finished; return False when it must be built again."""
        processor = self._processor
        prepare = processor.open
        try:
            while True:
                try:
                    if await self._await_unless_stopped(prepare()):
                        await self._run_source()
                except RewoundError as rewound:
                    restart = self._restart_after_rewind(rewound)
                except ExternalError as error:
                    restart = await self._restart_after_outage(error)
                else:
                    return True
                if restart is None:
                    return False
                prepare = restart
        finally:
            await processor.close()

    def _restart_after_rewind(self, rewound: RewoundError) -> _Restart | None:
        """Return the call after which the source is opened again; None to build the processor again."""
        restart = self._processor.rewind
        if restart is not None:
            log.warning("store_offset_rewound", reason=rewound.message)
        elif self._rebuild is not None:
            log.warning("store_older_than_checkpoint", reason=rewound.message)
        else:
            raise rewound
        return restart

    async def _restart_after_outage(self, error: ExternalError) -> _Restart | None:
        """Wait, and return the call after which the source is opened again; None to build the processor again."""
        restart = self._processor.resume
        if not self._interruptions.covers(error) or (restart is None and self._rebuild is None):
            raise error
        await self._wait_to_resume(error)
        return restart

    async def _wait_to_resume(self, error: ExternalError) -> None:
        if not self._resumable or self._stopping.is_set():
            raise error
        delay = self._interruptions.begin(error)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(delay):
                await self._stopping.wait()
        if self._stopping.is_set():
            raise error

    async def _build_again(self) -> None:
        while self._rebuild is not None:
            try:
                self._processor = await asyncio.to_thread(self._rebuild)
            except ExternalError as error:
                if not self._interruptions.covers_build(error):
                    raise
                await self._wait_to_resume(error)
            else:
                return

    async def _run_source(self) -> None:
        """Open the source and read it to the end of the run."""
        processor = self._processor
        source = processor.source
        try:
            if await self._await_unless_stopped(source.open(processor.revoked)):
                self._is_starting = False
                self._interruptions.end()
                await self._run_tasks()
        finally:
            await source.close()

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
