"""Signals: the first signal drains the run, and the second signal ends it immediately at any moment."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

import pytest

from wikistate.adapters.connectors.memory import MemorySink, MemorySource, MemoryTopic
from wikistate.cli.execution import run_until_done
from wikistate.cli.exits import Exit
from wikistate.cli.status import Status
from wikistate.config.model import LocalRunnerSettings
from wikistate.runners.local.delivery import AtLeastOnce
from wikistate.runners.local.runner import LocalRunner
from wikistate.runners.local.stateless_processor import StatelessProcessor
from wikistate.streaming.record import Output, Role, WorkItem
from wikistate.telemetry.meter import RecordingMeter

if TYPE_CHECKING:
    from wikistate.streaming.record import OnDone, Record

TIMEOUT_SECONDS = 60.0


class BlockedJob:
    """Job that finishes its records only when the test calls `finish`."""

    def __init__(self) -> None:
        self.started = asyncio.Event()
        self._callbacks: list[OnDone] = []

    async def open(self) -> None:
        """See `Job`."""

    async def close(self) -> None:
        """See `Job`."""

    def plan(self, record: Record) -> WorkItem:
        """See `Job`."""
        return WorkItem(None, record.value)

    def execute(self, item: WorkItem, on_done: OnDone) -> None:
        """See `Job`."""
        del item
        self._callbacks.append(on_done)
        self.started.set()

    def finish(self) -> None:
        """Finish all records that the job holds."""
        for on_done in self._callbacks:
            on_done([Output(Role.SINK, None, b"done", None)])


class BlockedRun:
    """Run of a blocked job on the local runner, started as ``wikistate run`` starts it."""

    def __init__(self) -> None:
        self.job = BlockedJob()
        self.sink = MemorySink()
        meter = RecordingMeter()
        source = MemorySource(MemoryTopic(values=[b"first"]))
        delivery = AtLeastOnce(source, {Role.SINK: self.sink, Role.ERROR: MemorySink()})
        settings = LocalRunnerSettings(drain_timeout=3600)
        processor = StatelessProcessor(self.job, source, delivery, settings=settings, meter=meter)
        runner = LocalRunner(processor, settings=settings, meter=meter)
        self._task = asyncio.create_task(run_until_done(runner, Status(meter, total=None, live=False)))

    async def wait_for_job(self) -> None:
        """Wait until the source has ended and the run waits for the job alone."""
        await self.job.started.wait()
        await _run_loop(50)

    async def exit_code(self) -> Exit:
        """Wait for the end of the run and return its exit code."""
        async with asyncio.timeout(TIMEOUT_SECONDS):
            return await self._task


async def _run_loop(iterations: int) -> None:
    """Let the event loop complete this number of iterations."""
    for _ in range(iterations):
        await asyncio.sleep(0)


async def test_first_signal_drains_events_in_flight() -> None:
    """The record that was read is written before the run ends."""
    run = BlockedRun()
    await run.wait_for_job()
    signal.raise_signal(signal.SIGTERM)
    await _run_loop(1)
    run.job.finish()
    assert await run.exit_code() is Exit.OK
    assert [output.value for output in run.sink.delivered] == [b"done"]


@pytest.mark.parametrize("iterations", range(8))
async def test_second_signal_ends_the_run_immediately_at_any_moment(iterations: int) -> None:
    """The second signal comes after 0 to 7 iterations of the loop; the drain of the first must not lose its cancellation."""
    run = BlockedRun()
    await run.wait_for_job()
    signal.raise_signal(signal.SIGTERM)
    await _run_loop(iterations)
    signal.raise_signal(signal.SIGTERM)
    assert await run.exit_code() is Exit.STOPPED_AT_ONCE
    assert run.sink.delivered == []
