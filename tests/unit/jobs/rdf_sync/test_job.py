"""The job between an event and its operations: requests to the wiki, and comparisons with the store."""

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
"""Time at which the job is opened, in milliseconds since the epoch."""

LATER = START + WARM_UP_MS + 1
WINDOW = 1_000


class Updater:
    """Updater that decides as rdf-updater does, and fetches from a wiki in memory."""

    def __init__(self, wiki: dict[str, int]) -> None:
        self._wiki = wiki

    async def open(self) -> None:
        """Do nothing."""

    async def close(self) -> None:
        """Do nothing."""

    def decide(
        self, keyed_state: KeyedState, event: InputEvent | TimerFired, watermark: int | None
    ) -> Decision[Operation]:
        """Return the decision of the core."""
        found = ReorderTimer(event.time) if isinstance(event, TimerFired) else event
        decided = reorder(unpack_state(keyed_state), found, watermark=watermark, window=WINDOW)
        return Decision(pack_state(decided.state or UNSEEN), decided.timer, decided.operations)

    async def execute(self, operation: Operation, keyed_state: KeyedState) -> OperationResult[Mutation]:
        """Execute an operation; fail for entities that the wiki does not have."""
        state = unpack_state(keyed_state)
        done = adapt_operation(operation, state)
        if not isinstance(done, DeleteItem) and operation.entity not in self._wiki:
            return OperationResult(pack_state(mark_failed(state)))
        name = {FullImport: "import", Diff: "diff", DeleteItem: "delete", ReconcileItem: "reconcile"}[type(done)]
        made = Mutation(OperationName(name), done.entity, done.revision, done.time, done.ingested, ORIGIN, "a stream")
        return OperationResult(pack_state(mark_published(state, done)), [made])


class ScriptedReader:
    """Reader with a given order of its events."""

    def __init__(self, *, ordered: bool) -> None:
        self.ordered = ordered

    def read(self, record: Record, now: int) -> DecodedRecord[InputEvent | ResyncRequest]:
        """Fail: no test reads records."""
        raise AssertionError((record, now))


class World:
    """Wiki and store with the revisions of their entities, and the job between them."""

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
        """Do nothing."""

    async def close(self) -> None:
        """Do nothing."""

    async def current_revision(self, entity: str) -> int | None:
        """Return the revision on the wiki."""
        self.asked.append(entity)
        return self.wiki.get(entity)

    async def versions(self, entities: Collection[str]) -> dict[str, int]:
        """Return the revisions in the store."""
        return {entity: self.store[entity] for entity in entities if entity in self.store}

    async def ids(self) -> AsyncIterator[list[str]]:
        """Yield nothing: no test lists the store."""
        yield []

    async def process(
        self, event: InputEvent | ResyncRequest, keyed_state: KeyedState = EMPTY_STATE
    ) -> tuple[EntityState, list[str]]:
        """Decide and execute; return the new state and the written operations."""
        decided = self.job.decide(keyed_state, event, None)
        keyed_state, written = decided.state, list[str]()
        for operation in decided.operations:
            performed = await self.job.execute(operation, keyed_state)
            keyed_state = performed.state
            written += [mutation.operation.value for mutation in performed.changes]
        return unpack_state(keyed_state), written


def edited(revision: int, *, time: int = LATER) -> RevisionCreated:
    """Return an edit of Q1."""
    return RevisionCreated("Q1", time, revision, time, ORIGIN, parent=revision - 1 or None)


def state_of(revision: int, held: int | None = None, *, status: EntityStatus = EntityStatus.CREATED) -> KeyedState:
    """Return the state of Q1."""
    known = revision if held is None and status is EntityStatus.CREATED else held or 0
    return pack_state(EntityState(revision, status, known))


@pytest.fixture
async def world() -> World:
    """Return a job with ordered changes after its start."""
    world = World(ordered=True)
    await world.job.open()
    return world


async def test_ordered_changes_do_not_wait(world: World) -> None:
    """An edit with an unknown parent would wait in a stream, but not here."""
    world.wiki["Q1"] = 9
    assert await world.process(edited(9)) == (EntityState(9, EntityStatus.CREATED, 9), ["import"])
    assert world.asked == []


async def test_state_is_trusted_long_after_the_start(world: World) -> None:
    """The store is not queried for each edit."""
    world.wiki["Q1"], world.now = 6, LATER
    del world.store
    assert (await world.process(edited(6), state_of(5)))[1] == ["diff"]


@pytest.mark.parametrize(("held", "written"), [(5, "diff"), (4, "reconcile"), (6, "reconcile"), (None, "reconcile")])
async def test_state_is_compared_with_the_store_after_a_start(world: World, held: int | None, written: str) -> None:
    """A difference means that the last run wrote more than its state says, or that the store was restored."""
    world.wiki["Q1"] = 6
    if held is not None:
        world.store["Q1"] = held
    assert (await world.process(edited(6, time=START), state_of(5)))[1] == [written]


async def test_store_is_queried_for_an_entity_without_state(world: World) -> None:
    """A full scan keeps no state for entities in sync.

    A later edit must not be imported on top of the store's content.
    """
    world.wiki["Q1"], world.store["Q1"], world.now = 6, 5, LATER
    assert (await world.process(edited(6)))[1] == ["reconcile"]
    world.wiki["Q2"] = 7
    assert (await world.process(edited(7)._replace(entity="Q2")))[1] == ["import"]


async def test_clock_of_the_wiki_that_is_ahead_does_not_end_the_warm_up(world: World) -> None:
    """The event has the time of tomorrow, a moment after the start."""
    world.wiki["Q1"], world.store["Q1"] = 6, 4
    assert (await world.process(edited(6, time=START + 86_400_000), state_of(5)))[1] == ["reconcile"]


async def test_pending_write_counts_as_held(world: World) -> None:
    """Until the next checkpoint no decision waits for the store."""
    world.wiki["Q1"] = 6
    first, _ = await world.process(edited(6, time=START), state_of(5))
    world.wiki["Q1"] = 7
    assert (await world.process(edited(7, time=START), pack_state(first)))[1] == ["diff"]


async def test_entity_that_cannot_be_fetched_because_it_is_deleted_is_deleted(world: World) -> None:
    """The event of the deletion may come later, and then it changes nothing."""
    world.store["Q1"] = 5
    state, written = await world.process(edited(6), state_of(5))
    assert written == ["delete"]
    assert (state.status, state.revision) == (EntityStatus.DELETED, 6)
    assert (await world.process(PageDeleted("Q1", LATER, 6, LATER, ORIGIN), pack_state(state)))[1] == []


async def test_unmatched_restoration_leads_to_a_request_to_the_wiki(world: World) -> None:
    """It restored a revision that was never seen."""
    world.wiki["Q1"] = 8
    restored = PageUndeleted("Q1", LATER, 8, LATER, ORIGIN)
    state, written = await world.process(restored, state_of(5, status=EntityStatus.DELETED))
    assert (state, written, world.asked) == (EntityState(8, EntityStatus.CREATED, 8), ["import"], ["Q1"])


async def test_repeat_does_not_lead_to_a_request(world: World) -> None:
    """The edit is known already."""
    assert (await world.process(edited(5), state_of(5)))[1] == []
    assert world.asked == []


async def test_listed_revision_is_trusted_unless_the_entity_was_deleted_since(world: World) -> None:
    """After a deletion the list may be older than the deletion."""
    world.wiki["Q1"] = 5
    listed = ResyncRequest("Q1", LATER, LATER, ORIGIN, listed_revision=5)
    assert (await world.process(listed))[1] == ["reconcile"]
    assert world.asked == []
    del world.wiki["Q1"]
    world.state.written.clear()
    assert (await world.process(listed, state_of(5, status=EntityStatus.DELETED)))[1] == []
    assert world.asked == ["Q1"]


async def test_entity_deleted_during_the_scan_is_found_by_a_request(world: World) -> None:
    """The listed revision cannot be fetched."""
    state, written = await world.process(ResyncRequest("Q1", LATER, LATER, ORIGIN, listed_revision=5))
    assert (state, written, world.asked) == (UNSEEN, [], ["Q1"])


async def test_waiting_event_that_leads_to_nothing_requests_a_resync() -> None:
    """In a stream, the event is an edit of a deleted entity whose restoration never came."""
    world = World(ordered=False)
    await world.job.open()
    world.wiki["Q1"] = 7
    first = world.job.decide(state_of(5, status=EntityStatus.DELETED), edited(7), None)
    assert (list(first.operations), first.timer) == ([], LATER + 1_000)
    due = world.job.decide(first.state, TimerFired(LATER + 1_000), None)
    assert due.operations == [ResyncRequest("Q1", LATER, LATER, ORIGIN)]


async def test_resync_request_keeps_the_timer_of_waiting_events() -> None:
    """The timer of the key stays the same."""
    world = World(ordered=False)
    await world.job.open()
    first = world.job.decide(state_of(5, status=EntityStatus.DELETED), edited(7), None)
    assert world.job.decide(first.state, ResyncRequest("Q1", LATER, LATER, ORIGIN), None).timer == first.timer


async def test_own_records_have_no_event_time(world: World) -> None:
    """Records of a full scan and heartbeats are not late, and they make no event late."""
    assert world.job.decode(Record(None, None, None, HEARTBEAT, 7)) == DecodedRecord(None)
    assert world.job.decode(Record(b"null", None, None, SCAN_PARTITION, 7)) == DecodedRecord(None)
    found = world.job.decode(Record(b'["Q2",5]', None, None, Partition(*SCAN_PARTITION), 8))
    assert (found.time, found.key, isinstance(found.event, ResyncRequest)) == (None, 2, True)
