"""The job: what rdf-updater decides, and what it takes to be right in one process with the store.

Three things come on top. What a walk finds is looked after. An event that does not fit what was seen is not only told:
the wiki is asked, and the store brought to what it says. And after a start, what is remembered of an entity is compared
with the store before anything is built on it, for the last run may have written more than it remembers.
"""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING

from wikistate.core.events.timestamps import format_timestamp
from wikistate.core.updater.entity_id import parse_page_entity
from wikistate.core.updater.input_events import Origin, RevisionCreated
from wikistate.core.updater.reorder import next_timer
from wikistate.core.updater.resync import ResyncRequest, is_trustworthy, mark_uncertain, resync
from wikistate.core.updater.state import NOT_IN_STORE
from wikistate.jobs.rdf_sync.catch_up_source import HEARTBEAT
from wikistate.jobs.rdf_sync.full_scan import SCAN_PARTITION, decode_discrepancy
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
    from wikistate.jobs.rdf_sync.checkpoint_marker import CheckpointMarkingSink
    from wikistate.jobs.rdf_sync.full_scan import StoreIndex
    from wikistate.jobs.rdf_updater.job import RdfUpdater
    from wikistate.streaming.record import Record

    SyncEvent: TypeAlias = InputEvent | ResyncRequest
    SyncOperation: TypeAlias = Operation | ResyncRequest

WARM_UP_MS = 60_000
"""Milliseconds after a start, by our clock and by that of the events, in which they may still be of the last run."""


class RdfSync:
    """See `wikistate.streaming.keyed_job.StatefulJob` for the protocol.

    Args:
        updater: Decides and carries out; opened and closed by this job.
        reader: Reads records of the source.
        sink: Knows what was written since the last checkpoint, and whether a walk goes on.
        store_index: What the store holds.
        page_info: What the wiki has; opened and closed by this job.
        window: How long an event waits for those before it, milliseconds.
        domain: Of the wiki.
        clock: Seconds since the epoch.
    """

    def __init__(
        self,
        updater: RdfUpdater,
        reader: ChangeReader,
        sink: CheckpointMarkingSink,
        store_index: StoreIndex,
        page_info: CurrentRevisions,
        *,
        window: int,
        domain: str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._updater = updater
        self._reader = reader
        self._sink = sink
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
            return self._accept_discrepancy(record)
        if record.partition == HEARTBEAT:
            return DecodedRecord(None)
        return self._reader.read(record, self._now())

    def _accept_discrepancy(self, record: Record) -> DecodedRecord[SyncEvent]:
        finding = decode_discrepancy(record.value)
        if finding is None:
            return DecodedRecord(None)
        now = self._now()
        check = ResyncRequest(finding.entity, now, now, self._origin(now), finding.listed)
        return DecodedRecord(None, parse_page_entity(finding.entity).key, check)

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
        # What comes in order need not wait for what comes before it.
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
        self, stimulus: InputEvent | TimerFired, step: Decision[Operation], before: EntityState
    ) -> Decision[SyncOperation]:
        """The step; where events brought nothing although they are news, with a look at the wiki."""
        actions: list[SyncOperation] = [*step.operations]
        if not actions and (news := _unexplained_event(stimulus, before, unpack_state(step.state))):
            actions = [ResyncRequest(news.entity, news.time, news.ingested, news.origin)]
        return Decision(step.state, step.timer, actions, step.outputs)

    async def execute(self, operation: SyncOperation, keyed_state: KeyedState) -> OperationResult[Mutation]:
        """See `KeyedJob`."""
        state = unpack_state(keyed_state)
        if isinstance(operation, ResyncRequest):
            return await self._reconcile(operation, state)
        if self._needs_store_check(operation, state):
            state = mark_uncertain(state, await self._stored_revision(operation.entity, state))
        done = await self._execute_operation(operation, state)
        if unpack_state(done.state).is_in_sync:
            return done
        # Perhaps it is deleted by now, and what says so comes only later or never.
        check = ResyncRequest(operation.entity, operation.time, operation.ingested, operation.origin)
        settled = await self._reconcile(check, state)
        return settled if unpack_state(settled.state).is_in_sync else done

    def _needs_store_check(self, operation: Operation, state: EntityState) -> bool:
        """Whether memory is not enough.

        Of what a walk found in step nothing is remembered, as of what the store does not hold: only the store can tell.
        """
        settling = min(operation.time, self._now()) <= self._started_at + WARM_UP_MS
        return self._sink.scanning or settling or state.store_revision == NOT_IN_STORE

    async def _reconcile(self, check: ResyncRequest, state: EntityState) -> OperationResult[Mutation]:
        held = await self._stored_revision(check.entity, state)
        if is_trustworthy(check, state):
            done = await self._resync(check, state, held, check.listed_revision)
            if unpack_state(done.state).is_in_sync:
                return done
        return await self._resync(check, state, held, await self._page_info.current_revision(check.entity))

    async def _resync(
        self, check: ResyncRequest, state: EntityState, held: int | None, current: int | None
    ) -> OperationResult[Mutation]:
        settled = resync(check, state, store_revision=held, current=current)
        if settled.operation is None:
            return OperationResult(pack_state(settled.state))
        return await self._execute_operation(settled.operation, settled.state)

    async def _execute_operation(self, operation: Operation, state: EntityState) -> OperationResult[Mutation]:
        done = await self._updater.execute(operation, pack_state(state))
        if done.changes:
            self._sink.written.add(operation.entity)
        return done

    async def _stored_revision(self, entity: str, state: EntityState) -> int | None:
        """The revision that the store holds, or is about to."""
        if entity in self._sink.written:
            return state.store_revision or None
        return (await self._store_index.versions([entity])).get(entity)

    def _origin(self, now: int) -> Origin:
        return Origin("", format_timestamp(now), str(uuid.uuid4()), self._domain, "rdf-sync.walk", "")

    def _now(self) -> int:
        return int(self._clock() * 1000)


def _unexplained_event(stimulus: InputEvent | TimerFired, before: EntityState, after: EntityState) -> InputEvent | None:
    """Of the events that were decided, one that tells what the state before does not explain."""
    events = before.buffer if isinstance(stimulus, TimerFired) else (*before.buffer, stimulus)
    decided = (event for event in events if event not in after.buffer)
    return next((event for event in decided if _is_unexplained(event, before)), None)


def _is_unexplained(event: InputEvent, before: EntityState) -> bool:
    return not isinstance(event, RevisionCreated) or event.revision > before.revision
