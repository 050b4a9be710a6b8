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


class MemoryStoreJob:
    """Job with a store in memory: a list of values, with its length as the position; see `StoreJob`.

    Attributes:
        values: The durable values.
        before: Called before each `process`, which raises its errors.
        calls: The other calls of the runner, in order.
        asked: Set by the first `process`.
        full: Set when the store holds all values.
        caught_up: Set by a `process` with `caught_up`.
        hanging_call: The call that never returns; `hangs` is then set.
        available: While it is clear, the store does not answer.
    """

    def __init__(self, topic: MemoryTopic) -> None:
        self.values: list[bytes | None] = []
        self.before: Callable[[], None] = lambda: None
        self.calls: list[str] = []
        self.asked = asyncio.Event()
        self.full = asyncio.Event()
        self.caught_up = asyncio.Event()
        self.available = asyncio.Event()
        self.available.set()
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
        await self.available.wait()
        self.values += [record.value for record in records]
        if len(self.values) == len(VALUES):
            self.full.set()
        if caught_up:
            self.caught_up.set()

    async def flush(self) -> None:
        """See `StoreJob`."""
        self.calls.append("flush")
        await self.available.wait()

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
    """A runner over a topic and a store."""

    def __init__(self, values: Sequence[bytes] = VALUES, *, bounded: bool = True) -> None:
        self.topic = MemoryTopic("numbers", values)
        self.job = MemoryStoreJob(self.topic)
        self.meter = RecordingMeter()
        self.started_at: list[dict[Partition, int]] = []
        self._bounded = bounded
        processor = StoreProcessor(self.job, self._source, settings=SETTINGS, meter=self.meter)
        self.runner = LocalRunner(processor, settings=SETTINGS, meter=self.meter)

    def _source(self, resume: ResumePositions) -> MemorySource:
        def positions() -> Mapping[Partition, int]:
            self.topic.committed = dict(resume())
            self.started_at.append(dict(self.topic.committed))
            return self.topic.committed

        return MemorySource(self.topic, bounded=self._bounded, resume=positions)


async def test_bounded_source_is_read_to_its_end_and_the_job_finishes() -> None:
    """Every record is applied in order, and the positions of the store are committed to the source."""
    bench = Bench()
    await bench.runner.run()
    assert bench.job.values == VALUES
    assert bench.job.calls == ["open", "finish", "close"]
    assert list(bench.topic.committed.values()) == [10]
    assert bench.meter.total(metrics.EVENTS_CONSUMED) == 10


async def test_run_starts_at_the_positions_of_the_store() -> None:
    """Records in the store are not read again, whatever the source has committed."""
    bench = Bench()
    bench.job.values = list(VALUES[:4])
    await bench.runner.run()
    assert bench.job.values == VALUES
    assert [list(start.values()) for start in bench.started_at] == [[4]]


async def test_store_that_went_back_receives_the_missing_records_again() -> None:
    """The source is opened again at the position of the store, and the run continues to its end."""
    bench = Bench()

    def lose() -> None:
        if len(bench.job.values) == 6:
            bench.job.values = bench.job.values[:2]
            bench.job.before = lambda: None
            raise RewoundError("The store was restored.")

    bench.job.before = lose
    await bench.runner.run()
    assert bench.job.values == VALUES
    assert [list(start.values()) for start in bench.started_at] == [[], [2]]
    assert bench.job.calls == ["open", "rewind", "finish", "close"]


async def test_stop_finishes_the_records_that_were_read() -> None:
    """No further record is read, and the job is flushed before the run ends."""
    bench = Bench(bounded=False)
    running = asyncio.create_task(bench.runner.run())
    await bench.job.full.wait()
    bench.runner.stop()
    await running
    assert bench.job.calls[-2:] == ["flush", "close"]


@pytest.mark.parametrize("bounded", [False, True])
async def test_stop_waits_for_an_absent_store_until_the_drain_timeout(*, bounded: bool) -> None:
    """The run then ends and closes in order; the next run applies the rest."""
    bench = Bench(bounded=bounded)
    bench.job.available.clear()
    running = asyncio.create_task(bench.runner.run())
    await bench.job.asked.wait()
    bench.runner.stop()
    async with asyncio.timeout(5.0):
        await running
    assert bench.job.values == []
    assert bench.job.calls[-1] == "close"


@pytest.mark.parametrize("calling", ["open", "finish"])
async def test_stop_ends_the_wait_for_open_and_finish(calling: str) -> None:
    """A store that does not answer at its opening, or at the end of the source, delays a stop for the drain timeout only."""
    bench = Bench()
    bench.job.hanging_call = calling
    running = asyncio.create_task(bench.runner.run())
    await bench.job.hangs.wait()
    bench.runner.stop()
    async with asyncio.timeout(5.0):
        await running
    assert bench.job.calls == (["open", "close"] if calling == "open" else ["open", "finish", "close"])


async def test_stop_ends_the_wait_for_a_rewind() -> None:
    """The store was restored and does not answer yet: the next run opens it again."""
    bench = Bench()
    bench.job.hanging_call = "rewind"

    def lose() -> None:
        raise RewoundError("The store was restored.")

    bench.job.before = lose
    running = asyncio.create_task(bench.runner.run())
    await bench.job.hangs.wait()
    bench.runner.stop()
    async with asyncio.timeout(5.0):
        await running
    assert bench.job.calls == ["open", "rewind", "close"]


async def test_failure_ends_the_run_with_everything_closed() -> None:
    """The caller receives the error of the store or of the source unchanged."""
    bench = Bench()
    bench.topic.add(Crash())
    with pytest.raises(SourceError):
        await bench.runner.run()
    assert bench.job.calls == ["open", "close"]

    def fail() -> None:
        raise SinkError("full")

    bench = Bench()
    bench.job.before = fail
    with pytest.raises(SinkError):
        await bench.runner.run()
    assert bench.job.calls == ["open", "close"]


async def test_job_is_notified_when_it_has_caught_up() -> None:
    """Only if the source knows that no record is left: then the store is up to date."""
    bench = Bench(VALUES[:1], bounded=False)
    running = asyncio.create_task(bench.runner.run())
    await bench.job.caught_up.wait()
    bench.runner.stop()
    await running
    assert bench.job.values == VALUES[:1]
