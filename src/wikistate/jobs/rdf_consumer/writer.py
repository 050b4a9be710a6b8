"""Writes mutations into a triple store: fills a batch while the store applies the one before it.

Two batches are all that is in memory, one that is applied and one that grows; who writes more waits. While the store is
away the writer waits with it, and so does the source.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from wikistate.core.sparql.contents import StorePosition
from wikistate.core.updater.accumulator import Accumulator
from wikistate.errors import RewoundError, SinkError, WikistateError
from wikistate.jobs.rdf_consumer.measurements import StoreMeasurements
from wikistate.jobs.rdf_consumer.pace import Pace
from wikistate.jobs.stores import check_form

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

    from pyoxigraph import Triple

    from wikistate.adapters.triplestore.store import TripleStore
    from wikistate.core.record import Partition
    from wikistate.core.updater.mutation import Mutation
    from wikistate.jobs.rdf_consumer.pace import BatchBounds
    from wikistate.telemetry.meter import Meter

    Positions = Mapping[Partition, StorePosition]

HEARTBEAT_SECONDS = 10.0
"""How often a store that has nothing to do is told that it is up to date. What asks for its lag believes it so long."""

GIVE_WAY_SECONDS = 0.005
"""How long mutations are taken in a row while the store has a batch. It is applied in steps, and each step begins in a
turn of the loop: who never gave way would fill one batch and then wait for the other, instead of doing both at once."""

_NOWHERE = StorePosition(-1, 0)
"""Where a store is in a partition that it was never fed from."""


def newest(positions: Iterable[StorePosition], freshness: int | None) -> int:
    """Up to which moment a store holds all changes, milliseconds since the epoch; 0 where it does not know."""
    return max([freshness or 0, *(at.completed_until for at in positions)])


class _Batch:
    """What goes to the store in one go: mutations, and how far the source was read for them."""

    def __init__(self, shared: Callable[[frozenset[Triple]], frozenset[Triple]]) -> None:
        self.accumulator = Accumulator(shared)
        self.positions: dict[Partition, StorePosition] = {}
        self.mutations: list[Mutation] = []

    def __bool__(self) -> bool:
        return bool(self.mutations or self.positions)


class StoreWriter:
    """Takes mutations in order and applies them in batches, each with the positions that it covers.

    Protocol: `open` once; `write`, `advance`, `up_to_date`, `check` and `flush` from one task; `close` once.
    What an apply in the background raised, the next call raises; then only `rewind` or `close` helps.

    Args:
        store: Opened and closed by the writer.
        bounds: What ends a batch.
        shared: Which triples may belong to several entities; see `Accumulator`.
        meter: Where measurements go.
        note: Told up to which moment the store holds all changes, milliseconds since the epoch.
        clock: Seconds of a clock that only grows.
        sleep: Waits so many of them.
        now: Seconds since the epoch.
    """

    def __init__(
        self,
        store: TripleStore,
        bounds: BatchBounds,
        shared: Callable[[frozenset[Triple]], frozenset[Triple]],
        meter: Meter,
        *,
        note: Callable[[int], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._bounds = bounds
        self._shared = shared
        self._pace = Pace(bounds)
        self._note = note
        self._clock = clock
        self._sleep = sleep
        self._now = now
        self._measure = StoreMeasurements(meter, now)
        self._batch = _Batch(self._shared)
        self._turn = asyncio.Lock()
        self._applying: asyncio.Task[None] | None = None
        self._patience: asyncio.Task[None] | None = None
        self._failure: WikistateError | None = None
        self._held: dict[Partition, StorePosition] = {}
        self._last_beat = self._gave_way = clock()

    @property
    def positions(self) -> Positions:
        """How far the source is held for good: what the store said, and what was applied since."""
        return dict(self._held)

    async def open(self) -> None:
        """Open the store and ask it how far it is. Raises a `WikistateError` when it cannot be used."""
        contents = await self._store.open()
        check_form(contents.form)
        self._held = dict(contents.positions)

    async def write(self, mutations: Sequence[Mutation]) -> None:
        """Take mutations; waits while the store is busy with the batch before and this one is full.

        Raises:
            RewoundError: The store holds less than it was given.
            WikistateError: The store will not take them.
        """
        for mutation in mutations:
            self.check()
            if not self._batch.accumulator.accepts(mutation):
                await self._hand_over(self._batch)
            self._batch.accumulator.add(mutation)
            self._batch.mutations.append(mutation)
            self._begin()
            if self._full():
                await self._hand_over(self._batch)
            elif self._busy and self._clock() - self._gave_way >= GIVE_WAY_SECONDS:
                await asyncio.sleep(0)
                self._gave_way = self._clock()

    def advance(self, positions: Positions) -> None:
        """What was written up to now covers the source up to here."""
        for partition, at in positions.items():
            before = self._batch.positions.get(partition) or self._held.get(partition) or _NOWHERE
            if at.next_offset > before.next_offset:
                until = max(at.completed_until, before.completed_until)
                self._batch.positions[partition] = at._replace(completed_until=until)
                self._begin()

    def up_to_date(self) -> None:
        """The source holds nothing more at this moment. The store is told now and then, while it has nothing to do."""
        if self._batch or self._busy or self._clock() - self._last_beat < HEARTBEAT_SECONDS:
            return
        now = int(self._now() * 1000)
        self._batch.positions = {part: at._replace(completed_until=now) for part, at in self._held.items()}
        self._last_beat = self._clock()
        if self._batch:
            self._begin()

    async def flush(self) -> None:
        """Return when all that was written is in the store. Raises as `write`."""
        self.check()
        await self._hand_over(self._batch)
        await self._applied()
        self.check()

    def check(self) -> None:
        """Raise what an apply in the background raised."""
        if self._failure is not None:
            raise self._failure

    async def rewind(self) -> None:
        """Drop what the store does not hold, and go on from where it says that it is."""
        await self._drop()
        self._failure = None
        self._held = await self._store.positions()

    async def close(self) -> None:
        """Let go of the store. What it does not hold yet is dropped: whoever keeps the positions writes it again."""
        await self._drop()
        await self._store.close()

    @property
    def _busy(self) -> bool:
        return self._applying is not None and not self._applying.done()

    def _begin(self) -> None:
        if self._patience is None:
            self._patience = asyncio.create_task(self._hand_over_in_time(self._batch), name="batch in time")

    async def _hand_over_in_time(self, batch: _Batch) -> None:
        await self._sleep(self._bounds.seconds)
        await self._hand_over(batch)

    def _full(self) -> bool:
        batch = self._batch
        return len(batch.mutations) >= self._bounds.mutations or batch.accumulator.weight >= self._pace.triples

    async def _hand_over(self, batch: _Batch) -> None:
        async with self._turn:
            await self._applied()
            if batch is not self._batch or not batch or self._failure is not None:
                return  # handed over meanwhile, or there is nothing to, or no use
            self._batch = _Batch(self._shared)
            self._let_go_of_patience()
            self._applying = asyncio.create_task(self._apply(batch), name="apply")

    def _let_go_of_patience(self) -> None:
        if self._patience is not None and self._patience is not asyncio.current_task():
            self._patience.cancel()
        self._patience = None

    async def _applied(self) -> None:
        if self._applying is not None:
            await asyncio.wait({self._applying})

    async def _apply(self, batch: _Batch) -> None:
        try:
            await self._check_position()
            patch = batch.accumulator.patch()
            applied = await self._store.apply(patch, batch.positions, patch.freshness)
            if self._note is not None:
                self._note(newest(batch.positions.values(), patch.freshness))
        except WikistateError as error:
            self._failure = error
            return
        self._held |= batch.positions
        self._last_beat = self._clock()
        self._pace.applied(patch.weight, applied.seconds)
        self._measure.applied(batch.mutations, patch, applied)

    async def _check_position(self) -> None:
        """The store must be where we left it: a store that came back older would otherwise have a hole."""
        found = await self._store.positions()
        if _offsets(found) == _offsets(self._held):
            return
        if all(at.next_offset <= self._held.get(part, _NOWHERE).next_offset for part, at in found.items()):
            raise RewoundError(f"The store is at {_shown(found)}, and had been at {_shown(self._held)}.")
        raise SinkError(
            f"Another process writes into the store: it is at {_shown(found)}, and we had left it at {_shown(self._held)}.",
            hint="One process at a time may write into a store: end the other one.",
        )

    async def _drop(self) -> None:
        tasks = {task for task in (self._patience, self._applying) if task is not None}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        self._patience = self._applying = None
        self._batch = _Batch(self._shared)


def _offsets(positions: Positions) -> dict[Partition, int]:
    return {partition: at.next_offset for partition, at in positions.items()}


def _shown(positions: Positions) -> str:
    return ", ".join(f"{part}: {at.next_offset}" for part, at in sorted(positions.items())) or "no position"
