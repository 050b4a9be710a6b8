"""The job between an event and what is done: when the wiki is asked, and what the store is compared with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from wikistate.core.updater.execution_state import adapt_operation, mark_failed, mark_published
from wikistate.core.updater.input_events import InputEvent, Origin, PageDeleted, PageUndeleted, RevisionCreated
from wikistate.core.updater.mutation import Mutation, OperationName
from wikistate.core.updater.operations import DeleteItem, Diff, FullImport, Operation, ReconcileItem
from wikistate.core.updater.reorder import ReorderTimer, reorder
from wikistate.core.updater.resync import ResyncRequest
from wikistate.core.updater.state import UNSEEN, EntityState, EntityStatus
from wikistate.jobs.rdf_sync.catch_up_source import HEARTBEAT
from wikistate.jobs.rdf_sync.full_scan import SCAN_PARTITION
from wikistate.jobs.rdf_sync.job import WARM_UP_MS, RdfSync
from wikistate.jobs.rdf_sync.sync_state import SyncState
from wikistate.jobs.rdf_updater.job import pack_state, unpack_state
from wikistate.streaming.keyed_job import EMPTY_STATE, Decision, DecodedRecord, KeyedState, OperationResult, TimerFired
from wikistate.streaming.record import Partition, Record

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection

ORIGIN = Origin("", "2026-01-01T00:00:00Z", "id", "wikibase.example", "a stream", "")
START = 1_000_000
"""Milliseconds since the epoch at which the job is opened."""

LATER = START + WARM_UP_MS + 1
WINDOW = 1_000


class Updater:
    """Decides as rdf-updater does, and fetches what a wiki has in memory."""

    def __init__(self, wiki: dict[str, int]) -> None:
        self._wiki = wiki

    async def open(self) -> None:
        """Nothing is to be opened."""

    async def close(self) -> None:
        """Nothing is to be closed."""

    def decide(
        self, keyed_state: KeyedState, event: InputEvent | TimerFired, watermark: int | None
    ) -> Decision[Operation]:
        """The core's."""
        found = ReorderTimer(event.time) if isinstance(event, TimerFired) else event
        decided = reorder(unpack_state(keyed_state), found, watermark=watermark, window=WINDOW)
        return Decision(pack_state(decided.state or UNSEEN), decided.timer, decided.operations)

    async def execute(self, operation: Operation, keyed_state: KeyedState) -> OperationResult[Mutation]:
        """Fails for revisions of entities that the wiki does not have."""
        state = unpack_state(keyed_state)
        done = adapt_operation(operation, state)
        if not isinstance(done, DeleteItem) and operation.entity not in self._wiki:
            return OperationResult(pack_state(mark_failed(state)))
        name = {FullImport: "import", Diff: "diff", DeleteItem: "delete", ReconcileItem: "reconcile"}[type(done)]
        made = Mutation(OperationName(name), done.entity, done.revision, done.time, done.ingested, ORIGIN, "a stream")
        return OperationResult(pack_state(mark_published(state, done)), [made])


class ScriptedReader:
    """A reader of what comes in order."""

    def __init__(self, *, ordered: bool) -> None:
        self.ordered = ordered

    def read(self, record: Record, now: int) -> DecodedRecord[InputEvent | ResyncRequest]:
        """Not used here."""
        raise AssertionError((record, now))


class World:
    """The wiki and the store, by the revisions of their entities; and the job between them."""

    def __init__(self, *, ordered: bool) -> None:
        self.wiki: dict[str, int] = {}
        self.store: dict[str, int] = {}
        self.asked: list[str] = []
        self.now = START
        self.state = SyncState(scanning=False)
        self.job = RdfSync(
            Updater(self.wiki),
            ScriptedReader(ordered=ordered),
            self,
            self,
            state=self.state,
            window=WINDOW,
            domain="wikibase.example",
            clock=lambda: self.now / 1000,
        )

    async def open(self) -> None:
        """Nothing is to be opened."""

    async def close(self) -> None:
        """Nothing is to be closed."""

    async def current_revision(self, entity: str) -> int | None:
        """What the wiki has."""
        self.asked.append(entity)
        return self.wiki.get(entity)

    async def versions(self, entities: Collection[str]) -> dict[str, int]:
        """What the store holds."""
        return {entity: self.store[entity] for entity in entities if entity in self.store}

    async def ids(self) -> AsyncIterator[list[str]]:
        """Not used here."""
        yield []

    async def happens(
        self, event: InputEvent | ResyncRequest, kept: KeyedState = EMPTY_STATE
    ) -> tuple[EntityState, list[str]]:
        """Decide and carry out; what is remembered, and what was written."""
        decided = self.job.decide(kept, event, None)
        kept, written = decided.state, list[str]()
        for operation in decided.operations:
            performed = await self.job.execute(operation, kept)
            kept = performed.state
            written += [mutation.operation.value for mutation in performed.changes]
        return unpack_state(kept), written


def edited(revision: int, *, time: int = LATER) -> RevisionCreated:
    """An edit of Q1."""
    return RevisionCreated("Q1", time, revision, time, ORIGIN, parent=revision - 1 or None)


def kept(revision: int, held: int | None = None, *, status: EntityStatus = EntityStatus.CREATED) -> KeyedState:
    """What is remembered of Q1."""
    known = revision if held is None and status is EntityStatus.CREATED else held or 0
    return pack_state(EntityState(revision, status, known))


@pytest.fixture
async def world() -> World:
    """After a start, with changes that come in order."""
    world = World(ordered=True)
    await world.job.open()
    return world


async def test_what_comes_in_order_does_not_wait(world: World) -> None:
    """Not even where its parent was never seen, for which a stream would wait."""
    world.wiki["Q1"] = 9
    assert await world.happens(edited(9)) == (EntityState(9, EntityStatus.CREATED, 9), ["import"])
    assert world.asked == []


async def test_long_after_the_start_memory_is_trusted(world: World) -> None:
    """The store is not asked for each edit."""
    world.wiki["Q1"], world.now = 6, LATER
    del world.store
    assert (await world.happens(edited(6), kept(5)))[1] == ["diff"]


@pytest.mark.parametrize(("held", "written"), [(5, "diff"), (4, "reconcile"), (6, "reconcile"), (None, "reconcile")])
async def test_after_a_start_memory_is_compared_with_the_store(world: World, held: int | None, written: str) -> None:
    """Another revision than was remembered: the last run wrote more than it remembers, or a copy was put back."""
    world.wiki["Q1"] = 6
    if held is not None:
        world.store["Q1"] = held
    assert (await world.happens(edited(6, time=START), kept(5)))[1] == [written]


async def test_of_what_a_walk_found_in_step_nothing_is_remembered_and_the_store_is_asked(world: World) -> None:
    """Long after: an edit of it must not be imported on top of what the store holds."""
    world.wiki["Q1"], world.store["Q1"], world.now = 6, 5, LATER
    assert (await world.happens(edited(6)))[1] == ["reconcile"]
    world.wiki["Q2"] = 7
    assert (await world.happens(edited(7)._replace(entity="Q2")))[1] == ["import"]


async def test_a_clock_of_the_wiki_that_is_ahead_does_not_make_an_old_event_new(world: World) -> None:
    """An event of tomorrow, a moment after the start."""
    world.wiki["Q1"], world.store["Q1"] = 6, 4
    assert (await world.happens(edited(6, time=START + 86_400_000), kept(5)))[1] == ["reconcile"]


async def test_what_is_about_to_be_written_counts_as_held(world: World) -> None:
    """Until the next checkpoint nobody waits for the store."""
    world.wiki["Q1"] = 6
    first, _ = await world.happens(edited(6, time=START), kept(5))
    world.wiki["Q1"] = 7
    assert (await world.happens(edited(7, time=START), pack_state(first)))[1] == ["diff"]


async def test_what_cannot_be_fetched_because_it_is_deleted_is_deleted(world: World) -> None:
    """What tells of the deletion may come only later, and then changes nothing."""
    world.store["Q1"] = 5
    state, written = await world.happens(edited(6), kept(5))
    assert written == ["delete"]
    assert (state.status, state.revision) == (EntityStatus.DELETED, 6)
    assert (await world.happens(PageDeleted("Q1", LATER, 6, LATER, ORIGIN), pack_state(state)))[1] == []


async def test_a_restoration_that_does_not_fit_is_looked_after(world: World) -> None:
    """It restored a revision that was never seen: the wiki is asked."""
    world.wiki["Q1"] = 8
    restored = PageUndeleted("Q1", LATER, 8, LATER, ORIGIN)
    state, written = await world.happens(restored, kept(5, status=EntityStatus.DELETED))
    assert (state, written, world.asked) == (EntityState(8, EntityStatus.CREATED, 8), ["import"], ["Q1"])


async def test_a_repeat_is_no_reason_to_ask(world: World) -> None:
    """An edit that was seen."""
    assert (await world.happens(edited(5), kept(5)))[1] == []
    assert world.asked == []


async def test_what_a_walk_lists_is_taken_at_its_word_unless_it_was_deleted_since(world: World) -> None:
    """Then the list may be older than the deletion."""
    world.wiki["Q1"] = 5
    listed = ResyncRequest("Q1", LATER, LATER, ORIGIN, listed_revision=5)
    assert (await world.happens(listed))[1] == ["reconcile"]
    assert world.asked == []
    del world.wiki["Q1"]
    world.state.written.clear()
    assert (await world.happens(listed, kept(5, status=EntityStatus.DELETED)))[1] == []
    assert world.asked == ["Q1"]


async def test_what_is_deleted_while_it_is_walked_is_found_by_asking(world: World) -> None:
    """The revision that was listed cannot be fetched."""
    state, written = await world.happens(ResyncRequest("Q1", LATER, LATER, ORIGIN, listed_revision=5))
    assert (state, written, world.asked) == (UNSEEN, [], ["Q1"])


async def test_events_that_wait_are_looked_after_when_their_time_brings_nothing() -> None:
    """A stream: an edit of what was deleted, whose restoration never came."""
    world = World(ordered=False)
    await world.job.open()
    world.wiki["Q1"] = 7
    first = world.job.decide(kept(5, status=EntityStatus.DELETED), edited(7), None)
    assert (list(first.operations), first.timer) == ([], LATER + 1_000)
    due = world.job.decide(first.state, TimerFired(LATER + 1_000), None)
    assert due.operations == [ResyncRequest("Q1", LATER, LATER, ORIGIN)]


async def test_a_check_leaves_waiting_events_their_time() -> None:
    """It does not switch off the alarm."""
    world = World(ordered=False)
    await world.job.open()
    first = world.job.decide(kept(5, status=EntityStatus.DELETED), edited(7), None)
    assert world.job.decide(first.state, ResyncRequest("Q1", LATER, LATER, ORIGIN), None).timer == first.timer


async def test_records_of_our_own_say_nothing_of_time(world: World) -> None:
    """A walk and a pulse are not late, and make nothing late."""
    assert world.job.decode(Record(None, None, None, HEARTBEAT, 7)) == DecodedRecord(None)
    assert world.job.decode(Record(b"null", None, None, SCAN_PARTITION, 7)) == DecodedRecord(None)
    found = world.job.decode(Record(b'["Q2",5]', None, None, Partition(*SCAN_PARTITION), 8))
    assert (found.time, found.key, isinstance(found.event, ResyncRequest)) == (None, 2, True)
