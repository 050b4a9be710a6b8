"""Signals: the first one drains, the second ends at once, at whatever moment it comes."""

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

PATIENCE = 60.0


class Stuck:
    """A job that answers when it is told to, and not before."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self._waiting: list[OnDone] = []

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
        self._waiting.append(on_done)
        self.asked.set()

    def answer(self) -> None:
        """Answers all that is waiting."""
        for done in self._waiting:
            done([Output(Role.SINK, None, b"done", None)])


class Running:
    """A stuck job under the local runner, driven as ``wikistate run`` drives it."""

    def __init__(self) -> None:
        self.job = Stuck()
        self.sink = MemorySink()
        meter = RecordingMeter()
        source = MemorySource(MemoryTopic(values=[b"first"]))
        delivery = AtLeastOnce(source, {Role.SINK: self.sink, Role.ERROR: MemorySink()})
        settings = LocalRunnerSettings(drain_timeout=3600)
        processor = StatelessProcessor(self.job, source, delivery, settings=settings, meter=meter)
        runner = LocalRunner(processor, settings=settings, meter=meter)
        self._end = asyncio.create_task(run_until_done(runner, Status(meter, total=None, live=False)))

    async def draining(self) -> None:
        """Returns when the source has ended and only the job is waited for."""
        await self.job.asked.wait()
        await _turn(50)

    async def end(self) -> Exit:
        """How it ends."""
        async with asyncio.timeout(PATIENCE):
            return await self._end


async def _turn(times: int) -> None:
    """Lets the loop turn so often."""
    for _ in range(times):
        await asyncio.sleep(0)


async def test_the_first_signal_waits_for_what_is_in_flight() -> None:
    """The record that was read is written before the end."""
    running = Running()
    await running.draining()
    signal.raise_signal(signal.SIGTERM)
    await _turn(1)
    running.job.answer()
    assert await running.end() is Exit.OK
    assert [output.value for output in running.sink.delivered] == [b"done"]


@pytest.mark.parametrize("turns", range(8))
async def test_the_second_signal_ends_at_once_however_soon_it_comes(turns: int) -> None:
    """After so many turns of the loop: a cancellation must not be lost in what the first signal has set off."""
    running = Running()
    await running.draining()
    signal.raise_signal(signal.SIGTERM)
    await _turn(turns)
    signal.raise_signal(signal.SIGTERM)
    assert await running.end() is Exit.STOPPED_AT_ONCE
    assert running.sink.delivered == []
