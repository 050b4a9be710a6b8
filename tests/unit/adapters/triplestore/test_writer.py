from __future__ import annotations

import asyncio
from itertools import count
from typing import TYPE_CHECKING

import pytest
from tests.unit.jobs.rdf_consumer.memory_store import TOPIC, MemoryStore, insertion, mutation, triple

from wikistate.adapters.triplestore.batch_size import BatchLimits
from wikistate.adapters.triplestore.writer import HEARTBEAT_INTERVAL_SECONDS, YIELD_INTERVAL_SECONDS, StoreWriter
from wikistate.core.updater.mutation import OperationName
from wikistate.core.updater.store_metadata import StoreForm, StorePosition
from wikistate.errors import RewoundError, SinkError, StoreError
from wikistate.streaming.record import Partition
from wikistate.telemetry import metrics
from wikistate.telemetry.meter import RecordingMeter
from wikistate.testing.clock import ManualClock

if TYPE_CHECKING:
    from collections.abc import Callable

BOUNDS = BatchLimits(mutations=10, triples=1000, seconds=1.0, target_seconds=10.0)
START = 1_700_000_000.0


class Bench:
    """Writer with its store and its clock."""

    def __init__(self, bounds: BatchLimits = BOUNDS) -> None:
        self.clock = ManualClock(START)
        self.store = MemoryStore(self.clock)
        self.meter = RecordingMeter()
        self.bounds = bounds
        self.writer = self.new_writer()

    def new_writer(self, now: Callable[[], float] | None = None) -> StoreWriter:
        """Return another writer of the same store, with an optional clock of its own."""
        clock = self.clock
        return StoreWriter(
            self.store,
            self.bounds,
            lambda _: frozenset(),
            self.meter,
            clock=now or clock.now,
            sleep=clock.sleep,
            now=clock.now,
        )

    async def give(self, first: int, end: int) -> None:
        """Write an entity for each of these offsets, and advance the position."""
        for offset in range(first, end):
            await self.writer.write([insertion(f"Q{offset}", "hello", time=offset)])
            self.writer.advance({TOPIC: StorePosition(offset + 1, offset)})

    @property
    def offset(self) -> int:
        """Next offset in the store."""
        return self.store.held[TOPIC].next_offset if TOPIC in self.store.held else 0


@pytest.fixture
async def bench() -> Bench:
    """Return an open writer."""
    bench = Bench()
    await bench.writer.open()
    return bench


async def let_tasks_run() -> None:
    """Let tasks run that wait for nothing."""
    for _ in range(30):
        await asyncio.sleep(0)


async def test_batch_is_applied_when_it_has_enough_mutations(bench: Bench) -> None:
    """Ten mutations are a batch; the eleventh waits for the next, and the position covers exactly the applied ones."""
    await bench.give(0, 11)
    await let_tasks_run()
    assert [patch.mutations for patch in bench.store.applied] == [10]
    assert bench.offset == 9  # The position of the tenth came after the batch had been handed over.
    assert len(bench.store.graph) == 10


async def test_batch_is_applied_when_it_has_enough_triples(bench: Bench) -> None:
    """One mutation of a hundred triples fills the first batch of a writer that does not know the store yet."""
    await bench.writer.write([insertion("Q1", *map(str, range(100)))])
    await let_tasks_run()
    assert [len(patch.added) for patch in bench.store.applied] == [100]


async def test_single_mutation_waits_no_longer_than_its_limit(bench: Bench) -> None:
    """After ``batch_seconds`` it is applied even if no other mutation comes."""
    await bench.give(0, 1)
    await bench.clock.elapse(0.9)
    assert bench.store.applied == []
    await bench.clock.elapse(0.2)
    assert len(bench.store.applied) == 1
    assert bench.offset == 1


async def test_store_applies_a_batch_while_the_next_is_written(bench: Bench) -> None:
    """A caller with many mutations yields now and then, so that the store starts with the first batch."""
    moments = count(START, YIELD_INTERVAL_SECONDS)
    writer = bench.new_writer(lambda: next(moments))
    await writer.open()
    await writer.write([insertion(f"Q{number}", "hello") for number in range(19)])
    assert [patch.mutations for patch in bench.store.applied] == [10]


async def test_next_batch_fills_while_the_store_is_busy_and_then_the_writer_waits(bench: Bench) -> None:
    """At most two batches are in memory: one that is applied, and a full one."""
    bench.store.stop_responding()
    await bench.give(0, 19)
    await let_tasks_run()
    full = asyncio.create_task(bench.give(19, 25))
    await let_tasks_run()
    assert not full.done()
    assert bench.store.applied == []
    bench.store.resume_responding()
    await full
    await bench.writer.flush()
    assert bench.offset == 25
    assert len(bench.store.graph) == 25


async def test_mutation_that_conflicts_with_the_batch_starts_the_next(bench: Bench) -> None:
    """Two entities share a triple, then one is deleted: the batch ends before, and the other entity keeps it."""
    shared = frozenset({triple("Q9", "both")})
    for entity in ("Q1", "Q2"):
        await bench.writer.write([mutation(OperationName.DIFF, entity, added=shared)])
    await bench.writer.write([mutation(OperationName.DELETE, "Q1")])
    await bench.writer.flush()
    assert [patch.mutations for patch in bench.store.applied] == [2, 1]
    assert bench.store.graph == shared


async def test_only_one_batch_is_applied_at_a_time(bench: Bench) -> None:
    """The next batch waits for the end of a slow one; the order is kept."""
    bench.store.seconds = 5.0
    giving = asyncio.create_task(bench.give(0, 30))
    for elapsed, applied in ((4.9, []), (5.1, [10]), (10.1, [10, 10]), (15.1, [10, 10, 10])):
        await bench.clock.elapse(START + elapsed - bench.clock.now())
        assert [patch.mutations for patch in bench.store.applied] == applied
    await giving


async def test_failure_in_the_background_is_raised_by_the_next_call(bench: Bench) -> None:
    """A batch that could not be applied is not lost silently, and its position is not advanced."""
    bench.store.failure = SinkError("The disk is full.")
    await bench.give(0, 10)
    await let_tasks_run()
    with pytest.raises(SinkError, match="disk is full"):
        await bench.give(10, 11)
    assert bench.writer.positions == {}


async def test_store_restored_from_a_backup_is_detected_before_the_next_batch(bench: Bench) -> None:
    """Nothing is applied to the older state; after `rewind` the positions say where to resume."""
    await bench.give(0, 5)
    await bench.writer.flush()
    copy = bench.store.copy()
    await bench.give(5, 9)
    await bench.writer.flush()
    bench.store.restore(copy)
    await bench.give(9, 10)
    with pytest.raises(RewoundError):
        await bench.writer.flush()
    assert bench.store.graph == copy.graph
    await bench.writer.rewind()
    assert bench.writer.positions[TOPIC].next_offset == 5
    await bench.give(5, 10)
    await bench.writer.flush()
    assert len(bench.store.graph) == 10


async def test_store_without_its_positions_counts_as_older(bench: Bench) -> None:
    """It was restored from before its first batch: everything is read again."""
    empty = bench.store.copy()
    await bench.give(0, 5)
    await bench.writer.flush()
    bench.store.restore(empty)
    await bench.give(5, 6)
    with pytest.raises(RewoundError):
        await bench.writer.flush()
    await bench.writer.rewind()
    assert bench.writer.positions == {}


async def test_two_writers_of_one_store_are_detected(bench: Bench) -> None:
    """The position in the store is further than ours: another process writes, and one of the two must end."""
    await bench.give(0, 5)
    await bench.writer.flush()
    bench.store.held[TOPIC] = StorePosition(50, 0)
    await bench.give(5, 6)
    with pytest.raises(SinkError, match="Another process writes into the store") as caught:
        await bench.writer.flush()
    assert not isinstance(caught.value, RewoundError)


async def test_writer_resumes_at_the_position_of_the_store(bench: Bench) -> None:
    """The position of another process counts, and positions of other streams have no effect."""
    bench.store.held = {TOPIC: StorePosition(7, 0), Partition("other"): StorePosition(3, 0)}
    restarted = bench.new_writer()
    await restarted.open()
    assert restarted.positions[TOPIC].next_offset == 7
    await restarted.write([insertion("Q1", "x")])
    await restarted.flush()
    assert len(bench.store.applied) == 1


async def test_heartbeat_updates_the_freshness_of_an_idle_store(bench: Bench) -> None:
    """A monitor of the lag can distinguish a quiet stream from a dead writer."""
    await bench.give(0, 1)
    await bench.writer.flush()
    for _ in range(60):
        await bench.clock.elapse(1.0)
        bench.writer.heartbeat()
    await bench.clock.elapse(2.0)
    heartbeats = len(bench.store.applied) - 1
    assert 60 / HEARTBEAT_INTERVAL_SECONDS - 2 <= heartbeats <= 60 / HEARTBEAT_INTERVAL_SECONDS
    assert bench.store.held[TOPIC].next_offset == 1
    assert bench.store.held[TOPIC].completed_until >= (START + 45) * 1000


async def test_heartbeat_does_not_touch_an_empty_store(bench: Bench) -> None:
    """There is no position yet, and none is invented."""
    await bench.clock.elapse(100.0)
    bench.writer.heartbeat()
    await bench.clock.elapse(2.0)
    assert bench.store.applied == []


async def test_metrics_of_a_batch(bench: Bench) -> None:
    """The metrics count mutations and triples by kind and report the lag of the store."""
    now = int(START * 1000)
    await bench.writer.write([insertion("Q1", "a", "b", time=now - 40_000), insertion("L1", "c", time=now - 20_000)])
    await bench.writer.write([mutation(OperationName.DELETE, "P1", time=now - 30_000)])
    await bench.writer.flush()
    assert bench.meter.by_label(metrics.STORE_MUTATIONS) == {
        ("diff", "item"): 1,
        ("diff", "lexeme"): 1,
        ("delete", "property"): 1,
    }
    assert bench.meter.by_label(metrics.STORE_TRIPLES)["added",] == 3
    assert bench.meter.total(metrics.STORE_LAG) == pytest.approx(30.0)


async def test_triples_of_two_entities_are_counted_as_duplicates(bench: Bench) -> None:
    """Only what another entity of the batch has added counts: neither a repetition nor a triple of its own."""
    same = mutation(OperationName.DIFF, "Q2", added=insertion("Q1", "a").patch.added)
    await bench.writer.write([insertion("Q1", "a", "b"), insertion("Q1", "a"), insertion("Q2", "a", "c"), same])
    await bench.writer.flush()
    assert bench.meter.total(metrics.STORE_DUPLICATES) == 1


async def test_close_drops_pending_mutations(bench: Bench) -> None:
    """The position does not cover them, so the next run writes them; a batch that hangs does not block the close."""
    bench.store.stop_responding()
    await bench.give(0, 15)
    await bench.writer.close()
    assert not bench.store.is_open
    assert bench.store.held == {}


async def test_store_of_a_plain_dump_is_rejected() -> None:
    """Munged mutations would leave stale triples of the other form, without any error."""
    bench = Bench()
    bench.store.reported_form = StoreForm.PLAIN
    with pytest.raises(StoreError, match="in the form of a dump"):
        await bench.writer.open()


async def test_restarted_writer_does_not_make_the_store_look_older(bench: Bench) -> None:
    """It has read no event with a time yet: the value in the store holds."""
    bench.store.held = {TOPIC: StorePosition(7, 5000)}
    restarted = bench.new_writer()
    await restarted.open()
    restarted.advance({TOPIC: StorePosition(8, 0)})
    await restarted.flush()
    assert bench.store.held == {TOPIC: StorePosition(8, 5000)}
