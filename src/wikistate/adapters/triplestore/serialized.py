"""Triple store that several tasks share, with one call at a time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from wikistate.adapters.triplestore.store import StoreDescription
from wikistate.core.updater.store_metadata import StoreForm

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from wikistate.adapters.triplestore.store import ApplyResult, StoreChanged, TripleStore
    from wikistate.core.updater.store_metadata import Row, StorePosition
    from wikistate.core.updater.store_patch import StorePatch
    from wikistate.core.updater.store_state import StoreState
    from wikistate.streaming.record import Partition


class SerializedStore:
    """`TripleStore` for several tasks: each call waits for the previous one.

    Args:
        store: Store that only one task may use at a time.

    Attributes:
        contents: Description of the store when it was opened.
    """

    def __init__(self, store: TripleStore) -> None:
        self._store = store
        self._lock = asyncio.Lock()
        self.contents = StoreDescription(form=StoreForm.EMPTY, positions={})

    async def open(self) -> StoreDescription:
        """See `TripleStore`."""
        async with self._lock:
            self.contents = await self._store.open()
        return self.contents

    async def apply(
        self, patch: StorePatch, positions: Mapping[Partition, StorePosition], freshness: int | None
    ) -> ApplyResult:
        """See `TripleStore`."""
        async with self._lock:
            return await self._store.apply(patch, positions, freshness)

    async def apply_after(
        self,
        expected: StoreState,
        patch: StorePatch,
        positions: Mapping[Partition, StorePosition],
        freshness: int | None,
    ) -> ApplyResult | StoreChanged:
        """See `TripleStore`."""
        async with self._lock:
            return await self._store.apply_after(expected, patch, positions, freshness)

    async def form(self) -> StoreForm:
        """See `TripleStore`."""
        async with self._lock:
            return await self._store.form()

    async def state(self) -> StoreState:
        """See `TripleStore`."""
        async with self._lock:
            return await self._store.state()

    async def positions(self) -> Mapping[Partition, StorePosition]:
        """See `TripleStore`."""
        async with self._lock:
            return await self._store.positions()

    async def versions(self, entities: Collection[str]) -> dict[str, int]:
        """See `TripleStore`."""
        async with self._lock:
            return await self._store.versions(entities)

    async def counts(self) -> dict[str, int]:
        """See `TripleStore`."""
        async with self._lock:
            return await self._store.counts()

    async def query(self, query: str) -> list[Row]:
        """See `TripleStore`."""
        async with self._lock:
            return await self._store.query(query)

    async def ask(self, query: str) -> bool:
        """See `TripleStore`."""
        async with self._lock:
            return await self._store.ask(query)

    async def sweep(self) -> int | None:
        """See `TripleStore`."""
        async with self._lock:
            return await self._store.sweep()

    async def close(self) -> None:
        """See `TripleStore`."""
        await self._store.close()
