"""The index of the entities that a store holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wikistate.core.sparql.queries import (
    read_entities,
    read_largest_number,
    select_entities,
    select_largest_number,
)
from wikistate.core.updater.entity_id import LETTERS, MAX_NUMBER
from wikistate.jobs.rdf_sync.full_scan import split_id_range

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection

    from wikistate.adapters.triplestore.store import TripleStore
    from wikistate.core.rdf.uris import Uris

_BATCH_SIZE = 500
"""Entities in one query."""


class StoreEntityIndex:
    """See `wikistate.jobs.rdf_sync.full_scan.StoreIndex`.

    Args:
        store: The triple store; open.
        uris: IRIs of its entities.
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
        """See `StoreIndex`. The ids are counted up: a list of the store's entities would not fit into memory."""
        for letter in LETTERS:
            for ids in split_id_range(letter, await self.largest_number(letter), _BATCH_SIZE):
                yield ids

    async def count(self) -> int:
        """Return the number of entities with a revision."""
        return sum((await self._store.counts()).values())

    async def list_ids(self, letter: str) -> set[str]:
        """Return all ids that begin with a letter, of the entities that have a revision. They must fit into memory."""
        rows = await self._store.query(select_entities(self._uris.entity_iri(letter), graph=self._graph))
        return read_entities(rows, self._uris)

    async def largest_number(self, letter: str) -> int:
        """Return the largest number of the ids that begin with a letter; 0 if there are no such ids."""
        rows = await self._store.query(select_largest_number(self._uris.entity_iri(letter), graph=self._graph))
        return min(read_largest_number(rows), MAX_NUMBER)
