"""The local runner over a stateless job: order, bounds, crash and resume, failing sinks.

The job is an echo that finishes a record when the test releases it, so that a test can produce each interleaving.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wikistate.adapters.connectors.memory import Crash, MemorySink, MemorySource, MemoryTopic, Revoke
from wikistate.config.model import LocalRunnerSettings
from wikistate.errors import InternalError, SinkError, SourceError
from wikistate.runners.local.delivery import AtLeastOnce
from wikistate.runners.local.runner import LocalRunner
from wikistate.runners.local.stateless_processor import StatelessProcessor
from wikistate.streaming.record import OnDone, Output, Partition, Record, Role, WorkItem
from wikistate.telemetry import metrics
from wikistate.telemetry.meter import RecordingMeter

Answer = Callable[[], None]


class Echo:
    """Job that writes its input, ``page:number``. ``poison…`` becomes an error; a value in `held` waits for `release`."""

    def __init__(self, *held: bytes) -> None:
        self.held = set(held)
        self.waiting: dict[bytes, Answer] = {}
        self.started: list[bytes] = []
        self.opened = self.closed = 0
        self.asked = asyncio.Event()

    async def open(self) -> None:
        """See `Job`."""
        self.opened += 1

    async def close(self) -> None:
        """See `Job`."""
        self.closed += 1

    def plan(self, record: Record) -> WorkItem:
        """See `Job`."""
        value = record.value or b""
        if value.startswith(b"poison"):
            return WorkItem(None, [Output(Role.ERROR, None, value, None)])
        return WorkItem(value.partition(b":")[0], value)

    def execute(self, item: WorkItem, on_done: OnDone) -> None:
        """See `Job`."""
        if isinstance(item.payload, list):
            on_done(item.payload)
            return
        assert isinstance(item.payload, bytes)
        value = item.payload
        self.started.append(value)
        outputs = [Output(Role.SINK, value.partition(b":")[0], value, None)]
        if value in self.held:
            self.waiting[value] = lambda: on_done(outputs)
            self.asked.set()
        else:
            asyncio.get_running_loop().call_soon(on_done, outputs)

    def release(self, value: bytes) -> None:
        """Finish a value that is held."""
        self.waiting.pop(value)()

    async def until_waiting(self, *values: bytes) -> None:
        """Return when the job works on these values."""
        while not self.waiting.keys() >= set(values):
            self.asked.clear()
            await self.asked.wait()


class SlowToCommit(MemorySource):
    """Source whose commits wait until `may_commit` is set."""

    def __init__(self, topic: MemoryTopic) -> None:
        super().__init__(topic, bounded=False)
        self.committing, self.may_commit = asyncio.Event(), asyncio.Event()

    async def commit(self, positions: Mapping[Partition, int]) -> None:
        """See `Source`."""
        self.committing.set()
        await self.may_commit.wait()
        await super().commit(positions)


class Bench:
    """A job between memory connectors under the local runner."""

    def __init__(
        self,
        job: Echo,
        topic: MemoryTopic,
        *,
        bounded: bool = True,
        source: MemorySource | None = None,
        **settings: float,
    ) -> None:
        self.job = job
        self.topic = topic
        self.sink, self.errors = MemorySink(), MemorySink()
        self.meter = RecordingMeter()
        source = source or MemorySource(topic, bounded=bounded)
        chosen = LocalRunnerSettings.model_validate({"commit_interval": 0.01, **settings})
        delivery = AtLeastOnce(source, {Role.SINK: self.sink, Role.ERROR: self.errors})
        processor = StatelessProcessor(job, source, delivery, settings=chosen, meter=self.meter)
        self.runner = LocalRunner(processor, settings=chosen, meter=self.meter)

    def values(self) -> list[bytes]:
        """Return the durable values in the sink, in order."""
        return [output.value for output in self.sink.delivered]

    async def turn(self) -> None:
        """Run the loop for more turns than a runner without a bound would need."""
        for _ in range(200):
            await asyncio.sleep(0)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Return when the condition holds; polls it, because the runner has no event for it."""
        async with asyncio.timeout(20):
            while not condition():  # noqa: ASYNC110  (there is no event for a durable output)
                await asyncio.sleep(0.001)


P0 = Partition("memory", 0)


def topic_of(*values: bytes) -> MemoryTopic:
    """Return a topic with these values."""
    return MemoryTopic(values=values)


async def test_bounded_source_is_read_to_its_end_and_committed() -> None:
    """Every record is written once, the positions are behind the last one, the job is opened and closed once."""
    values = [b"p%d:%d" % (number % 7, number) for number in range(1000)]
    bench = Bench(Echo(), topic_of(*values))
    await bench.runner.run()
    assert Counter(bench.values()) == Counter(values)
    assert bench.topic.committed == {P0: 1000}
    assert (bench.job.opened, bench.job.closed) == (1, 1)
    assert bench.meter.total(metrics.EVENTS_CONSUMED) == 1000
    assert bench.meter.by_label(metrics.EVENTS_PRODUCED) == {("sink",): 1000, ("error",): 0}
    assert bench.meter.total(metrics.EVENTS_IN_FLIGHT) == bench.meter.total(metrics.BYTES_IN_FLIGHT) == 0


async def test_events_of_a_page_are_ordered_and_pages_are_concurrent() -> None:
    """A slow event holds back the finished later events of its page, and no other page."""
    bench = Bench(Echo(b"a:1"), topic_of(b"a:1", b"a:2", b"b:1", b"a:3"), bounded=False)
    run = asyncio.create_task(bench.runner.run())
    await bench.until(lambda: bench.values() == [b"b:1"])
    assert set(bench.job.started) == {b"a:1", b"a:2", b"b:1", b"a:3"}, "all events are in work at once"
    bench.job.release(b"a:1")
    await bench.until(lambda: bench.values() == [b"b:1", b"a:1", b"a:2", b"a:3"])
    bench.runner.stop()
    await run


async def test_poison_record_becomes_an_error_event() -> None:
    """The events around it are written."""
    bench = Bench(Echo(), topic_of(b"a:1", b"poison", b"a:2"))
    await bench.runner.run()
    assert bench.values() == [b"a:1", b"a:2"]
    assert [output.value for output in bench.errors.delivered] == [b"poison"]


async def test_nothing_behind_an_unfinished_event_is_committed() -> None:
    """Written events behind a slow event are not committed; after a crash they are repeated, and none is lost."""
    topic = topic_of(b"a:1", b"b:1", b"c:1")
    bench = Bench(Echo(b"b:1"), topic, bounded=False)
    run = asyncio.create_task(bench.runner.run())
    await bench.until(lambda: bench.values() == [b"a:1", b"c:1"] and topic.committed == {P0: 1})
    run.cancel()
    await asyncio.gather(run, return_exceptions=True)
    assert topic.committed == {P0: 1}
    again = Bench(Echo(), topic)
    await again.runner.run()
    assert again.values() == [b"b:1", b"c:1"]


async def test_run_after_a_crash_of_the_source_loses_nothing() -> None:
    """The run ends with the error of the source; the next run resumes at the last commit."""
    topic = topic_of(b"a:1", b"a:2")
    topic.add(Crash())
    topic.append(b"a:3")
    first = Bench(Echo(), topic)
    with pytest.raises(SourceError):
        await first.runner.run()
    second = Bench(Echo(), topic)
    await second.runner.run()
    assert set(first.values()) | set(second.values()) == {b"a:1", b"a:2", b"a:3"}
    assert second.values() == sorted(second.values())


@given(st.lists(st.sampled_from([b"a", b"b", b"c", None]), max_size=40), st.integers(0, 39))
def test_crash_at_any_record_loses_nothing_and_keeps_each_page_in_order(pages: list[bytes | None], at: int) -> None:
    """Crash and resume at each record; None stands for a poison record."""

    async def scenario() -> None:
        topic = MemoryTopic()
        expected: list[bytes] = []
        for number, page in enumerate(pages):
            if number == at:
                topic.add(Crash())
            value = b"poison:%d" % number if page is None else b"%s:%04d" % (page, number)
            expected.append(value)
            topic.append(value)
        written: list[bytes] = []
        for _ in range(2):
            bench = Bench(Echo(), topic)
            with contextlib.suppress(SourceError):  # the crash that the list holds
                await bench.runner.run()
            written += bench.values()
            written += [output.value for output in bench.errors.delivered]
        assert set(written) == set(expected)
        for page in (b"a", b"b", b"c"):
            first_seen = list(dict.fromkeys(value for value in written if value.startswith(page + b":")))
            assert first_seen == sorted(first_seen)

    asyncio.run(scenario())


async def test_failing_sink_ends_the_run_before_a_commit() -> None:
    """The lost outputs were not committed, so the next run writes them."""
    topic = topic_of(b"a:1", b"a:2")
    bench = Bench(Echo(b"a:1"), topic)
    run = asyncio.create_task(bench.runner.run())
    await bench.job.until_waiting(b"a:1")
    bench.sink.fail_with(SinkError("The disk is full."))
    bench.job.release(b"a:1")
    with pytest.raises(SinkError, match="The disk is full"):
        await run
    assert topic.committed == {}
    again = Bench(Echo(), topic)
    await again.runner.run()
    assert again.values() == [b"a:1", b"a:2"]


async def test_records_in_flight_are_bounded_in_events() -> None:
    """No further record is read until one is finished."""
    values = [b"%d:0" % number for number in range(10)]
    bench = Bench(Echo(*values), topic_of(*values), max_in_flight_events=3)
    run = asyncio.create_task(bench.runner.run())
    await bench.job.until_waiting(*values[:3])
    await bench.turn()
    assert bench.job.started == values[:3]
    for value in values:
        await bench.job.until_waiting(value)
        bench.job.release(value)
    await run
    assert sorted(bench.values()) == sorted(values)


async def test_records_in_flight_are_bounded_in_bytes() -> None:
    """The second large record waits for the first, and a record above the bound is processed as well."""
    values = [b"%d:" % number + b"x" * 1000 for number in range(3)]
    bench = Bench(Echo(*values), topic_of(*values), max_in_flight_bytes=500, poll_records=1)
    run = asyncio.create_task(bench.runner.run())
    for count, value in enumerate(values, start=1):
        await bench.job.until_waiting(value)
        assert len(bench.job.started) == count
        bench.job.release(value)
    await run
    assert bench.values() == values


async def test_stop_finishes_records_in_flight_and_reads_no_more() -> None:
    """Records that were read are written and committed."""
    topic = topic_of(b"a:1", b"b:1")
    bench = Bench(Echo(b"a:1"), topic, bounded=False)
    run = asyncio.create_task(bench.runner.run())
    await bench.job.until_waiting(b"a:1")
    bench.runner.stop()
    await bench.turn()
    assert not run.done(), "the run waits for records in flight"
    bench.job.release(b"a:1")
    await run
    assert sorted(bench.values()) == [b"a:1", b"b:1"]
    assert topic.committed == {P0: 2}


async def test_drain_timeout_ends_the_run_and_loses_nothing() -> None:
    """After `drain_timeout` the run ends, and unfinished records are not committed."""
    topic = topic_of(b"a:1", b"b:1")
    bench = Bench(Echo(b"a:1"), topic, bounded=False, drain_timeout=0.05)
    run = asyncio.create_task(bench.runner.run())
    await bench.job.until_waiting(b"a:1")
    bench.runner.stop()
    await run
    assert topic.committed == {}


async def test_revoked_partition_is_read_again_from_its_commit() -> None:
    """The old owner does not write the records that were in flight, so the order holds."""
    topic = topic_of(b"a:1", b"a:2")
    topic.add(Revoke(frozenset({P0})))
    topic.append(b"a:3")
    bench = Bench(Echo(), topic)
    await bench.runner.run()
    assert list(dict.fromkeys(bench.values())) == [b"a:1", b"a:2", b"a:3"]
    assert topic.committed == {P0: 3}


async def test_end_of_a_run_waits_for_a_commit_in_progress() -> None:
    """A cancelled commit would lose its positions; with transactions, the outputs would be committed without them."""
    topic = topic_of(b"a:1", b"b:1")
    source = SlowToCommit(topic)
    bench = Bench(Echo(), topic, source=source)
    run = asyncio.create_task(bench.runner.run())
    await source.committing.wait()
    bench.runner.stop()
    for _ in range(500):
        await asyncio.sleep(0.001)
    assert not run.done()
    source.may_commit.set()
    await run
    assert topic.committed == {P0: 2}


async def test_record_that_is_finished_twice_ends_the_run() -> None:
    """The second output would be out of order, so the run does not continue."""

    class Twice(Echo):
        def execute(self, item: WorkItem, on_done: OnDone) -> None:
            super().execute(item, on_done)
            with contextlib.suppress(RuntimeError):
                super().execute(item, on_done)

    bench = Bench(Twice(), topic_of(b"a:1"), bounded=False)
    with pytest.raises(InternalError, match="memory/0 offset 0 was finished twice"):
        await bench.runner.run()
