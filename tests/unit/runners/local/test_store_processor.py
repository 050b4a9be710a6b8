from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from wikistate.adapters.connectors.memory import Crash, MemorySource, MemoryTopic
from wikistate.config.model import LocalRunnerSettings
from wikistate.errors import RewoundError, SinkError, SourceError
from wikistate.runners.local.runner import LocalRunner
from wikistate.runners.local.store_processor import StoreProcessor
from wikistate.telemetry import metrics
from wikistate.telemetry.meter import RecordingMeter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from wikistate.streaming.ports import ResumePositions
    from wikistate.streaming.record import Partition, Record

SETTINGS = LocalRunnerSettings(poll_records=3, commit_interval=0.001, drain_timeout=0.05)
VALUES = [str(number).encode() for number in range(10)]


class Shelf:
    """A job that keeps values in a list, and its length as the position; see `StoreJob`.

    Attributes:
        values: What it holds for good.
        before: Called before each `process`; what it raises, `process` raises.
        calls: What the runner asked for, in order.
        asked: Set by the first `process`.
        full: Set when it holds all values.
        caught_up: Set when it was told that there is nothing more.
        hanging_call: The call that never returns; `hangs` is then set.
        away: While it is clear, nothing is taken.
    """

    def __init__(self, topic: MemoryTopic) -> None:
        self.values: list[bytes | None] = []
        self.before: Callable[[], None] = lambda: None
        self.calls: list[str] = []
        self.asked = asyncio.Event()
        self.full = asyncio.Event()
        self.caught_up = asyncio.Event()
        self.away = asyncio.Event()
        self.away.set()
        self.hanging_call = ""
        self.hangs = asyncio.Event()
        self._topic = topic

    async def _record_call(self, name: str) -> None:
        self.calls.append(name)
        if name == self.hanging_call:
            self.hangs.set()
            await asyncio.Event().wait()

    @property
    def positions(self) -> Mapping[Partition, int]:
        """See `StoreJob`."""
        places = {record.partition for record in self._topic.elements if not isinstance(record, Crash)}  # type: ignore[union-attr]
        return dict.fromkeys(places, len(self.values)) if self.values else {}

    async def open(self) -> None:
        """See `StoreJob`."""
        await self._record_call("open")

    async def process(self, records: Sequence[Record], *, caught_up: bool) -> None:
        """See `StoreJob`."""
        self.before()
        self.asked.set()
        await self.away.wait()
        self.values += [record.value for record in records]
        if len(self.values) == len(VALUES):
            self.full.set()
        if caught_up:
            self.caught_up.set()

    async def flush(self) -> None:
        """See `StoreJob`."""
        self.calls.append("flush")
        await self.away.wait()

    async def finish(self) -> None:
        """See `StoreJob`."""
        await self._record_call("finish")

    async def rewind(self) -> None:
        """See `StoreJob`."""
        await self._record_call("rewind")

    async def close(self) -> None:
        """See `StoreJob`."""
        self.calls.append("close")


class Bench:
    """A runner over a topic and a shelf."""

    def __init__(self, values: Sequence[bytes] = VALUES, *, bounded: bool = True) -> None:
        self.topic = MemoryTopic("numbers", values)
        self.shelf = Shelf(self.topic)
        self.meter = RecordingMeter()
        self.begun: list[dict[Partition, int]] = []
        self._bounded = bounded
        processor = StoreProcessor(self.shelf, self._source, settings=SETTINGS, meter=self.meter)
        self.runner = LocalRunner(processor, settings=SETTINGS, meter=self.meter)

    def _source(self, resume: ResumePositions) -> MemorySource:
        def positions() -> Mapping[Partition, int]:
            self.topic.committed = dict(resume())
            self.begun.append(dict(self.topic.committed))
            return self.topic.committed

        return MemorySource(self.topic, bounded=self._bounded, resume=positions)


async def test_a_source_is_read_to_its_end_and_the_job_told_so() -> None:
    """Every record in order; what is held is what the source is told."""
    bench = Bench()
    await bench.runner.run()
    assert bench.shelf.values == VALUES
    assert bench.shelf.calls == ["open", "finish", "close"]
    assert list(bench.topic.committed.values()) == [10]
    assert bench.meter.total(metrics.EVENTS_CONSUMED) == 10


async def test_a_run_begins_where_the_place_is() -> None:
    """What the place holds is not read again, whatever the source remembers."""
    bench = Bench()
    bench.shelf.values = list(VALUES[:4])
    await bench.runner.run()
    assert bench.shelf.values == VALUES
    assert [list(begun.values()) for begun in bench.begun] == [[4]]


async def test_a_place_that_went_back_is_given_again_what_it_lacks() -> None:
    """The source is opened anew at its position, and the run goes on to the same end."""
    bench = Bench()

    def lose() -> None:
        if len(bench.shelf.values) == 6:
            bench.shelf.values = bench.shelf.values[:2]
            bench.shelf.before = lambda: None
            raise RewoundError("The shelf is as it was.")

    bench.shelf.before = lose
    await bench.runner.run()
    assert bench.shelf.values == VALUES
    assert [list(begun.values()) for begun in bench.begun] == [[], [2]]
    assert bench.shelf.calls == ["open", "rewind", "finish", "close"]


async def test_a_stop_finishes_what_was_read() -> None:
    """Nothing more is read; the job holds what it took before the run ends."""
    bench = Bench(bounded=False)
    running = asyncio.create_task(bench.runner.run())
    await bench.shelf.full.wait()
    bench.runner.stop()
    await running
    assert bench.shelf.calls[-2:] == ["flush", "close"]


@pytest.mark.parametrize("bounded", [False, True])
async def test_a_stop_does_not_wait_for_ever_for_a_place_that_is_away(*, bounded: bool) -> None:
    """After the drain time the run ends, closed in order; the next run does what was left."""
    bench = Bench(bounded=bounded)
    bench.shelf.away.clear()
    running = asyncio.create_task(bench.runner.run())
    await bench.shelf.asked.wait()
    bench.runner.stop()
    async with asyncio.timeout(5.0):
        await running
    assert bench.shelf.values == []
    assert bench.shelf.calls[-1] == "close"


@pytest.mark.parametrize("calling", ["open", "finish"])
async def test_a_stop_is_heard_whatever_the_run_waits_for(calling: str) -> None:
    """A place that does not answer when it is opened, or at the end of the source, does not hold a stop up either."""
    bench = Bench()
    bench.shelf.hanging_call = calling
    running = asyncio.create_task(bench.runner.run())
    await bench.shelf.hangs.wait()
    bench.runner.stop()
    async with asyncio.timeout(5.0):
        await running
    assert bench.shelf.calls == (["open", "close"] if calling == "open" else ["open", "finish", "close"])


async def test_a_stop_is_heard_while_a_place_that_went_back_does_not_answer() -> None:
    """It was restored and is not there yet: the next run asks it again."""
    bench = Bench()
    bench.shelf.hanging_call = "rewind"

    def lose() -> None:
        raise RewoundError("The shelf is as it was.")

    bench.shelf.before = lose
    running = asyncio.create_task(bench.runner.run())
    await bench.shelf.hangs.wait()
    bench.runner.stop()
    async with asyncio.timeout(5.0):
        await running
    assert bench.shelf.calls == ["open", "rewind", "close"]


async def test_a_failure_ends_the_run_with_everything_closed() -> None:
    """Of the place or of the source: the caller gets it as it is."""
    bench = Bench()
    bench.topic.add(Crash())
    with pytest.raises(SourceError):
        await bench.runner.run()
    assert bench.shelf.calls == ["open", "close"]

    def fail() -> None:
        raise SinkError("full")

    bench = Bench()
    bench.shelf.before = fail
    with pytest.raises(SinkError):
        await bench.runner.run()
    assert bench.shelf.calls == ["open", "close"]


async def test_a_source_with_nothing_left_tells_the_job_so() -> None:
    """Only when the source knows that there is nothing: then the place is up to date."""
    bench = Bench(VALUES[:1], bounded=False)
    running = asyncio.create_task(bench.runner.run())
    await bench.shelf.caught_up.wait()
    bench.runner.stop()
    await running
    assert bench.shelf.values == VALUES[:1]
