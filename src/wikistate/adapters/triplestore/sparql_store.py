"""Common part of all stores that are updated and queried in SPARQL."""

from __future__ import annotations

import uuid
from abc import ABC, abstractmethod
from itertools import count
from typing import TYPE_CHECKING

from wikistate.adapters.triplestore.checks import check_marker
from wikistate.adapters.triplestore.store import StoreAccess, StoreDescription
from wikistate.core.sparql import orphans, queries
from wikistate.core.updater.store_metadata import StoreForm

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from wikistate.core.sparql.update_target import UpdateTarget
    from wikistate.core.updater.store_metadata import Row, StorePosition
    from wikistate.core.updater.store_state import StoreState
    from wikistate.streaming.record import Partition


class SparqlStoreBase(ABC):
    """Queries and checks of `wikistate.adapters.triplestore.store.TripleStore`.

    Args:
        target: Parts that all statements share.
        access: Use of the store.
    """

    def __init__(self, target: UpdateTarget, *, access: StoreAccess = StoreAccess.KEEP) -> None:
        self._target = target
        self._access = access
        self._run, self._batches = uuid.uuid4().hex, count()
        self._opened = StoreDescription(form=StoreForm.EMPTY, positions={})

    @abstractmethod
    async def query(self, query: str) -> list[Row]:
        """See `TripleStore`."""

    @abstractmethod
    async def _update(self, update: str) -> object:
        """Send one update and return when the store has applied it. Raises `StoreError`."""

    async def state(self) -> StoreState:
        """See `TripleStore`."""
        return queries.read_state(await self.query(queries.build_state_query(self._target)))

    async def positions(self) -> Mapping[Partition, StorePosition]:
        """See `TripleStore`."""
        return (await self.state()).positions

    async def versions(self, entities: Collection[str]) -> dict[str, int]:
        """See `TripleStore`."""
        if not entities:
            return {}
        rows = await self.query(queries.build_versions_query(entities, self._target))
        return queries.read_versions(rows, self._target.uris)

    async def counts(self) -> dict[str, int]:
        """See `TripleStore`."""
        return queries.read_counts(await self.query(queries.build_counts_query(self._target)))

    async def sweep(self) -> int | None:
        """See `TripleStore`."""
        before = await self._count_triples()
        steps = [*orphans.mark_all(self._target.uris), *orphans.delete_orphans(nodes=True)]
        await self._update(" ;\n".join(map(self._target.pattern, steps)))
        return before - await self._count_triples()

    async def _check_and_describe(self) -> StoreDescription:
        """Check the store and return its description. Raises `StoreError`."""
        if self._access is not StoreAccess.READ:
            await check_marker(self._update, self.query, self._target)
        form, state = await self.form(), await self.state()
        recorded = await self.query(queries.build_origin_query(self._target))
        is_empty = form is StoreForm.EMPTY and not state.positions
        self._opened = StoreDescription(
            form=form, positions=state.positions, token=state.token, from_empty=bool(recorded) or is_empty
        )
        return self._opened

    def _new_batch_id(self) -> str:
        return f"{self._run}-{next(self._batches)}"

    async def form(self) -> StoreForm:
        """See `TripleStore`."""
        return queries.read_form(await self.query(queries.build_form_query(self._target)), self._target.uris)

    async def _count_triples(self) -> int:
        rows = await self.query(f"SELECT (COUNT(*) AS ?size) WHERE {self._target.where('?s ?p ?o')}")
        return queries.read_count(rows, "size")
