"""The bridge awaits a job with callbacks: in order within a page, within bounds, opened with the first record."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from wikistate.config.model import ErrorLimitSettings
from wikistate.errors import ErrorLimitError, InternalError, SourceError
from wikistate.runners.flink.async_bridge import CallbackBridge
from wikistate.runners.metrics import RunnerMetrics
from wikistate.streaming.error_limit import ErrorLimit
from wikistate.streaming.ordering import OrderedRelease
from wikistate.streaming.record import Output, Partition, Record, Role, WorkItem
from wikistate.telemetry import metrics
from wikistate.telemetry.meter import RecordingMeter

if TYPE_CHECKING:
    from wikistate.errors import WikistateError
    from wikistate.streaming.record import OnDone


class ScriptedJob:
    """A job that a test controls: the key of a record is its page, and its output is its offset.

    Args:
        immediate: Whether it finishes a record before `execute` returns.
        failure: The error of `open`.
    """

    def __init__(self, *, immediate: bool = False, failure: WikistateError | None = None) -> None:
        self.opened = 0
        self.may_open = asyncio.Event()
        self.may_open.set()
        self.given: dict[int, OnDone] = {}
        self._immediate = immediate
        self._failure = failure

    async def open(self) -> None:
        """See `Job`."""
        self.opened += 1
        await self.may_open.wait()
        if self._failure is not None:
            raise self._failure

    def plan(self, record: Record) -> WorkItem:
        """See `Job`."""
        return WorkItem(record.key, record.offset)

    def execute(self, item: WorkItem, on_done: OnDone) -> None:
        """See `Job`."""
        assert isinstance(item.payload, int)
        self.given[item.payload] = on_done
        if self._immediate:
            self.finish(item.payload)

    async def close(self) -> None:
        """See `Job`."""

    def finish(self, *offsets: int) -> None:
        """Finish these records."""
        for offset in offsets:
            self.given[offset]([Output(Role.SINK, None, str(offset).encode(), 1_000)])


class RunningBridge:
    """A bridge with a task for each submitted record."""

    def __init__(self, job: ScriptedJob, *, events: int = 100, size: int = 10_000) -> None:
        self.meter = RecordingMeter()
        ordering = OrderedRelease(max_events=events, max_bytes=size)
        self._bridge = CallbackBridge(job, ordering, RunnerMetrics(self.meter))
        self.tasks: list[asyncio.Task[list[Output]]] = []

    async def submit(self, *pages: str | None) -> None:
        """Submit records of these pages with increasing offsets, and return when each has progressed as far as it can."""
        for page in pages:
            key = None if page is None else page.encode()
            record = Record(b"r", key, None, Partition("changes"), len(self.tasks))
            self.tasks.append(asyncio.create_task(self._bridge.process(record)))
        await run_pending_callbacks()

    def done(self) -> list[int]:
        """Return the offsets of the records that have their outputs."""
        return [offset for offset, task in enumerate(self.tasks) if task.done()]


async def run_pending_callbacks() -> None:
    """Run the loop for a few turns, without a delay."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_outputs_of_a_record_are_returned() -> None:
    """As soon as the job has called back."""
    job = ScriptedJob()
    running = RunningBridge(job)
    await running.submit("page")
    assert running.done() == []
    job.finish(0)
    assert await running.tasks[0] == [Output(Role.SINK, None, b"0", 1_000)]


async def test_later_event_of_a_page_waits_for_the_earlier_one_and_others_do_not() -> None:
    """For every order of results: the engine emits finished records, and so keeps the order of each page."""
    job = ScriptedJob()
    running = RunningBridge(job)
    await running.submit("a", "a", "b", None)
    job.finish(1, 2, 3)
    await run_pending_callbacks()
    assert running.done() == [2, 3]
    job.finish(0)
    await run_pending_callbacks()
    assert running.done() == [0, 1, 2, 3]


async def test_results_of_a_page_are_ready_in_its_order() -> None:
    """The tasks of the records end in the order of the records."""
    job = ScriptedJob()
    running = RunningBridge(job)
    ended: list[asyncio.Task[list[Output]]] = []
    await running.submit(*"aaaa")
    for task in running.tasks:
        task.add_done_callback(ended.append)
    job.finish(3, 1, 2, 0)
    await run_pending_callbacks()
    assert ended == running.tasks


async def test_job_is_opened_once_before_the_first_record() -> None:
    """Records that arrive while it opens wait and keep their order."""
    job = ScriptedJob()
    job.may_open.clear()
    running = RunningBridge(job)
    await running.submit("a", "b", "a")
    assert (job.opened, job.given) == (1, {})
    job.may_open.set()
    await run_pending_callbacks()
    assert (job.opened, list(job.given)) == (1, [0, 1, 2])


async def test_job_that_cannot_be_opened_fails_each_record() -> None:
    """With its own error, now and later: no record may appear to be done."""
    running = RunningBridge(ScriptedJob(failure=SourceError("It is not there.")))
    await running.submit("a", "b")
    await running.submit("c")
    for task in running.tasks:
        with pytest.raises(SourceError, match="It is not there"):
            await task


async def test_records_in_flight_are_bounded() -> None:
    """Waiting records are submitted to the job in order, as soon as there is room."""
    job = ScriptedJob()
    running = RunningBridge(job, events=2)
    await running.submit(*"abcde")
    assert list(job.given) == [0, 1]
    job.finish(1)
    await run_pending_callbacks()
    assert list(job.given) == [0, 1, 2]
    job.finish(0, 2)
    await run_pending_callbacks()
    assert list(job.given) == [0, 1, 2, 3, 4]
    assert running.done() == [0, 1, 2]


async def test_waiting_results_take_room() -> None:
    """The bound of bytes includes them: a slow event of a page cannot make the results behind it grow without bound."""
    job = ScriptedJob()
    running = RunningBridge(job, size=3)
    await running.submit("a", "a", "b", "c")
    assert list(job.given) == [0, 1, 2]
    job.finish(1)
    job.finish(2)
    await run_pending_callbacks()
    assert list(job.given) == [0, 1, 2], "the result of 1 waits for 0 and holds the room that 2 has left"
    job.finish(0)
    await run_pending_callbacks()
    assert list(job.given) == [0, 1, 2, 3]


async def test_job_that_finishes_at_once_handles_any_number_of_records() -> None:
    """One at a time and without recursion, which would exhaust the stack."""
    job = ScriptedJob(immediate=True)
    job.may_open.clear()
    running = RunningBridge(job, events=1)
    await running.submit(*["a"] * 3_000)
    job.may_open.set()
    outputs = await asyncio.gather(*running.tasks)
    assert [each[0].value for each in outputs] == [str(offset).encode() for offset in range(3_000)]


async def test_record_that_is_finished_twice_fails_the_job() -> None:
    """Records in flight fail with a defect, so that the engine resumes at its last checkpoint."""
    job = ScriptedJob()
    running = RunningBridge(job)
    await running.submit("a", "b")
    job.finish(0, 0)
    with pytest.raises(InternalError, match="changes/0 offset 0 was finished twice"):
        await running.tasks[1]


async def test_cancelled_records_ignore_their_results() -> None:
    """The operator ends and its records are cancelled; a later callback of the job causes no error."""
    job = ScriptedJob()
    running = RunningBridge(job)
    await running.submit("a", "a")
    for task in running.tasks:
        task.cancel()
    await asyncio.gather(*running.tasks, return_exceptions=True)
    job.finish(1, 0)
    await run_pending_callbacks()
    assert all(task.cancelled() for task in running.tasks)


async def test_records_and_outputs_are_reported() -> None:
    """Under the same names as in every runner."""
    job = ScriptedJob()
    running = RunningBridge(job, events=2)
    await running.submit(*"abc")
    assert running.meter.total(metrics.EVENTS_IN_FLIGHT) == 2
    assert running.meter.total(metrics.EVENTS_CONSUMED) == 2
    job.finish(0, 1, 2)
    await run_pending_callbacks()
    assert running.meter.total(metrics.EVENTS_CONSUMED) == 3
    assert running.meter.by_label(metrics.EVENTS_PRODUCED) == {("sink",): 3, ("error",): 0}
    ((latencies,),) = (running.meter.distributions[metrics.EVENT_LATENCY].values(),)
    assert latencies.count == 3


async def test_error_limit_fails_the_job() -> None:
    """Records in flight and later ones fail with the limit: the engine fails, and resumes at its checkpoint."""
    job = ScriptedJob()
    limit = ErrorLimit(ErrorLimitSettings(in_a_row=1))
    bridge = CallbackBridge(
        job, OrderedRelease(max_events=9, max_bytes=999), RunnerMetrics(RecordingMeter()), error_limit=limit
    )
    records = [Record(b"r", None, None, Partition("changes"), offset) for offset in range(4)]
    tasks = [asyncio.create_task(bridge.process(record)) for record in records[:3]]
    await run_pending_callbacks()
    failed = [Output(Role.ERROR, None, b"{}", None)]
    job.given[0](failed)
    job.given[1](failed)
    assert await tasks[0] == failed
    for waiting in (tasks[1], tasks[2], bridge.process(records[3])):
        with pytest.raises(ErrorLimitError, match="2 events in a row failed; the limit is 1"):
            await waiting
