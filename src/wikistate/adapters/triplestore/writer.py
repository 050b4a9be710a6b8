"""Writes mutations into a triple store: fills a batch while the store applies the one before it.

Two batches are all that is in memory, one that is applied and one that grows; who writes more waits. While the store is
away the writer waits with it, and so does the source.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from wikistate.adapters.triplestore.batch_size import AdaptiveBatchSize
from wikistate.adapters.triplestore.checks import check_form
from wikistate.adapters.triplestore.metrics import StoreMetrics
from wikistate.core.updater.accumulator import Accumulator
from wikistate.core.updater.store_metadata import StorePosition
from wikistate.errors import RewoundError, SinkError, WikistateError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

    from pyoxigraph import Triple

    from wikistate.adapters.triplestore.batch_size import BatchLimits
    from wikistate.adapters.triplestore.store import TripleStore
    from wikistate.core.updater.mutation import Mutation
    from wikistate.streaming.record import Partition
    from wikistate.telemetry.meter import Meter

    Positions = Mapping[Partition, StorePosition]

HEARTBEAT_INTERVAL_SECONDS = 10.0
"""How often a store that has nothing to do is told that it is up to date. What asks for its lag believes it so long."""

YIELD_INTERVAL_SECONDS = 0.005
"""How long mutations are taken in a row while the store has a batch. It is applied in steps, and each step begins in a
turn of the loop: who never gave way would fill one batch and then wait for the other, instead of doing both at once."""

_NO_POSITION = StorePosition(-1, 0)
"""Where a store is in a partition that it was never fed from."""


def completed_until(positions: Iterable[StorePosition], freshness: int | None) -> int:
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

    Protocol: `open` once; `write`, `advance`, `heartbeat`, `raise_if_failed` and `flush` from one task; `close` once.
    What an apply in the background raised, the next call raises; then only `rewind` or `close` helps.

    Args:
        store: Opened and closed by the writer.
        limits: What ends a batch.
        shared: Which triples may belong to several entities; see `Accumulator`.
        meter: Where measurements go.
        on_completed: Told up to which moment the store holds all changes, milliseconds since the epoch.
        clock: Seconds of a clock that only grows.
        sleep: Waits so many of them.
        now: Seconds since the epoch.
    """

    def __init__(
        self,
        store: TripleStore,
        limits: BatchLimits,
        shared: Callable[[frozenset[Triple]], frozenset[Triple]],
        meter: Meter,
        *,
        on_completed: Callable[[int], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._limits = limits
        self._shared = shared
        self._batch_size = AdaptiveBatchSize(limits)
        self._on_completed = on_completed
        self._clock = clock
        self._sleep = sleep
        self._now = now
        self._metrics = StoreMetrics(meter, now)
        self._batch = _Batch(self._shared)
        self._lock = asyncio.Lock()
        self._applying: asyncio.Task[None] | None = None
        self._batch_timer: asyncio.Task[None] | None = None
        self._failure: WikistateError | None = None
        self._store_positions: dict[Partition, StorePosition] = {}
        self._last_heartbeat = self._last_yield = clock()

    @property
    def positions(self) -> Positions:
        """How far the source is held for good: what the store said, and what was applied since."""
        return dict(self._store_positions)

    async def open(self) -> None:
        """Open the store and ask it how far it is. Raises a `WikistateError` when it cannot be used."""
        contents = await self._store.open()
        check_form(contents.form)
        self._store_positions = dict(contents.positions)

    async def write(self, mutations: Sequence[Mutation]) -> None:
        """Take mutations; waits while the store is busy with the batch before and this one is full.

        Raises:
            RewoundError: The store holds less than it was given.
            WikistateError: The store will not take them.
        """
        for mutation in mutations:
            self.raise_if_failed()
            if not self._batch.accumulator.can_add(mutation):
                await self._submit(self._batch)
            self._batch.accumulator.add(mutation)
            self._batch.mutations.append(mutation)
            self._start_batch_timer()
            if self._is_full():
                await self._submit(self._batch)
            elif self._is_applying and self._clock() - self._last_yield >= YIELD_INTERVAL_SECONDS:
                await asyncio.sleep(0)
                self._last_yield = self._clock()

    def advance(self, positions: Positions) -> None:
        """What was written up to now covers the source up to here."""
        for partition, at in positions.items():
            before = self._batch.positions.get(partition) or self._store_positions.get(partition) or _NO_POSITION
            if at.next_offset > before.next_offset:
                until = max(at.completed_until, before.completed_until)
                self._batch.positions[partition] = at._replace(completed_until=until)
                self._start_batch_timer()

    def heartbeat(self) -> None:
        """The source holds nothing more at this moment. The store is told now and then, while it has nothing to do."""
        if self._batch or self._is_applying or self._clock() - self._last_heartbeat < HEARTBEAT_INTERVAL_SECONDS:
            return
        now = int(self._now() * 1000)
        self._batch.positions = {part: at._replace(completed_until=now) for part, at in self._store_positions.items()}
        self._last_heartbeat = self._clock()
        if self._batch:
            self._start_batch_timer()

    async def flush(self) -> None:
        """Return when all that was written is in the store. Raises as `write`."""
        self.raise_if_failed()
        await self._submit(self._batch)
        await self._wait_for_apply()
        self.raise_if_failed()

    def raise_if_failed(self) -> None:
        """Raise what an apply in the background raised."""
        if self._failure is not None:
            raise self._failure

    async def rewind(self) -> None:
        """Drop what the store does not hold, and go on from where it says that it is."""
        await self._discard()
        self._failure = None
        self._store_positions = await self._store.positions()

    async def close(self) -> None:
        """Let go of the store. What it does not hold yet is dropped: whoever keeps the positions writes it again."""
        await self._discard()
        await self._store.close()

    @property
    def _is_applying(self) -> bool:
        return self._applying is not None and not self._applying.done()

    def _start_batch_timer(self) -> None:
        if self._batch_timer is None:
            self._batch_timer = asyncio.create_task(self._submit_after_delay(self._batch), name="batch in time")

    async def _submit_after_delay(self, batch: _Batch) -> None:
        await self._sleep(self._limits.seconds)
        await self._submit(batch)

    def _is_full(self) -> bool:
        batch = self._batch
        return len(batch.mutations) >= self._limits.mutations or batch.accumulator.weight >= self._batch_size.triples

    async def _submit(self, batch: _Batch) -> None:
        async with self._lock:
            await self._wait_for_apply()
            if batch is not self._batch or not batch or self._failure is not None:
                return  # handed over meanwhile, or there is nothing to, or no use
            self._batch = _Batch(self._shared)
            self._cancel_batch_timer()
            self._applying = asyncio.create_task(self._apply(batch), name="apply")

    def _cancel_batch_timer(self) -> None:
        if self._batch_timer is not None and self._batch_timer is not asyncio.current_task():
            self._batch_timer.cancel()
        self._batch_timer = None

    async def _wait_for_apply(self) -> None:
        if self._applying is not None:
            await asyncio.wait({self._applying})

    async def _apply(self, batch: _Batch) -> None:
        try:
            await self._check_positions()
            patch = batch.accumulator.build_patch()
            applied = await self._store.apply(patch, batch.positions, patch.freshness)
            if self._on_completed is not None:
                self._on_completed(completed_until(batch.positions.values(), patch.freshness))
        except WikistateError as error:
            self._failure = error
            return
        self._store_positions |= batch.positions
        self._last_heartbeat = self._clock()
        self._batch_size.observe(patch.weight, applied.seconds)
        self._metrics.record_batch(batch.mutations, patch, applied)

    async def _check_positions(self) -> None:
        """The store must be where we left it: a store that came back older would otherwise have a hole."""
        found = await self._store.positions()
        if _next_offsets(found) == _next_offsets(self._store_positions):
            return
        if all(
            at.next_offset <= self._store_positions.get(part, _NO_POSITION).next_offset for part, at in found.items()
        ):
            raise RewoundError(
                f"The store is at {_format_positions(found)}, and had been at {_format_positions(self._store_positions)}."
            )
        raise SinkError(
            f"Another process writes into the store: it is at {_format_positions(found)}, and we had left it at {_format_positions(self._store_positions)}.",
            hint="One process at a time may write into a store: end the other one.",
        )

    async def _discard(self) -> None:
        tasks = {task for task in (self._batch_timer, self._applying) if task is not None}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        self._batch_timer = self._applying = None
        self._batch = _Batch(self._shared)


def _next_offsets(positions: Positions) -> dict[Partition, int]:
    return {partition: at.next_offset for partition, at in positions.items()}


def _format_positions(positions: Positions) -> str:
    return ", ".join(f"{part}: {at.next_offset}" for part, at in sorted(positions.items())) or "no position"
