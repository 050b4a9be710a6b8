"""The job: the decisions of rdf-updater, and the checks that one process together with the store needs.

It adds four things to rdf-updater. It reconciles the entities that a full scan finds. For an event that does not follow
from the known state, it also reads the state from the wiki and reconciles the store with it. And after a start it compares
the state of an entity with the store before it relies on it, because the last run may have written more than its state says.
An entity that could not be fetched is compared again later.
"""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING, Protocol

from wikistate.core.events.timestamps import format_timestamp
from wikistate.core.updater.entity_id import parse_page_entity
from wikistate.core.updater.input_events import Origin, RevisionCreated
from wikistate.core.updater.operations import DeleteItem
from wikistate.core.updater.reorder import next_timer
from wikistate.core.updater.resync import ResyncRequest, is_trustworthy, mark_uncertain, resync
from wikistate.core.updater.state import NOT_IN_STORE
from wikistate.jobs.rdf_sync.catch_up_source import HEARTBEAT
from wikistate.jobs.rdf_sync.full_scan import SCAN_PARTITION, decode_discrepancy
from wikistate.jobs.rdf_sync.retries import RETRY_PARTITION
from wikistate.jobs.rdf_updater.job import pack_state, unpack_state
from wikistate.streaming.keyed_job import Decision, DecodedRecord, KeyedState, OperationResult, TimerFired

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from wikistate.adapters.mediawiki.page_info import CurrentRevisions
    from wikistate.core.updater.input_events import InputEvent
    from wikistate.core.updater.mutation import Mutation
    from wikistate.core.updater.operations import Operation
    from wikistate.core.updater.state import EntityState
    from wikistate.jobs.rdf_sync.change_readers import ChangeReader
    from wikistate.jobs.rdf_sync.full_scan import StoreIndex
    from wikistate.jobs.rdf_sync.sync_state import SyncState
    from wikistate.streaming.record import Record

    SyncEvent: TypeAlias = InputEvent | ResyncRequest
    SyncOperation: TypeAlias = Operation | ResyncRequest

WARM_UP_MS = 60_000
"""Milliseconds after a start, by our clock and by event time, in which events may still be from the last run."""


class EntityUpdater(Protocol):
    """Part of rdf-updater that this job uses; see `wikistate.jobs.rdf_updater.job.RdfUpdater`."""

    async def open(self) -> None:
        """See `KeyedJob`."""

    async def close(self) -> None:
        """See `KeyedJob`."""

    def decide(
        self, keyed_state: KeyedState, event: InputEvent | TimerFired, watermark: int | None
    ) -> Decision[Operation]:
        """See `KeyedJob`."""

    async def execute(self, operation: Operation, keyed_state: KeyedState) -> OperationResult[Mutation]:
        """See `KeyedJob`."""


class RdfSync:
    """See `wikistate.streaming.keyed_job.KeyedJob` for the protocol.

    Args:
        updater: Decides and executes operations; opened and closed by this job.
        reader: Reads records of the source.
        store_index: Index of the entities in the store.
        page_info: Current revisions on the wiki; opened and closed by this job.
        state: Progress of the run.
        window: Time for which an event waits for those before it, milliseconds.
        domain: Host name of the wiki.
        clock: Returns seconds since the epoch.
    """

    def __init__(
        self,
        updater: EntityUpdater,
        reader: ChangeReader,
        store_index: StoreIndex,
        page_info: CurrentRevisions,
        *,
        state: SyncState,
        window: int,
        domain: str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._updater = updater
        self._reader = reader
        self._state = state
        self._store_index = store_index
        self._page_info = page_info
        self._window = window
        self._domain = domain
        self._clock = clock
        self._started_at = 0

    async def open(self) -> None:
        """See `KeyedJob`."""
        self._started_at = self._now()
        await self._updater.open()
        await self._page_info.open()

    async def close(self) -> None:
        """See `KeyedJob`."""
        await self._updater.close()
        await self._page_info.close()

    def decode(self, record: Record) -> DecodedRecord[SyncEvent]:
        """See `KeyedJob`."""
        if record.partition == SCAN_PARTITION:
            return self._decode_discrepancy(record)
        if record.partition == RETRY_PARTITION:
            return self._decode_retry((record.value or b"").decode())
        if record.partition == HEARTBEAT:
            return DecodedRecord(None)
        return self._reader.read(record, self._now())

    def _decode_discrepancy(self, record: Record) -> DecodedRecord[SyncEvent]:
        found = decode_discrepancy(record.value)
        if found is None:
            return DecodedRecord(None)
        now = self._now()
        request = ResyncRequest(found.entity, now, now, self._origin(now), found.listed)
        return DecodedRecord(None, parse_page_entity(found.entity).key, request)

    def _decode_retry(self, entity: str) -> DecodedRecord[SyncEvent]:
        now = self._now()
        return DecodedRecord(None, parse_page_entity(entity).key, ResyncRequest(entity, now, now, self._origin(now)))

    def decide(
        self, keyed_state: KeyedState, event: SyncEvent | TimerFired, watermark: int | None
    ) -> Decision[SyncOperation]:
        """See `KeyedJob`."""
        if isinstance(event, ResyncRequest):
            return Decision(keyed_state, next_timer(unpack_state(keyed_state), self._window), (event,))
        if not self._reader.ordered:
            return self._with_resync(
                event, self._updater.decide(keyed_state, event, watermark), unpack_state(keyed_state)
            )
        # Events that arrive in order need not wait for earlier ones.
        step: Decision[Operation] = self._updater.decide(keyed_state, event, None)
        operations, outputs = [*step.operations], [*step.outputs]
        while step.timer is not None:
            step = self._updater.decide(step.state, TimerFired(step.timer), None)
            operations += step.operations
            outputs += step.outputs
        return self._with_resync(
            event, step._replace(operations=operations, outputs=outputs), unpack_state(keyed_state)
        )

    def _with_resync(
        self, event: InputEvent | TimerFired, step: Decision[Operation], before: EntityState
    ) -> Decision[SyncOperation]:
        """Return the step; if unexplained events led to no operation, with a request for the state on the wiki."""
        operations: list[SyncOperation] = [*step.operations]
        if not operations and (unexplained := _unexplained_event(event, before, unpack_state(step.state))):
            operations = [ResyncRequest(unexplained.entity, unexplained.time, unexplained.ingested, unexplained.origin)]
        return Decision(step.state, step.timer, operations, step.outputs)

    async def execute(self, operation: SyncOperation, keyed_state: KeyedState) -> OperationResult[Mutation]:
        """See `KeyedJob`. An entity that the wiki has and that could not be fetched is compared again later.

        Raises:
            WikiError: None of the first entities of a full scan could be read.
        """
        done = await self._bring_in_sync(operation, unpack_state(keyed_state))
        self._note_result(operation.entity, done)
        if unpack_state(done.state).is_in_sync:
            self._state.retries.discard(operation.entity)
        elif await self._must_retry(operation.entity):
            self._state.retries.add(operation.entity, self._now())
        return done

    async def _must_retry(self, entity: str) -> bool:
        """Return whether an entity may have content that can be fetched: a file without media info has none."""
        return not entity.startswith("M") or entity in await self._store_index.versions([entity])

    def _note_result(self, entity: str, done: OperationResult[Mutation]) -> None:
        """Note whether the store has the entity now. Raises `WikiError` as `UnreadEntities.note_failure`."""
        unread = self._state.unread
        if unpack_state(done.state).is_in_sync:
            unread.note_solved(entity)
        elif done.failure:
            unread.note_failure(entity, done.failure)

    async def _bring_in_sync(self, operation: SyncOperation, state: EntityState) -> OperationResult[Mutation]:
        if isinstance(operation, ResyncRequest):
            return await self._reconcile(operation, state)
        if self._needs_store_check(operation, state):
            state = mark_uncertain(state, await self._stored_revision(operation.entity, state))
        done = await self._execute_operation(operation, state)
        if unpack_state(done.state).is_in_sync:
            return done
        done.on_written()  # another operation follows, which must not wait for the memory of this one
        # The entity may be deleted by now, and the event of the deletion comes later or never.
        request = ResyncRequest(operation.entity, operation.time, operation.ingested, operation.origin)
        reconciled = await self._reconcile(request, state)
        return reconciled if unpack_state(reconciled.state).is_in_sync else done

    def _needs_store_check(self, operation: Operation, state: EntityState) -> bool:
        """Return whether the state of an entity must be compared with the store.

        Entities that a full scan found in step have no state, like entities that the store does not hold: only the store
        distinguishes them.
        """
        warming_up = min(operation.time, self._now()) <= self._started_at + WARM_UP_MS
        return self._state.scanning or warming_up or state.store_revision == NOT_IN_STORE

    async def _reconcile(self, request: ResyncRequest, state: EntityState) -> OperationResult[Mutation]:
        held = await self._stored_revision(request.entity, state)
        if is_trustworthy(request, state):
            done = await self._resync(request, state, held, request.listed_revision)
            if unpack_state(done.state).is_in_sync:
                return done
            done.on_written()
        return await self._resync(request, state, held, await self._page_info.current_revision(request.entity))

    async def _resync(
        self, request: ResyncRequest, state: EntityState, held: int | None, current: int | None
    ) -> OperationResult[Mutation]:
        resynced = resync(request, state, store_revision=held, current=current)
        if resynced.operation is None:
            return OperationResult(pack_state(resynced.state))
        return await self._execute_operation(resynced.operation, resynced.state)

    async def _execute_operation(self, operation: Operation, state: EntityState) -> OperationResult[Mutation]:
        done = await self._updater.execute(operation, pack_state(state))
        if done.changes:
            self._state.written.add(operation.entity)
            if not isinstance(operation, DeleteItem):
                self._state.unread.note_read(operation.entity)
        return done

    async def _stored_revision(self, entity: str, state: EntityState) -> int | None:
        """Return the revision that the store holds, or will hold after the writes that are buffered."""
        if entity in self._state.written:
            return state.store_revision or None
        return (await self._store_index.versions([entity])).get(entity)

    def _origin(self, now: int) -> Origin:
        return Origin("", format_timestamp(now), str(uuid.uuid4()), self._domain, "rdf-sync.walk", "")

    def _now(self) -> int:
        return int(self._clock() * 1000)


def _unexplained_event(event: InputEvent | TimerFired, before: EntityState, after: EntityState) -> InputEvent | None:
    """Return one of the decided events that does not follow from the state before; None if all follow."""
    events = before.buffer if isinstance(event, TimerFired) else (*before.buffer, event)
    decided = (each for each in events if each not in after.buffer)
    return next((each for each in decided if _is_unexplained(each, before)), None)


def _is_unexplained(event: InputEvent, before: EntityState) -> bool:
    return not isinstance(event, RevisionCreated) or event.revision > before.revision
