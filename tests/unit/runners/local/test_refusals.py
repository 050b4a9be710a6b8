"""Refused outputs of a run: which error event takes the place of which output, and when the run ends instead."""

from __future__ import annotations

import asyncio

import pytest

from wikistate.adapters.connectors.memory import MemorySink, MemorySource, MemoryTopic
from wikistate.config.model import LocalRunnerSettings
from wikistate.errors import SinkError
from wikistate.runners.local.delivery import AtLeastOnce
from wikistate.runners.local.refusals import OutputsRefusedError, Refusals
from wikistate.runners.local.runner import LocalRunner
from wikistate.runners.local.stateless_processor import StatelessProcessor
from wikistate.streaming.ports import RefusedError, RefusedOutput, digest_output
from wikistate.streaming.record import OnDone, Output, Partition, Record, Role, WorkItem
from wikistate.telemetry.meter import RecordingMeter

LIMIT = 10_000


class Plain:
    """A job that does not report refusals."""

    async def open(self) -> None:
        """See `Job`."""

    async def close(self) -> None:
        """See `Job`."""

    def plan(self, record: Record) -> WorkItem:
        """See `Job`."""
        return WorkItem(None, record)

    def execute(self, item: WorkItem, on_done: OnDone) -> None:
        """See `Job`."""


class Reporting(Plain):
    """A job whose error event has the size of its record."""

    def report_refusal(self, record: Record, reason: str, *, by_size: bool) -> Output:
        """See `RefusalReporter`."""
        assert reason
        return Output(Role.ERROR, None, (b"size:" if by_size else b"other:") + (record.value or b""), None)

    def shorten(self, error: Output, max_bytes: int) -> Output:
        """See `RefusalReporter`. The envelope has ten bytes."""
        return error._replace(value=error.value[: max(10, max_bytes)])


def make_record(value: bytes, offset: int = 0) -> Record:
    """Return a record."""
    return Record(value, None, None, Partition("source"), offset)


def refuse(
    refusals: Refusals, *outputs: Output, by_size: bool = True, limits: dict[str, int] | None = None
) -> type[SinkError]:
    """Refuse outputs, and return the class of the error that the runner gets."""
    refused = [
        RefusedOutput(digest_output(each.key, each.value), len(each.value), each.role, "Refused", by_size)
        for each in outputs
    ]
    error = RefusedError("Refused.", refused=refused)
    error.limits = {Role.SINK: LIMIT, Role.ERROR: LIMIT} if limits is None else limits
    with pytest.raises(SinkError) as caught, refusals.learning():
        raise error
    return type(caught.value)


def write(refusals: Refusals, record: Record, *values: bytes) -> list[Output]:
    """Return what is written for the outputs of a record."""
    written: list[Output] = []
    refusals.wrap(record, written.extend)([Output(Role.SINK, b"k", value, None) for value in values])
    return written


def test_first_refusal_makes_batches_small_and_the_second_names_the_record() -> None:
    """Neighbours of the refused output are written as before."""
    refusals = Refusals(Reporting())
    first, second = make_record(b"first"), make_record(b"second", 1)
    large = Output(Role.SINK, b"k", b"x" * 20_000, None)
    assert refusals.batch_bytes is None
    assert refuse(refusals, Output(Role.SINK, b"k", b"small", None), large) is OutputsRefusedError
    assert refusals.batch_bytes is not None
    assert LIMIT // 2 < refusals.batch_bytes < LIMIT
    assert write(refusals, first, b"small") == [Output(Role.SINK, b"k", b"small", None)]
    assert write(refusals, second, large.value) == [large]
    assert refuse(refusals, large) is OutputsRefusedError
    assert [each.value for each in write(refusals, first, b"small")] == [b"small"]
    assert [each.value for each in write(refusals, second, large.value)] == [b"size:second"]


def test_record_is_recognised_after_its_offset_has_changed() -> None:
    """Some sources count from the start of the process."""
    refusals = Refusals(Reporting())
    refuse(refusals)
    (output,) = write(refusals, make_record(b"page", 7), b"x" * 20_000)
    refuse(refusals, output)
    assert [each.value for each in write(refusals, make_record(b"page", 0), b"another content")] == [b"size:page"]


def test_only_the_refused_output_of_several_is_replaced() -> None:
    """A custom enrichment emits several events for a record."""
    refusals = Refusals(Reporting())
    refuse(refusals, by_size=False)
    outputs = write(refusals, make_record(b"page"), b"one", b"two", b"three")
    refuse(refusals, outputs[1], by_size=False)
    assert [each.value for each in write(refusals, make_record(b"page"), b"one", b"two", b"three")] == [
        b"one",
        b"other:page",
        b"three",
    ]


@pytest.mark.parametrize("limits", [{}, {Role.SINK: LIMIT}], ids=["unknown", "other reason"])
def test_batches_have_one_record_where_the_limit_does_not_help(limits: dict[str, int]) -> None:
    """The limit cannot be read, or the reason is not the size."""
    refusals = Refusals(Reporting())
    refuse(refusals, Output(Role.SINK, None, b"value", None), by_size=not limits, limits=limits)
    assert refusals.batch_bytes == 1


@pytest.mark.parametrize("limits", [{Role.ERROR: 8000}, {}], ids=["known", "unknown"])
def test_refused_error_event_is_cut_until_nothing_is_left(limits: dict[str, int]) -> None:
    """First to the limit of the topic if it is known, then by halves; the run ends when it cannot become shorter."""
    refusals = Refusals(Reporting())
    record = make_record(b"r" * 20_000)
    refuse(refusals, Output(Role.SINK, None, b"", None), limits=limits)
    refuse(refusals, *write(refusals, record, b"x" * 20_000), limits=limits)
    sizes = []
    while True:
        (error,) = write(refusals, record, b"x" * 20_000)
        assert error.role is Role.ERROR
        sizes.append(len(error.value))
        if refuse(refusals, error, limits=limits) is SinkError:
            break
    assert sizes == sorted(set(sizes), reverse=True)
    assert sizes[-1] == 10
    assert 10_000 > sizes[1] > 7000 or not limits


def test_error_event_that_is_refused_for_its_time_ends_the_run() -> None:
    """A shorter one would be refused as well."""
    refusals = Refusals(Reporting())
    record = make_record(b"page")
    refuse(refusals, by_size=False)
    refuse(refusals, *write(refusals, record, b"x"), by_size=False)
    assert refuse(refusals, *write(refusals, record, b"x"), by_size=False) is SinkError


def test_refusal_ends_the_run_of_a_job_that_does_not_report_it() -> None:
    """The error of the sink is the error of the run."""
    refusals = Refusals(Plain())
    assert refuse(refusals, Output(Role.SINK, None, b"value", None)) is RefusedError


def test_noted_outputs_are_bounded() -> None:
    """The oldest are forgotten; a refusal of one of them ends the run instead of repeating forever."""
    refusals = Refusals(Reporting(), max_noted=10)
    refuse(refusals)
    written = [write(refusals, make_record(b"%d" % number), b"value %d" % number)[0] for number in range(11)]
    assert refuse(refusals, written[0]) is SinkError


class Copying(Reporting):
    """A job that copies each record."""

    def execute(self, item: WorkItem, on_done: OnDone) -> None:
        """See `Job`."""
        record = item.payload
        assert isinstance(record, Record)
        output = Output(Role.SINK, None, record.value or b"", None)
        asyncio.get_running_loop().call_soon(on_done, [output])


class _Run:
    """A run of a copy between a topic and a sink that refuses values with an exclamation mark."""

    def __init__(self, values: list[bytes], *, resumable: bool = True) -> None:
        self._topic = MemoryTopic(values=values)
        self.copied: list[Output] = []
        self.errors: list[Output] = []
        self._committed: dict[Partition, int] = self._topic.committed
        self._refusals = Refusals(Copying())
        settings = LocalRunnerSettings.model_validate({"commit_interval": 0.01})
        source, delivery = self._connect()
        processor = StatelessProcessor(
            Copying(),
            source,
            delivery,
            settings=settings,
            meter=RecordingMeter(),
            refusals=self._refusals,
            reconnect=self._connect,
        )
        self._runner = LocalRunner(processor, settings=settings, meter=RecordingMeter(), resumable=resumable)

    def _connect(self) -> tuple[MemorySource, AtLeastOnce]:
        source = MemorySource(self._topic, resume=lambda: self._committed)
        capacity = 1000 if self._refusals.batch_bytes is None else 1
        sink = MemorySink(capacity=capacity, delivered=self.copied)
        sink.refuse(lambda output: b"!" in output.value)
        sinks = {Role.SINK: sink, Role.ERROR: MemorySink(delivered=self.errors)}
        return source, AtLeastOnce(source, sinks, self._committed)

    async def run(self) -> None:
        """Run to the end of the topic."""
        async with asyncio.timeout(60):
            await self._runner.run()


async def test_run_replaces_all_refused_outputs_and_writes_all_others() -> None:
    """At each place: first, in the middle, one behind another, and last."""
    values = [b"0!", b"1", b"2", b"3!", b"4!", b"5", b"6!"]
    run = _Run(values)
    await run.run()
    assert {output.value for output in run.copied} == {b"1", b"2", b"5"}
    assert list(dict.fromkeys(output.value for output in run.errors)) == [
        b"size:" + value for value in values if b"!" in value
    ]


async def test_run_of_a_source_that_cannot_be_read_again_ends() -> None:
    """The refused event cannot be read again, and the error says so with the hint of the sink."""
    run = _Run([b"1", b"2!"], resumable=False)
    with pytest.raises(OutputsRefusedError, match="refused outputs"):
        await run.run()
    assert run.errors == []
