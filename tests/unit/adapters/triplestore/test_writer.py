from __future__ import annotations

import asyncio
from itertools import count
from typing import TYPE_CHECKING

import pytest
from tests.unit.jobs.rdf_consumer.memory_store import TOPIC, MemoryStore, mutation, says, triple

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
    """A writer, its store, and the time."""

    def __init__(self, bounds: BatchLimits = BOUNDS) -> None:
        self.clock = ManualClock(START)
        self.store = MemoryStore(self.clock)
        self.meter = RecordingMeter()
        self.bounds = bounds
        self.writer = self.new_writer()

    def new_writer(self, now: Callable[[], float] | None = None) -> StoreWriter:
        """Another writer into the same store, maybe with a clock of its own."""
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
        """Write an entity for each of these offsets, and say how far that is."""
        for offset in range(first, end):
            await self.writer.write([says(f"Q{offset}", "hello", time=offset)])
            self.writer.advance({TOPIC: StorePosition(offset + 1, offset)})

    @property
    def offset(self) -> int:
        """How far the store is."""
        return self.store.held[TOPIC].next_offset if TOPIC in self.store.held else 0


@pytest.fixture
async def bench() -> Bench:
    """A writer that is open."""
    bench = Bench()
    await bench.writer.open()
    return bench


async def settled() -> None:
    """Let tasks run that have nothing to wait for."""
    for _ in range(30):
        await asyncio.sleep(0)


async def test_a_batch_is_applied_when_it_has_enough_mutations(bench: Bench) -> None:
    """Ten are a batch; the eleventh waits for the next, and the position covers exactly what is there."""
    await bench.give(0, 11)
    await settled()
    assert [patch.mutations for patch in bench.store.applied] == [10]
    assert bench.offset == 9  # that the tenth is done was said after it had been handed over
    assert len(bench.store.graph) == 10


async def test_a_batch_is_applied_when_it_has_enough_triples(bench: Bench) -> None:
    """One mutation of a hundred triples fills the first batch of a writer that does not know the store yet."""
    await bench.writer.write([says("Q1", *map(str, range(100)))])
    await settled()
    assert [len(patch.added) for patch in bench.store.applied] == [100]


async def test_a_lonely_mutation_waits_no_longer_than_it_may(bench: Bench) -> None:
    """After ``batch_seconds`` it is applied, though nothing else comes."""
    await bench.give(0, 1)
    await bench.clock.elapse(0.9)
    assert bench.store.applied == []
    await bench.clock.elapse(0.2)
    assert len(bench.store.applied) == 1
    assert bench.offset == 1


async def test_the_store_applies_a_batch_while_the_next_is_written(bench: Bench) -> None:
    """Who has much to write gives way now and then, so that the store begins with what it was given."""
    moments = count(START, YIELD_INTERVAL_SECONDS)
    writer = bench.new_writer(lambda: next(moments))
    await writer.open()
    await writer.write([says(f"Q{number}", "hello") for number in range(19)])
    assert [patch.mutations for patch in bench.store.applied] == [10]


async def test_the_next_batch_grows_while_the_store_is_busy_and_then_the_writer_waits(bench: Bench) -> None:
    """Two batches are in memory and no more: one that is applied, one that is full."""
    bench.store.go_away()
    await bench.give(0, 19)
    await settled()
    full = asyncio.create_task(bench.give(19, 25))
    await settled()
    assert not full.done()
    assert bench.store.applied == []
    bench.store.come_back()
    await full
    await bench.writer.flush()
    assert bench.offset == 25
    assert len(bench.store.graph) == 25


async def test_what_cannot_be_in_one_batch_begins_the_next(bench: Bench) -> None:
    """Two entities share a triple, then one is deleted: the batch ends before, and the other keeps it."""
    shared = frozenset({triple("Q9", "both")})
    for entity in ("Q1", "Q2"):
        await bench.writer.write([mutation(OperationName.DIFF, entity, added=shared)])
    await bench.writer.write([mutation(OperationName.DELETE, "Q1")])
    await bench.writer.flush()
    assert [patch.mutations for patch in bench.store.applied] == [2, 1]
    assert bench.store.graph == shared


async def test_only_one_batch_is_applied_at_a_time(bench: Bench) -> None:
    """However slow the store, the next one waits for its end; order is kept."""
    bench.store.seconds = 5.0
    giving = asyncio.create_task(bench.give(0, 30))
    for elapsed, applied in ((4.9, []), (5.1, [10]), (10.1, [10, 10]), (15.1, [10, 10, 10])):
        await bench.clock.elapse(START + elapsed - bench.clock.now())
        assert [patch.mutations for patch in bench.store.applied] == applied
    await giving


async def test_a_failure_in_the_background_is_raised_by_the_next_call(bench: Bench) -> None:
    """What could not be applied is not lost in silence, and its position is not moved."""
    bench.store.failure = SinkError("The disk is full.")
    await bench.give(0, 10)
    await settled()
    with pytest.raises(SinkError, match="disk is full"):
        await bench.give(10, 11)
    assert bench.writer.positions == {}


async def test_a_store_that_came_back_older_is_noticed_before_the_next_batch(bench: Bench) -> None:
    """Nothing is applied upon the older state; after `rewind` the positions say where to read on."""
    await bench.give(0, 5)
    await bench.writer.flush()
    copy = bench.store.copy()
    await bench.give(5, 9)
    await bench.writer.flush()
    bench.store.restore(copy)
    await bench.give(9, 10)
    with pytest.raises(RewoundError):
        await bench.writer.flush()
    assert bench.store.graph == copy[0]
    await bench.writer.rewind()
    assert bench.writer.positions[TOPIC].next_offset == 5
    await bench.give(5, 10)
    await bench.writer.flush()
    assert len(bench.store.graph) == 10


async def test_a_store_that_lost_its_positions_is_an_older_one(bench: Bench) -> None:
    """Restored from before its first batch: all is read again."""
    empty = bench.store.copy()
    await bench.give(0, 5)
    await bench.writer.flush()
    bench.store.restore(empty)
    await bench.give(5, 6)
    with pytest.raises(RewoundError):
        await bench.writer.flush()
    await bench.writer.rewind()
    assert bench.writer.positions == {}


async def test_two_writers_of_one_store_are_told(bench: Bench) -> None:
    """The store is further than we left it: somebody else writes, and one of us must end."""
    await bench.give(0, 5)
    await bench.writer.flush()
    bench.store.held[TOPIC] = StorePosition(50, 0)
    await bench.give(5, 6)
    with pytest.raises(SinkError, match="Another process writes into the store") as told:
        await bench.writer.flush()
    assert not isinstance(told.value, RewoundError)


async def test_a_writer_goes_on_where_the_store_is(bench: Bench) -> None:
    """What another process has left there counts, and positions of other streams do not disturb."""
    bench.store.held = {TOPIC: StorePosition(7, 0), Partition("other"): StorePosition(3, 0)}
    again = bench.new_writer()
    await again.open()
    assert again.positions[TOPIC].next_offset == 7
    await again.write([says("Q1", "x")])
    await again.flush()
    assert len(bench.store.applied) == 1


async def test_an_idle_store_is_told_now_and_then_that_it_is_up_to_date(bench: Bench) -> None:
    """So that who asks for its lag can tell a quiet stream from a writer that is dead."""
    await bench.give(0, 1)
    await bench.writer.flush()
    for _ in range(60):
        await bench.clock.elapse(1.0)
        bench.writer.heartbeat()
    await bench.clock.elapse(2.0)
    beats = len(bench.store.applied) - 1
    assert 60 / HEARTBEAT_INTERVAL_SECONDS - 2 <= beats <= 60 / HEARTBEAT_INTERVAL_SECONDS
    assert bench.store.held[TOPIC].next_offset == 1
    assert bench.store.held[TOPIC].completed_until >= (START + 45) * 1000


async def test_a_store_that_holds_nothing_is_not_told_that_it_is_up_to_date(bench: Bench) -> None:
    """There is no position yet, and none is made up."""
    await bench.clock.elapse(100.0)
    bench.writer.heartbeat()
    await bench.clock.elapse(2.0)
    assert bench.store.applied == []


async def test_what_is_reported(bench: Bench) -> None:
    """Mutations by operation and type of entity, triples by what was done with them, and by how much the store was behind."""
    now = int(START * 1000)
    await bench.writer.write([says("Q1", "a", "b", time=now - 40_000), says("L1", "c", time=now - 20_000)])
    await bench.writer.write([mutation(OperationName.DELETE, "P1", time=now - 30_000)])
    await bench.writer.flush()
    assert bench.meter.by_label(metrics.STORE_MUTATIONS) == {
        ("diff", "item"): 1,
        ("diff", "lexeme"): 1,
        ("delete", "property"): 1,
    }
    assert bench.meter.by_label(metrics.STORE_TRIPLES)["added",] == 3
    assert bench.meter.total(metrics.STORE_LAG) == pytest.approx(30.0)


async def test_close_drops_what_is_not_held(bench: Bench) -> None:
    """The positions did not move beyond it, so that the next run writes it; a batch that hangs does not hold us up."""
    bench.store.go_away()
    await bench.give(0, 15)
    await bench.writer.close()
    assert not bench.store.is_open
    assert bench.store.held == {}


async def test_a_store_in_the_form_of_a_plain_dump_is_refused() -> None:
    """Munged mutations would leave stale triples of the other form, and nobody would see it."""
    bench = Bench()
    bench.store.form = StoreForm.PLAIN
    with pytest.raises(StoreError, match="in the form of a dump"):
        await bench.writer.open()


async def test_a_writer_that_was_started_again_does_not_make_the_store_look_older(bench: Bench) -> None:
    """It has read nothing yet that states a time: what the store had said holds."""
    bench.store.held = {TOPIC: StorePosition(7, 5000)}
    again = bench.new_writer()
    await again.open()
    again.advance({TOPIC: StorePosition(8, 0)})
    await again.flush()
    assert bench.store.held == {TOPIC: StorePosition(8, 5000)}
