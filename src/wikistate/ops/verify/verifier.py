"""Comparison of entities in a store with the same revision on the wiki, so that pending changes are not differences."""

from __future__ import annotations

from enum import StrEnum
from time import time
from typing import TYPE_CHECKING, NamedTuple, Protocol

from wikistate.adapters.mediawiki.page_info import CurrentRevisions
from wikistate.core.events.timestamps import parse_timestamp
from wikistate.core.rdf.compare import GraphDifference
from wikistate.core.rdf.diff import diff
from wikistate.core.rdf.graph import EMPTY_GRAPH, Graph, read_modification_date, read_revision
from wikistate.core.sparql.entity_query import build_entity_query, read_entity_triples
from wikistate.core.updater.fetch_failures import FetchErrorType
from wikistate.core.updater.store_patch import StorePatch
from wikistate.jobs.rdf_updater.entity_graphs import GraphUnavailable
from wikistate.ops.verify.stored_forms import find_differences

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from wikistate.adapters.triplestore.store import TripleStore
    from wikistate.core.sparql.update_target import UpdateTarget


class ComparisonResult(StrEnum):
    """Result of a comparison; the worst is last."""

    IN_STEP = "in step"
    """Store and wiki hold the same."""

    BEHIND = "behind"
    """The store holds an older revision correctly, or none: the newer one may be pending. So is each creation, edit and deletion
    after the time up to which the store states that it is complete."""

    UNKNOWN = "not to be compared"
    """The wiki does not show the revision that the store holds, or has no RDF of it."""

    MISSING = "missing"
    """The wiki has the entity, and the store does not."""

    DELETED_ON_WIKI = "gone from the wiki"
    """The store has the entity, and the wiki does not."""

    STALE = "left behind"
    """The store holds an older revision, although it states that it is complete up to long after the newer one, or although
    it had time to receive it; see `Verifier.compare`."""

    DIFFERS = "different"
    """The store holds the same revision with other triples."""


ERROR_RESULTS = frozenset(
    {ComparisonResult.MISSING, ComparisonResult.DELETED_ON_WIKI, ComparisonResult.STALE, ComparisonResult.DIFFERS}
)
"""Results that no job repairs automatically."""

DEFAULT_PATIENCE = 60.0
"""Seconds in which a store receives a change: the watermarks and the reordering of events take up to two windows of them."""

SLACK_MS = 600_000
"""Tolerance of a store's stated freshness in milliseconds: events wait for those before them, and clocks differ."""


_SECOND = 1000


class ComparedEntity(NamedTuple):
    """Compared entity.

    Attributes:
        entity: Entity id.
        result: Result of the comparison.
        revision: Revision that was compared, or that the store lacks; None without one.
        differences: Triples that differ.
        expected: Triples that the store should hold, if they differ; empty for a deleted entity.
        reason: Reason of the result, if the entity could not be compared.
    """

    entity: str
    result: ComparisonResult
    revision: int | None = None
    differences: GraphDifference = GraphDifference([], [])
    expected: Graph = EMPTY_GRAPH
    reason: str = ""


class GraphLoader(Protocol):
    """Loader of the graphs of entities; see `wikistate.jobs.rdf_updater.entity_graphs.EntityGraphLoader`."""

    async def load(self, entity: str, revision: int) -> Graph | GraphUnavailable:
        """Return the munged triples of a revision."""


class PageInfo(CurrentRevisions, Protocol):
    """Current revisions of entities, with their times; see `wikistate.adapters.mediawiki.page_info.PageInfoClient`."""

    async def last_touched(self, entity: str) -> int | None:
        """Return the time of the last change of the page, milliseconds since the epoch: of its newest revision, or later."""

    async def created_at(self, entity: str) -> int | None:
        """Return the time since which the page exists, milliseconds since the epoch; None if it is unknown."""

    async def deleted_at(self, entity: str) -> int | None:
        """Return the time of the last deletion of the page, milliseconds since the epoch; None if it is unknown."""


class Verifier:
    """Verifier of single entities.

    Args:
        store: Triple store; open.
        target: Parts that all queries share.
        graphs: Loader of graphs from the wiki; open.
        pages: Current revisions on the wiki; open.
        completed_until: Time up to which the store stated that it is complete before the first comparison, milliseconds
            since the epoch; 0 if it is unknown.
        patience: Seconds after which a change that the store lacks is left behind, unless it is newer than what the store states.
        now: Returns seconds since the epoch.
    """

    def __init__(
        self,
        store: TripleStore,
        target: UpdateTarget,
        graphs: GraphLoader,
        pages: PageInfo,
        *,
        completed_until: int,
        patience: float = DEFAULT_PATIENCE,
        now: Callable[[], float] = time,
    ) -> None:
        self._patience_ms = round(patience * 1000)
        self._now = now
        self._store = store
        self._target = target
        self._graphs = graphs
        self._pages = pages
        self._completed_until = completed_until

    async def compare(self, entity: str, *, repeats: int = 3) -> ComparedEntity | None:
        """Compare an entity. Return None if neither side has it. Wait during an outage of the wiki.

        Args:
            entity: Entity id.
            repeats: Number of further comparisons while a job updates the entity in the store.

        Raises:
            WikistateError: The wiki or the store refuses a query, or a setting is not valid.
        """
        found = await self._read(entity)
        current = await self._pages.current_revision(entity)
        if current is None:
            return await self._compare_deleted(entity, found) if found else None
        revision = read_revision(found, entity, self._target.uris) or current
        expected = await self._graphs.load(entity, revision)
        if isinstance(expected, GraphUnavailable):
            return await self._compare_unavailable(entity, expected, revision, current, is_held=bool(found))
        if not found:
            # A redirect has a revision, and no triples that a store holds.
            is_redirect = read_revision(expected, entity, self._target.uris) is None
            return None if is_redirect else await self._compare_missing(entity, revision, expected)
        different = await find_differences(expected, found, self._store, self._target)
        if different:
            is_updated = repeats > 0 and await self._read(entity) != found  # between the queries
            result = ComparedEntity(entity, ComparisonResult.DIFFERS, revision, different, expected)
            return await self.compare(entity, repeats=repeats - 1) if is_updated else result
        if revision == current:
            return ComparedEntity(entity, ComparisonResult.IN_STEP, revision)
        return await self._compare_older(entity, revision, current)

    async def _read(self, entity: str) -> Graph:
        rows = await self._store.query(build_entity_query(entity, self._target))
        return read_entity_triples(rows, entity, self._target.uris)

    async def _compare_deleted(self, entity: str, found: Graph) -> ComparedEntity:
        is_pending = bool(self._completed_until) and self._is_pending(await self._pages.deleted_at(entity))
        result = ComparisonResult.BEHIND if is_pending else ComparisonResult.DELETED_ON_WIKI
        return ComparedEntity(entity, result, read_revision(found, entity, self._target.uris))

    async def _compare_missing(self, entity: str, revision: int, expected: Graph) -> ComparedEntity:
        if self._completed_until and self._is_pending(await self._pages.created_at(entity)):
            return ComparedEntity(entity, ComparisonResult.BEHIND, revision)
        return ComparedEntity(entity, ComparisonResult.MISSING, revision, expected=expected)

    async def _compare_older(self, entity: str, revision: int, current: int) -> ComparedEntity:
        newer = await self._graphs.load(entity, current)
        if isinstance(newer, GraphUnavailable):
            # It may be hidden or damaged. After the patience, nothing brings the store to it.
            touched = await self._pages.last_touched(entity)
            is_late = self._is_overdue(touched) and not self._is_pending(touched)
            result = ComparisonResult.UNKNOWN if is_late else ComparisonResult.BEHIND
            return ComparedEntity(entity, result, revision, reason=newer.message)
        # The graph of a redirect states no date; the wiki does.
        date = read_modification_date(newer)
        changed_at = (parse_timestamp(date) if date else None) or await self._pages.last_touched(entity)
        is_older = changed_at is not None and changed_at + SLACK_MS < self._completed_until
        if self._is_pending(changed_at) or not (is_older or self._is_overdue(changed_at)):
            return ComparedEntity(entity, ComparisonResult.BEHIND, revision)
        return ComparedEntity(
            entity, ComparisonResult.STALE, revision, expected=newer, reason=f"the wiki has revision {current}"
        )

    async def repair(self, wrong: Iterable[ComparedEntity]) -> None:
        """Insert the triples that the store lacks of these entities, and delete those that it should not hold.

        Stale entities get the current revision of the wiki, and all others keep their revision.

        Args:
            wrong: Entities with a result in `ERROR_RESULTS`.

        Raises:
            WikistateError: The store rejects an update.
        """
        for compared in wrong:
            entity = frozenset({compared.entity})
            if compared.result is ComparisonResult.DELETED_ON_WIKI:
                patch = StorePatch(deleted=entity)
            else:
                whole = diff(EMPTY_GRAPH, compared.expected, self._target.uris)
                patch = StorePatch(reconciled=entity, added=whole.added, linked=whole.linked)
            await self._store.apply(patch, {}, None)

    def _is_overdue(self, changed_at: int | None) -> bool:
        """Return whether the store had time to receive a change; True if the time of the change is unknown."""
        return changed_at is None or changed_at + self._patience_ms <= self._now() * 1000

    def _is_pending(self, changed_at: int | None) -> bool:
        """Return whether a change is newer than all that the store states to hold. The times of a wiki are whole seconds."""
        return bool(self._completed_until) and changed_at is not None and changed_at + _SECOND > self._completed_until

    async def _compare_unavailable(
        self, entity: str, unavailable: GraphUnavailable, revision: int, current: int, *, is_held: bool
    ) -> ComparedEntity | None:
        is_missing = unavailable.type is FetchErrorType.ENTITY_NOT_FOUND
        if is_missing and not is_held and entity.startswith("M"):
            return None  # a file without media info
        if is_missing and revision != current:  # deleted or hidden since: jobs continue to the current revision
            return await self._compare_older(entity, revision, current)
        return ComparedEntity(entity, ComparisonResult.UNKNOWN, revision, reason=unavailable.message)
