"""Compares entities in a store with the wiki: the same revision of both, so that what is on its way is no difference."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple, Protocol

from wikistate.adapters.mediawiki.page_info import CurrentRevisions
from wikistate.core.events.timestamps import parse_timestamp
from wikistate.core.rdf.compare import GraphDifference, compare_graphs
from wikistate.core.rdf.diff import diff
from wikistate.core.rdf.graph import EMPTY_GRAPH, Graph, read_modification_date, read_revision
from wikistate.core.sparql.entity_query import build_entity_query, read_entity_triples
from wikistate.core.updater.fetch_failures import FetchErrorType
from wikistate.core.updater.store_patch import StorePatch
from wikistate.jobs.rdf_updater.entity_graphs import GraphUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wikistate.adapters.triplestore.store import TripleStore
    from wikistate.core.sparql.updates import UpdateTarget


class ComparisonResult(StrEnum):
    """What came of a comparison, the worst last."""

    IN_STEP = "in step"
    """The store has what the wiki has."""

    BEHIND = "behind"
    """It has an older revision, and has that right: the newer one may be on its way."""

    UNKNOWN = "not to be compared"
    """The wiki does not show the revision that the store has, or does not show it as RDF."""

    MISSING = "missing"
    """The wiki has it, the store does not."""

    DELETED_ON_WIKI = "gone from the wiki"
    """The store has it, the wiki does not."""

    STALE = "left behind"
    """It has an older revision, though it says that it is complete up to long after the newer one was made."""

    DIFFERS = "different"
    """The same revision, and other triples."""


ERROR_RESULTS = frozenset(
    {ComparisonResult.MISSING, ComparisonResult.DELETED_ON_WIKI, ComparisonResult.STALE, ComparisonResult.DIFFERS}
)
"""What no job that follows the wiki will mend by itself."""

SLACK_MS = 600_000
"""Milliseconds by which what a store says of itself may be too good: events wait for those before them, and clocks differ."""


class ComparedEntity(NamedTuple):
    """An entity that was compared.

    Attributes:
        entity: Its id.
        result: What came of it.
        revision: That was compared, or that the store lacks; None without one.
        differences: Triples.
        expected: What the store should hold, where it does not; nothing of what is gone.
        reason: In words, where it could not be compared.
    """

    entity: str
    result: ComparisonResult
    revision: int | None = None
    differences: GraphDifference = GraphDifference([], [])
    expected: Graph = EMPTY_GRAPH
    reason: str = ""


class GraphLoader(Protocol):
    """Gives graphs of entities; see `wikistate.jobs.rdf_updater.entity_graphs.Graphs`."""

    async def load(self, entity: str, revision: int) -> Graph | GraphUnavailable:
        """The munged triples of a revision."""


class PageInfo(CurrentRevisions, Protocol):
    """Knows the current revisions of entities, and since when they are; see `wikistate.adapters.mediawiki.page_info.WikiPages`."""

    async def last_touched(self, entity: str) -> int | None:
        """When the page last became another, milliseconds since the epoch: with its newest revision, or later."""


class Verifier:
    """Compares one entity after the other.

    Args:
        store: Open.
        dialect: Of its queries.
        graphs: What the wiki has, by revision; open.
        pages: What it has now; open.
        completed_until: Up to when the store said that it is complete, before anything was compared; milliseconds since the
            epoch, 0 where it says nothing.
    """

    def __init__(
        self, store: TripleStore, dialect: UpdateTarget, graphs: GraphLoader, pages: PageInfo, *, completed_until: int
    ) -> None:
        self._store = store
        self._dialect = dialect
        self._graphs = graphs
        self._pages = pages
        self._completed_until = completed_until

    async def compare(self, entity: str) -> ComparedEntity | None:
        """Compare an entity; None where neither side has it. Waits for a wiki or a store that is away.

        Raises:
            WikistateError: One of them refuses, or the settings are wrong.
        """
        found = read_entity_triples(
            await self._store.query(build_entity_query(entity, self._dialect)), entity, self._dialect.uris
        )
        current = await self._pages.current_revision(entity)
        if current is None:
            return (
                ComparedEntity(
                    entity, ComparisonResult.DELETED_ON_WIKI, read_revision(found, entity, self._dialect.uris)
                )
                if found
                else None
            )
        revision = read_revision(found, entity, self._dialect.uris) or current
        wanted = await self._graphs.load(entity, revision)
        if isinstance(wanted, GraphUnavailable):
            return await self._compare_unavailable(entity, wanted, revision, current)
        if not found:
            # A page that was merged into another has a revision, and nothing that a store holds.
            held_by_nobody = read_revision(wanted, entity, self._dialect.uris) is None
            return (
                None if held_by_nobody else ComparedEntity(entity, ComparisonResult.MISSING, revision, expected=wanted)
            )
        different = compare_graphs(wanted, found)
        if different:
            return ComparedEntity(entity, ComparisonResult.DIFFERS, revision, different, wanted)
        if revision == current:
            return ComparedEntity(entity, ComparisonResult.IN_STEP, revision)
        return await self._compare_older(entity, revision, current)

    async def _compare_older(self, entity: str, revision: int, current: int) -> ComparedEntity:
        newer = await self._graphs.load(entity, current)
        if isinstance(newer, GraphUnavailable):
            return ComparedEntity(entity, ComparisonResult.BEHIND, revision)
        # A page that was merged into another states no date; its wiki does.
        date = read_modification_date(newer)
        made = (parse_timestamp(date) if date else None) or await self._pages.last_touched(entity)
        if made is None or made + SLACK_MS >= self._completed_until:
            return ComparedEntity(entity, ComparisonResult.BEHIND, revision)
        return ComparedEntity(
            entity, ComparisonResult.STALE, revision, expected=newer, reason=f"the wiki has revision {current}"
        )

    async def repair(self, wrong: Iterable[ComparedEntity]) -> None:
        """Bring to the store what it lacks of these, and take out what it should not have.

        Those that are left behind come to the revision that the wiki has, all others stay at theirs.

        Args:
            wrong: Of the verdicts in `ERROR_RESULTS`.

        Raises:
            WikistateError: The store refuses.
        """
        for verified in wrong:
            named = frozenset({verified.entity})
            if verified.result is ComparisonResult.DELETED_ON_WIKI:
                patch = StorePatch(deleted=named)
            else:
                whole = diff(EMPTY_GRAPH, verified.expected, self._dialect.uris)
                patch = StorePatch(reconciled=named, added=whole.added, linked=whole.linked)
            await self._store.apply(patch, {}, None)

    async def _compare_unavailable(
        self, entity: str, unavailable: GraphUnavailable, revision: int, current: int
    ) -> ComparedEntity:
        gone = unavailable.type is FetchErrorType.ENTITY_NOT_FOUND
        if gone and revision != current:  # deleted or hidden since; what follows the wiki goes on to the current one
            return await self._compare_older(entity, revision, current)
        return ComparedEntity(entity, ComparisonResult.UNKNOWN, revision, reason=unavailable.message)
