"""The store of the job: used by one call at a time, and asked what it holds."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from pyoxigraph import Literal

from wikistate.adapters.triplestore.store import StoreDescription
from wikistate.core.sparql.contents import StoreForm
from wikistate.core.sparql.vocabulary import VERSION
from wikistate.core.updater.entity_id import LETTERS, MAX_NUMBER
from wikistate.jobs.rdf_sync.walking import split_id_range

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Mapping

    from wikistate.adapters.triplestore.store import ApplyResult, TripleStore
    from wikistate.core.rdf.uris import Uris
    from wikistate.core.record import Partition
    from wikistate.core.sparql.contents import Row, StorePosition
    from wikistate.core.updater.store_patch import StorePatch

_BATCH_SIZE = 500
"""Entities in one question."""


class SerializedStore:
    """A `TripleStore` for several tasks: each call waits for the one before.

    Args:
        store: Which knows one task alone.

    Attributes:
        contents: What it said of itself when it was opened.
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

    async def positions(self) -> dict[Partition, StorePosition]:
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


class StoreEntityIndex:
    """See `wikistate.jobs.rdf_sync.walking.Holdings`.

    Args:
        store: The store.
        uris: Of its entities.
        graph: IRI of the graph that holds them; empty for the default graph.
    """

    def __init__(self, store: TripleStore, uris: Uris, *, graph: str = "") -> None:
        self._store = store
        self._uris = uris
        self._graph = graph

    async def versions(self, entities: Collection[str]) -> dict[str, int]:
        """See `StoreIndex`."""
        return await self._store.versions(entities)

    async def ids(self) -> AsyncIterator[list[str]]:
        """See `StoreIndex`. By number and not by a list of the store, which would not fit into memory."""
        for letter in LETTERS:
            for ids in split_id_range(letter, await self.largest_number(letter), _BATCH_SIZE):
                yield ids

    async def largest_number(self, letter: str) -> int:
        """The largest number of an id that begins with a letter; 0 without any."""
        prefix = self._uris.entity_iri(letter)
        pattern = f'?entity {VERSION} ?version FILTER(STRSTARTS(STR(?entity), "{prefix}"))'
        where = f"GRAPH <{self._graph}> {{ {pattern} }}" if self._graph else pattern
        number = f'<http://www.w3.org/2001/XMLSchema#integer>(STRAFTER(STR(?entity), "{prefix}"))'
        rows = await self._store.query(f"SELECT (MAX({number}) AS ?largest) WHERE {{ {where} }}")
        largest = rows[0].get("largest") if rows else None
        return min(int(largest.value), MAX_NUMBER) if isinstance(largest, Literal) else 0
