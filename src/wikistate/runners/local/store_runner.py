"""Runs a job that ends in a place which keeps the positions: reads from where the place says, again and again.

One loop: poll, hand over, tell the source what is held. The place may come back older than it was, and then the source
is opened anew from there; a run is as many such passes as it takes.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import structlog

from wikistate.errors import RewoundError
from wikistate.telemetry import metrics

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from collections.abc import Set as AbstractSet

    from wikistate.config.model import LocalRunnerSettings
    from wikistate.streaming.ports import ResumePositions, Source
    from wikistate.streaming.record import Partition
    from wikistate.streaming.store_job import StoreJob
    from wikistate.telemetry.meter import Meter

log = structlog.get_logger(__name__)

POLL_SECONDS = 0.25
"""How long a poll waits for a first record: the longest that a stop request goes unseen on an idle stream."""

KEEP_ALIVE_SECONDS = 5.0
"""How often a source is told that we live while the place takes nothing."""


class StoreRunner:
    """Runs one job over one source until the source ends or `stop` is called.

    Args:
        job: What decides, and where it all ends; opened and closed by the runner.
        make_source: Makes a source that goes on at the positions it is given; called again for each pass.
        settings: How much is read at once, how often the source is told how far it is held, how long a stop may take.
        meter: Where measurements go.
    """

    def __init__(
        self,
        job: StoreJob,
        make_source: Callable[[ResumePositions], Source],
        *,
        settings: LocalRunnerSettings,
        meter: Meter,
    ) -> None:
        self._job = job
        self._make_source = make_source
        self._settings = settings
        self._stopping = asyncio.Event()
        self._reported: dict[Partition, int] = {}
        self._reported_at = 0.0
        self._meter = meter
        self._consumed = meter.counter(metrics.EVENTS_CONSUMED)
        self._commits = meter.counter(metrics.COMMITS)
        self._waiting_gauge = meter.gauge(metrics.WAITING_FOR_DEPENDENCY, what="stream")

    def stop(self) -> None:
        """Read no more; what was read is applied, then the run ends."""
        self._stopping.set()

    async def run(self) -> None:
        """Runs to the end.

        Raises:
            WikistateError: The source or the place cannot go on. What the place does not hold is read again by the next
                run.
        """
        try:
            if not await self._await_or_stop(self._job.open()):
                return
            while not await self._run_once():
                if not await self._await_or_stop(self._job.rewind()):
                    return
        finally:
            await self._job.close()

    async def _run_once(self) -> bool:
        """One reading from where the place is; whether the run is over, or the place went back meanwhile."""
        source = self._make_source(lambda: self._job.positions)
        self._reported = {}
        try:
            await source.open(_ignore_revocation)
            ended = await self._read(source)
            await self._await_or_stop(self._job.finish() if ended else self._job.flush(), source)
            await self._report_positions(source)
        except RewoundError as rewound:
            log.warning("store_offset_rewound", reason=rewound.message)
            return False
        else:
            return True
        finally:
            await source.close()

    async def _read(self, source: Source) -> bool:
        """Reads until the source ends, or the run is stopped; which of the two."""
        while not self._stopping.is_set():
            records = await source.poll(self._settings.poll_records, POLL_SECONDS)
            if records is None:
                return True
            self._consumed(len(records))
            self._waiting_gauge(float(not records))
            lag = source.lag()
            current = not records and bool(lag) and not any(lag.values())
            if not await self._await_or_stop(self._job.process(records, caught_up=current), source):
                return False
            if time.monotonic() - self._reported_at >= self._settings.commit_interval:
                await self._report_positions(source)
        return False

    async def _await_or_stop(self, call: Coroutine[Any, Any, None], source: Source | None = None) -> bool:
        """Waits for a call to the job; False when it was given up because a stop had waited long enough for it."""
        task, stopped = asyncio.create_task(call), asyncio.create_task(self._stopping.wait())
        try:
            while not task.done() and not stopped.done():
                await asyncio.wait({task, stopped}, timeout=KEEP_ALIVE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
                if source is not None and not task.done():
                    await source.poll(0, 0.0)
            if not task.done():
                await asyncio.wait({task}, timeout=self._settings.drain_timeout)
            if task.done():
                task.result()
                return True
            log.warning("drain_timeout_reached")
            return False
        finally:
            await _cancel_all({task, stopped})

    async def _report_positions(self, source: Source) -> None:
        """Let the source know how far it is held: for those who watch its lag, for nothing is read from there."""
        self._reported_at = time.monotonic()
        held = {part: offset for part, offset in self._job.positions.items() if self._reported.get(part) != offset}
        if held:
            await source.commit(held)
            self._reported |= held
            self._commits(1)
        for partition, records in source.lag().items():
            self._meter.gauge(metrics.SOURCE_LAG, topic=partition.topic, partition=str(partition.number))(records)


async def _ignore_revocation(partitions: AbstractSet[Partition]) -> None:
    """The partitions are assigned by hand, and stay."""


async def _cancel_all(tasks: AbstractSet[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
