from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import orjson
import pytest
from pyoxigraph import BlankNode, Literal, NamedNode, Triple
from tests.unit.jobs.rdf_consumer.memory_store import TOPIC, MemoryStore, insertion, mutation
from tests.unit.jobs.rdf_consumer.streams import events, reader, records

from wikistate.adapters.connectors.memory import MemorySink
from wikistate.adapters.triplestore.batch_size import BatchLimits
from wikistate.adapters.triplestore.writer import StoreWriter
from wikistate.core.updater.mutation import OperationName
from wikistate.errors import RewoundError, SinkError
from wikistate.jobs.rdf_consumer.job import RdfConsumer
from wikistate.jobs.rdf_consumer.mutation_reader import MutationReader
from wikistate.telemetry.meter import RecordingMeter
from wikistate.testing.clock import ManualClock

if TYPE_CHECKING:
    from wikistate.streaming.record import Record

MESSAGES = [
    *events(insertion("Q1", "one", "two", "three")),
    *events(insertion("Q2", "one")),
    *events(mutation(OperationName.DELETE, "Q2")),
    *events(insertion("Q3", "one", "two")),
    *events(mutation(OperationName.RECONCILE, "Q1", added=insertion("Q1", "four", "five").patch.added)),
]
STREAM = records(*MESSAGES)


class Bench:
    """Consumer of a store that survives restarts of the consumer."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.store = MemoryStore(self.clock)
        self.errors = MemorySink()

    def job(self) -> RdfConsumer:
        """Return a new consumer, as after a restart."""
        meter, clock = RecordingMeter(), self.clock
        writer = StoreWriter(
            self.store, BatchLimits(), lambda _: frozenset(), meter, clock=clock.now, sleep=clock.sleep, now=clock.now
        )
        return RdfConsumer(reader(meter), writer, self.errors, meter)


@pytest.fixture
def bench() -> Bench:
    """Return an empty store with its consumer."""
    return Bench()


async def whole_graph() -> set[object]:
    """Return the graph after one run over the whole stream."""
    bench = Bench()
    job = bench.job()
    await job.open()
    await job.process(STREAM, caught_up=False)
    await job.finish()
    return set(bench.store.graph)


def rest(job: RdfConsumer) -> list[Record]:
    """Return the records from the position of the store on."""
    return STREAM[job.positions.get(TOPIC, 0) :]


@pytest.mark.parametrize("crash", range(len(STREAM) + 1))
async def test_crash_after_any_message_does_not_change_the_result(bench: Bench, crash: int) -> None:
    """The next run resumes at the first message of a mutation that the store does not have, whatever was applied."""
    job = bench.job()
    await job.open()
    await job.process(STREAM[:crash], caught_up=False)
    await job.flush()
    restarted = bench.job()
    await restarted.open()
    await restarted.process(rest(restarted), caught_up=False)
    await restarted.finish()
    assert bench.store.graph == await whole_graph()
    assert restarted.positions == {TOPIC: len(STREAM)}
    assert bench.errors.delivered == []


@pytest.mark.parametrize("copied", range(len(STREAM) + 1))
async def test_store_restored_from_any_backup_has_the_same_result(bench: Bench, copied: int) -> None:
    """The stream is read again from the position of the backup; later mutations are applied again."""
    job = bench.job()
    await job.open()
    await job.process(STREAM[:copied], caught_up=False)
    await job.flush()
    copy = bench.store.copy()
    await job.process(STREAM[copied:], caught_up=False)
    await job.flush()
    bench.store.restore(copy)
    try:
        await job.process(records(*MESSAGES, *events(insertion("Q9", "late")))[len(STREAM) :], caught_up=False)
        await job.flush()
    except RewoundError:
        await job.rewind()
        await job.process(
            [*rest(job), *records(*MESSAGES, *events(insertion("Q9", "late")))[len(STREAM) :]], caught_up=False
        )
        await job.finish()
    assert bench.store.graph == await whole_graph() | insertion("Q9", "late").patch.added


async def test_error_event_is_durable_before_the_position_moves_beyond_its_message(bench: Bench) -> None:
    """An error stream that is down stops the consumer, and the message is read again."""
    job = bench.job()
    await job.open()
    bench.errors.fail_with()
    with pytest.raises(SinkError):
        await job.process(records(b"poison", *events(insertion("Q1", "x"))), caught_up=False)
    await job.close()
    assert bench.store.held == {}


async def test_large_messages_are_decoded_in_a_thread_with_the_same_result(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The event loop continues beside them."""
    threads: set[int] = set()
    decode = MutationReader.decode

    def note_thread(reading: MutationReader, record: Record) -> object:
        threads.add(threading.get_ident())
        return decode(reading, record)

    monkeypatch.setattr("wikistate.jobs.rdf_consumer.job._THREAD_THRESHOLD_BYTES", 1)
    monkeypatch.setattr(MutationReader, "decode", note_thread)
    job = bench.job()
    await job.open()
    await job.process(STREAM, caught_up=False)
    await job.finish()
    assert set(bench.store.graph) == await whole_graph()
    assert threading.get_ident() not in threads
    assert threads


async def test_mutation_cut_by_the_end_is_an_error_event_and_the_rest_is_applied(bench: Bench) -> None:
    """The store has all complete mutations; each message of the incomplete one is on the error stream."""
    job = bench.job()
    await job.open()
    await job.process(STREAM[: len(STREAM) - 1], caught_up=False)
    await job.finish()
    assert [orjson.loads(each.value)["error_type"] for each in bench.errors.delivered] == ["IncompleteMutation"]
    assert insertion("Q1", "one", "two", "three").patch.added <= bench.store.graph
    assert job.positions == {TOPIC: len(STREAM) - 1}


async def test_mutation_that_no_store_can_apply_is_an_error_event_and_the_rest_is_applied(
    bench: Bench,
) -> None:
    """A blank node has no name in an update. The batch is read again, and only that mutation is left out."""
    nameless = mutation(
        OperationName.DIFF, "Q8", added=frozenset({Triple(BlankNode("x"), NamedNode("urn:p"), Literal(""))})
    )
    stream = records(*MESSAGES, *events(nameless), *events(insertion("Q9", "late")))
    job = bench.job()
    await job.open()
    await job.process(stream, caught_up=False)
    with pytest.raises(RewoundError, match="no safe form"):
        await job.finish()
    await job.rewind()
    await job.process(stream[job.positions.get(TOPIC, 0) :], caught_up=False)
    await job.finish()
    assert bench.store.graph == await whole_graph() | insertion("Q9", "late").patch.added
    (error,) = (orjson.loads(each.value) for each in bench.errors.delivered)
    assert error["error_type"] == "InvalidMutation"
    assert "Q8" in error["raw_event"]
    assert job.positions == {TOPIC: len(stream)}


async def test_store_is_not_fresh_while_all_messages_are_refused(bench: Bench) -> None:
    """A heartbeat would state that the store is complete until now."""
    job = bench.job()
    await job.open()
    await job.process(STREAM, caught_up=False)
    await job.flush()
    fresh = {position.completed_until for position in (await bench.store.positions()).values()}
    refused = [STREAM[-1]._replace(value=b"no message", offset=len(STREAM) + number) for number in range(30)]
    await job.process(refused, caught_up=False)
    await job.flush()
    await bench.clock.elapse(60.0)
    await job.process([], caught_up=True)
    await job.flush()
    held = await bench.store.positions()
    assert {position.completed_until for position in held.values()} == fresh
    assert {position.next_offset for position in held.values()} == {len(STREAM) + 30}
    await job.close()


async def test_store_is_fresh_when_it_has_caught_up(bench: Bench) -> None:
    """A single refused message does not matter."""
    job = bench.job()
    await job.open()
    await job.process([*STREAM, STREAM[-1]._replace(value=b"no message", offset=len(STREAM))], caught_up=False)
    await job.flush()
    await bench.clock.elapse(60.0)
    await job.process([], caught_up=True)
    await job.flush()
    held = await bench.store.positions()
    assert {position.completed_until for position in held.values()} == {60_000}
    await job.close()
