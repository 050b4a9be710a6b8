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
from wikistate.core.updater.inputs import Origin, RevisionCreated
from wikistate.core.updater.reordering import timer_of
from wikistate.core.updater.settling import Check, believable, doubted, settle
from wikistate.core.updater.state import NOTHING_HELD
from wikistate.jobs.rdf_sync.catching_up import PULSE
from wikistate.jobs.rdf_sync.walking import WALK, read_finding
from wikistate.jobs.rdf_updater.job import kept_of, state_of
from wikistate.jobs.stateful_job import Accepted, Due, Kept, Performed, Step

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from wikistate.core.record import Record
    from wikistate.core.updater.inputs import InputEvent
    from wikistate.core.updater.mutation import Mutation
    from wikistate.core.updater.operations import Operation
    from wikistate.core.updater.state import KeyState
    from wikistate.jobs.rdf_sync.marking import MarkingOutlet
    from wikistate.jobs.rdf_sync.pages import CurrentRevisions
    from wikistate.jobs.rdf_sync.reading import Reader
    from wikistate.jobs.rdf_sync.walking import Holdings
    from wikistate.jobs.rdf_updater.job import RdfUpdater

    Stimulus: TypeAlias = InputEvent | Check
    Action: TypeAlias = Operation | Check

SETTLING = 60_000
"""Milliseconds after a start, by our clock and by that of the events, in which they may still be of the last run."""


class RdfSync:
    """See `wikistate.jobs.stateful_job.StatefulJob` for the protocol.

    Args:
        updater: Decides and carries out; opened and closed by this job.
        reader: Reads records of the source.
        outlet: Knows what was written since the last checkpoint, and whether a walk goes on.
        holdings: What the store holds.
        current: What the wiki has; opened and closed by this job.
        window: How long an event waits for those before it, milliseconds.
        domain: Of the wiki.
        clock: Seconds since the epoch.
    """

    def __init__(
        self,
        updater: RdfUpdater,
        reader: Reader,
        outlet: MarkingOutlet,
        holdings: Holdings,
        current: CurrentRevisions,
        *,
        window: int,
        domain: str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._updater = updater
        self._reader = reader
        self._outlet = outlet
        self._holdings = holdings
        self._current = current
        self._window = window
        self._domain = domain
        self._clock = clock
        self._begun = 0

    async def open(self) -> None:
        """See `StatefulJob`."""
        self._begun = self._now()
        await self._updater.open()
        await self._current.open()

    async def close(self) -> None:
        """See `StatefulJob`."""
        await self._updater.close()
        await self._current.close()

    def accept(self, record: Record) -> Accepted[Stimulus]:
        """See `StatefulJob`."""
        if record.partition == WALK:
            return self._found(record)
        if record.partition == PULSE:
            return Accepted(None)
        return self._reader.accept(record, self._now())

    def _found(self, record: Record) -> Accepted[Stimulus]:
        finding = read_finding(record.value)
        if finding is None:
            return Accepted(None)
        now = self._now()
        check = Check(finding.entity, now, now, self._origin(now), finding.listed)
        return Accepted(None, parse_page_entity(finding.entity).key, check)

    def step(self, kept: Kept, stimulus: Stimulus | Due, watermark: int | None) -> Step[Action]:
        """See `StatefulJob`."""
        if isinstance(stimulus, Check):
            return Step(kept, timer_of(state_of(kept), self._window), (stimulus,))
        if not self._reader.in_order:
            return self._checked(stimulus, self._updater.step(kept, stimulus, watermark), state_of(kept))
        # What comes in order need not wait for what comes before it.
        step: Step[Operation] = self._updater.step(kept, stimulus, None)
        operations, outputs = [*step.operations], [*step.outputs]
        while step.wake is not None:
            step = self._updater.step(step.kept, Due(step.wake), None)
            operations += step.operations
            outputs += step.outputs
        return self._checked(stimulus, step._replace(operations=operations, outputs=outputs), state_of(kept))

    def _checked(self, stimulus: InputEvent | Due, step: Step[Operation], before: KeyState) -> Step[Action]:
        """The step; where events brought nothing although they are news, with a look at the wiki."""
        actions: list[Action] = [*step.operations]
        if not actions and (news := _news(stimulus, before, state_of(step.kept))):
            actions = [Check(news.entity, news.time, news.ingested, news.origin)]
        return Step(step.kept, step.wake, actions, step.outputs)

    async def perform(self, operation: Action, kept: Kept) -> Performed[Mutation]:
        """See `StatefulJob`."""
        state = state_of(kept)
        if isinstance(operation, Check):
            return await self._look_after(operation, state)
        if self._is_to_be_compared(operation, state):
            state = doubted(state, await self._held(operation.entity, state))
        done = await self._carry_out(operation, state)
        if state_of(done.kept).in_step:
            return done
        # Perhaps it is deleted by now, and what says so comes only later or never.
        check = Check(operation.entity, operation.time, operation.ingested, operation.origin)
        settled = await self._look_after(check, state)
        return settled if state_of(settled.kept).in_step else done

    def _is_to_be_compared(self, operation: Operation, state: KeyState) -> bool:
        """Whether memory is not enough.

        Of what a walk found in step nothing is remembered, as of what the store does not hold: only the store can tell.
        """
        settling = min(operation.time, self._now()) <= self._begun + SETTLING
        return self._outlet.walking or settling or state.held == NOTHING_HELD

    async def _look_after(self, check: Check, state: KeyState) -> Performed[Mutation]:
        held = await self._held(check.entity, state)
        if believable(check, state):
            done = await self._settle(check, state, held, check.listed)
            if state_of(done.kept).in_step:
                return done
        return await self._settle(check, state, held, await self._current.of(check.entity))

    async def _settle(
        self, check: Check, state: KeyState, held: int | None, current: int | None
    ) -> Performed[Mutation]:
        settled = settle(check, state, held=held, current=current)
        if settled.operation is None:
            return Performed(kept_of(settled.state))
        return await self._carry_out(settled.operation, settled.state)

    async def _carry_out(self, operation: Operation, state: KeyState) -> Performed[Mutation]:
        done = await self._updater.perform(operation, kept_of(state))
        if done.products:
            self._outlet.written.add(operation.entity)
        return done

    async def _held(self, entity: str, state: KeyState) -> int | None:
        """The revision that the store holds, or is about to."""
        if entity in self._outlet.written:
            return state.held or None
        return (await self._holdings.versions([entity])).get(entity)

    def _origin(self, now: int) -> Origin:
        return Origin("", format_timestamp(now), str(uuid.uuid4()), self._domain, "rdf-sync.walk", "")

    def _now(self) -> int:
        return int(self._clock() * 1000)


def _news(stimulus: InputEvent | Due, before: KeyState, after: KeyState) -> InputEvent | None:
    """Of the events that were decided, one that tells what the state before does not explain."""
    events = before.buffer if isinstance(stimulus, Due) else (*before.buffer, stimulus)
    decided = (event for event in events if event not in after.buffer)
    return next((event for event in decided if _is_news(event, before)), None)


def _is_news(event: InputEvent, before: KeyState) -> bool:
    return not isinstance(event, RevisionCreated) or event.revision > before.revision
