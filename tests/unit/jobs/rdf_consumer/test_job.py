from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
import pytest
from pyoxigraph import BlankNode, Literal, NamedNode, Triple
from tests.unit.jobs.rdf_consumer.memory_store import TOPIC, MemoryStore, mutation, says
from tests.unit.jobs.rdf_consumer.streams import events, reader, records

from wikistate.adapters.connectors.memory import MemorySink
from wikistate.adapters.triplestore.batch_size import BatchLimits
from wikistate.adapters.triplestore.writer import StoreWriter
from wikistate.core.updater.mutation import OperationName
from wikistate.errors import RewoundError, SinkError
from wikistate.jobs.rdf_consumer.job import RdfConsumer
from wikistate.telemetry.meter import RecordingMeter
from wikistate.testing.clock import ManualClock

if TYPE_CHECKING:
    from wikistate.streaming.record import Record

MESSAGES = [
    *events(says("Q1", "one", "two", "three")),
    *events(says("Q2", "one")),
    *events(mutation(OperationName.DELETE, "Q2")),
    *events(says("Q3", "one", "two")),
    *events(mutation(OperationName.RECONCILE, "Q1", added=says("Q1", "four", "five").patch.added)),
]
STREAM = records(*MESSAGES)


class Bench:
    """A consumer over a store that outlives it."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.store = MemoryStore(self.clock)
        self.errors = MemorySink()

    def job(self) -> RdfConsumer:
        """A new one, as after a restart."""
        meter, clock = RecordingMeter(), self.clock
        writer = StoreWriter(
            self.store, BatchLimits(), lambda _: frozenset(), meter, clock=clock.now, sleep=clock.sleep, now=clock.now
        )
        return RdfConsumer(reader(meter), writer, self.errors, meter)


@pytest.fixture
def bench() -> Bench:
    """An empty store."""
    return Bench()


async def whole_graph() -> set[object]:
    """What the store holds when the stream is taken in at once."""
    bench = Bench()
    job = bench.job()
    await job.open()
    await job.process(STREAM, caught_up=False)
    await job.finish()
    return set(bench.store.graph)


def rest(job: RdfConsumer) -> list[Record]:
    """What a source gives that starts where the store says."""
    return STREAM[job.positions.get(TOPIC, 0) :]


@pytest.mark.parametrize("crash", range(len(STREAM) + 1))
async def test_a_crash_after_any_message_changes_nothing_in_the_end(bench: Bench, crash: int) -> None:
    """Whatever was applied before it: the next run goes on at the first message of what the store does not hold."""
    job = bench.job()
    await job.open()
    await job.process(STREAM[:crash], caught_up=False)
    await job.flush()
    again = bench.job()
    await again.open()
    await again.process(rest(again), caught_up=False)
    await again.finish()
    assert bench.store.graph == await whole_graph()
    assert again.positions == {TOPIC: len(STREAM)}
    assert bench.errors.delivered == []


@pytest.mark.parametrize("copied", range(len(STREAM) + 1))
async def test_a_store_that_is_restored_from_any_copy_ends_the_same(bench: Bench, copied: int) -> None:
    """It is read again from where the copy is; what it had held meanwhile comes again."""
    job = bench.job()
    await job.open()
    await job.process(STREAM[:copied], caught_up=False)
    await job.flush()
    copy = bench.store.copy()
    await job.process(STREAM[copied:], caught_up=False)
    await job.flush()
    bench.store.restore(copy)
    try:
        await job.process(records(*MESSAGES, *events(says("Q9", "late")))[len(STREAM) :], caught_up=False)
        await job.flush()
    except RewoundError:
        await job.rewind()
        await job.process(
            [*rest(job), *records(*MESSAGES, *events(says("Q9", "late")))[len(STREAM) :]], caught_up=False
        )
        await job.finish()
    assert bench.store.graph == await whole_graph() | says("Q9", "late").patch.added


async def test_an_error_event_is_durable_before_the_position_moves_beyond_its_message(bench: Bench) -> None:
    """An error stream that takes nothing stops the consumer, and the message comes again."""
    job = bench.job()
    await job.open()
    bench.errors.fail_with()
    with pytest.raises(SinkError):
        await job.process(records(b"poison", *events(says("Q1", "x"))), caught_up=False)
    await job.close()
    assert bench.store.held == {}


async def test_a_mutation_that_is_cut_off_by_the_end_is_told_and_the_rest_is_applied(bench: Bench) -> None:
    """The store holds what is whole; each message of the rest is on the error stream."""
    job = bench.job()
    await job.open()
    await job.process(STREAM[: len(STREAM) - 1], caught_up=False)
    await job.finish()
    assert [orjson.loads(each.value)["error_type"] for each in bench.errors.delivered] == ["IncompleteMutation"]
    assert says("Q1", "one", "two", "three").patch.added <= bench.store.graph
    assert job.positions == {TOPIC: len(STREAM) - 1}


async def test_a_mutation_that_no_store_can_be_told_of_goes_to_the_error_stream_and_the_rest_is_applied(
    bench: Bench,
) -> None:
    """A blank node has no name in an update. The batch is read again, and only that mutation is left out."""
    nameless = mutation(
        OperationName.DIFF, "Q8", added=frozenset({Triple(BlankNode("x"), NamedNode("urn:p"), Literal(""))})
    )
    stream = records(*MESSAGES, *events(nameless), *events(says("Q9", "late")))
    job = bench.job()
    await job.open()
    await job.process(stream, caught_up=False)
    with pytest.raises(RewoundError, match="no safe form"):
        await job.finish()
    await job.rewind()
    await job.process(stream[job.positions.get(TOPIC, 0) :], caught_up=False)
    await job.finish()
    assert bench.store.graph == await whole_graph() | says("Q9", "late").patch.added
    (error,) = (orjson.loads(each.value) for each in bench.errors.delivered)
    assert error["error_type"] == "InvalidMutation"
    assert "Q8" in error["raw_event"]
    assert job.positions == {TOPIC: len(stream)}
