"""Writer of mutations to a triple store: it fills a batch while the store applies the previous one.

Memory holds at most two batches: one that is applied and one that grows. A caller that writes more waits. During an outage
of the store the writer waits, and so does the source.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from wikistate.adapters.triplestore.batch_size import AdaptiveBatchSize
from wikistate.adapters.triplestore.checks import check_form
from wikistate.adapters.triplestore.metrics import StoreMetrics
from wikistate.adapters.triplestore.store import StoreChanged, emptied_error
from wikistate.core.events.timestamps import format_timestamp
from wikistate.core.updater.accumulator import Accumulator
from wikistate.core.updater.store_metadata import StoreForm, StorePosition
from wikistate.core.updater.store_state import StoreComparison, StoreState, compare_states
from wikistate.errors import InternalError, RewoundError, SinkError, WikistateError

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
"""Interval in which an idle store receives the time up to which it is complete. Its reported lag is at most as old."""

YIELD_INTERVAL_SECONDS = 0.005
"""Longest time in which mutations are accepted without a pause while the store applies a batch.

A batch is applied in steps, and each step starts in an iteration of the event loop. Without a pause the writer would fill
one batch and then wait for the other, and the two would not overlap.
"""

_NO_POSITION = StorePosition(-1, 0)
"""Position of a store in a partition from which it never received changes."""


def completed_until(positions: Iterable[StorePosition], freshness: int | None) -> int:
    """Return the time up to which a store holds all changes, milliseconds since the epoch; 0 if it is unknown."""
    return max([freshness or 0, *(position.completed_until for position in positions)])


class _Batch:
    """Mutations that the store applies together, with the positions of the source that they cover."""

    def __init__(self, shared: Callable[[frozenset[Triple]], frozenset[Triple]]) -> None:
        self.accumulator = Accumulator(shared)
        self.positions: dict[Partition, StorePosition] = {}
        self.mutations: list[Mutation] = []

    def __bool__(self) -> bool:
        return bool(self.mutations or self.positions)


class StoreWriter:
    """Writer that accepts mutations in order and applies them in batches, each with the positions that it covers.

    Protocol: `open` once; `write`, `advance`, `heartbeat`, `raise_if_failed` and `flush` from one task; `close` once.
    If a batch fails in the background, the next call raises its error; then only `rewind` or `close` helps.

    Args:
        store: Triple store; opened and closed by the writer.
        limits: Limits at which a batch is submitted.
        shared: Selects the triples that several entities may share; see `Accumulator`.
        meter: Records the metrics.
        on_completed: Receives the time up to which the store holds all changes, milliseconds since the epoch.
        is_complete: Whether the store holds all entities. While it does not, changes do not state its freshness.
        check: Checks the open store before the first update, and raises a `WikistateError` if it is the wrong one.
        clock: Returns seconds of a monotonic clock.
        sleep: Waits for a number of seconds.
        now: Returns seconds since the epoch.
    """

    def __init__(
        self,
        store: TripleStore,
        limits: BatchLimits,
        shared: Callable[[frozenset[Triple]], frozenset[Triple]],
        meter: Meter,
        *,
        on_completed: Callable[[int], None] | None = None,
        is_complete: Callable[[], bool] = lambda: True,
        check: Callable[[TripleStore], Awaitable[None]] | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._limits = limits
        self._shared = shared
        self._batch_size = AdaptiveBatchSize(limits)
        self._on_completed = on_completed
        self._is_complete = is_complete
        self._check = check
        self._clock = clock
        self._sleep = sleep
        self._now = now
        self._metrics = StoreMetrics(meter, now)
        self._batch = _Batch(self._shared)
        self._lock = asyncio.Lock()
        self._applying: asyncio.Task[None] | None = None
        self._batch_timer: asyncio.Task[None] | None = None
        self._failure: WikistateError | None = None
        self._state = StoreState({})
        self._from_empty = True
        self._run = ""
        self._may_adopt = True
        self._last_heartbeat = self._last_yield = clock()

    @property
    def positions(self) -> Positions:
        """Positions up to which the store holds the source: those that it stated, and those that were applied since."""
        return dict(self._state.positions)

    async def open(self) -> None:
        """Open the store and read its positions. Raises a `WikistateError` when it cannot be used."""
        contents = await self._store.open()
        check_form(contents.form)
        if self._check is not None:
            await self._check(self._store)
        self._state = StoreState(dict(contents.positions), contents.token)
        self._from_empty = contents.from_empty

    async def write(self, mutations: Sequence[Mutation]) -> None:
        """Accept mutations. Wait while the store applies a batch and the next one is full.

        Raises:
            RewoundError: The store holds less than was written to it.
            WikistateError: The store rejects the mutations.
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
        """Attach positions of the source to the mutations that were written until now."""
        for partition, position in positions.items():
            before = self._batch.positions.get(partition) or self._state.positions.get(partition) or _NO_POSITION
            if position.next_offset > before.next_offset:
                until = max(position.completed_until, before.completed_until)
                self._batch.positions[partition] = position._replace(completed_until=until)
                self._start_batch_timer()

    def heartbeat(self) -> None:
        """Note that the source has no more records at this moment. While the store is idle, it receives the time regularly."""
        if self._batch or self._is_applying or self._clock() - self._last_heartbeat < HEARTBEAT_INTERVAL_SECONDS:
            return
        now = int(self._now() * 1000)
        self._batch.positions = {
            part: position._replace(completed_until=now) for part, position in self._state.positions.items()
        }
        self._last_heartbeat = self._clock()
        if self._batch:
            self._start_batch_timer()

    async def flush(self) -> None:
        """Return when everything that was written is in the store. Raises as `write`."""
        self.raise_if_failed()
        await self._submit(self._batch)
        await self._wait_for_apply()
        self.raise_if_failed()

    def raise_if_failed(self) -> None:
        """Raise the error of a batch that failed in the background."""
        if self._failure is not None:
            raise self._failure

    async def rewind(self) -> None:
        """Drop everything that the store does not hold, and continue from the positions that it states.

        Raises:
            StoreError: The store has no position any more, and held more than the source can bring back.
        """
        await self._discard()
        self._failure = None
        before, self._state = self._state, await self._store.state()
        if self._from_empty or self._state.positions or not before.positions:
            return
        if await self._store.form() is StoreForm.EMPTY:
            raise emptied_error(f"it has no position any more, and was at {_format_state(before)}")

    async def close(self) -> None:
        """Release the store. Mutations that it does not hold yet are dropped: the owner of the positions writes them again."""
        await self._discard()
        await self._store.close()

    @property
    def _is_applying(self) -> bool:
        return self._applying is not None and not self._applying.done()

    def _start_batch_timer(self) -> None:
        if self._batch_timer is None:
            self._batch_timer = asyncio.create_task(self._submit_after_delay(self._batch), name="batch timer")

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
                return  # the batch was submitted meanwhile, is empty, or would fail
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
            patch = batch.accumulator.build_patch()
            freshness = patch.freshness if self._is_complete() else None
            applied = await self._store.apply_after(self._state, patch, batch.positions, freshness)
            if isinstance(applied, StoreChanged):
                self._failure = self._explain_change(applied.found)
                return
            until = completed_until(batch.positions.values(), freshness)
            if self._on_completed is not None and until:
                self._on_completed(until)
        except WikistateError as error:
            self._failure = error
            return
        except Exception as error:  # noqa: BLE001 (a batch that was not applied must not look as if it was)
            self._failure = InternalError(f"A batch was not applied because of a defect: {error!r:.300}.")
            self._failure.__cause__ = error
            return
        self._state = StoreState({**self._state.positions, **batch.positions}, applied.token)
        self._run = applied.token.run if applied.token is not None else ""
        self._may_adopt = False
        self._last_heartbeat = self._clock()
        self._batch_size.observe(patch.weight, applied.seconds)
        self._metrics.record_batch(batch.mutations, patch, applied)

    def _explain_change(self, found: StoreState) -> SinkError:
        """Return the error of a batch that the store did not apply, because it is not where the last batch left it."""
        moved = f"it is at {_format_state(found)}, and was at {_format_state(self._state)}"
        # Another token of this run is that of a backup, also if the store was empty meanwhile and the backup is further.
        is_own = found.token is not None and found.token != self._state.token and found.token.run == self._run
        if is_own or compare_states(found, self._state) is not StoreComparison.NEWER:
            return RewoundError(f"The store went back: {moved}.")
        if self._may_adopt:
            # The last request of a killed process may arrive after the start of the next one: once, and before its first batch.
            self._may_adopt = False
            return RewoundError(f"The store was written to after it was opened: {moved}.")
        return SinkError(
            f"Another process writes into the store, or it was replaced by a newer copy: {moved}.",
            hint="One process at a time may write into a store: stop the other process. Then start this one again.",
        )

    async def _discard(self) -> None:
        tasks = {task for task in (self._batch_timer, self._applying) if task is not None}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        self._batch_timer = self._applying = None
        self._batch = _Batch(self._shared)


def _format_state(state: StoreState) -> str:
    positions = ", ".join(f"{part}: {position.next_offset}" for part, position in sorted(state.positions.items()))
    written = f" (written {format_timestamp(state.token.number)})" if state.token is not None else ""
    return f"{positions or 'no position'}{written}"
