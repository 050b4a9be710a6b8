"""Compares entities in a store with the wiki: the same revision of both, so that what is on its way is no difference."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple, Protocol

from pyoxigraph import Literal, NamedNode

from wikistate.core.events.timestamps import parse_timestamp
from wikistate.core.rdf.comparing import Differences, differences
from wikistate.core.rdf.diffing import diff
from wikistate.core.rdf.vocabulary import DATE_MODIFIED, VERSION
from wikistate.core.sparql.holding import holding_query, read_holding
from wikistate.core.updater.fetching import FetchErrorType
from wikistate.core.updater.store_patch import StorePatch
from wikistate.jobs.rdf_sync.pages import CurrentRevisions
from wikistate.jobs.rdf_updater.graphs import Missing

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pyoxigraph import Triple

    from wikistate.adapters.triplestore.store import TripleStore
    from wikistate.core.sparql.statements import Dialect


class Verdict(StrEnum):
    """What came of a comparison, the worst last."""

    IN_STEP = "in step"
    """The store has what the wiki has."""

    BEHIND = "behind"
    """It has an older revision, and has that right: the newer one may be on its way."""

    UNKNOWN = "not to be compared"
    """The wiki does not show the revision that the store has, or does not show it as RDF."""

    MISSING = "missing"
    """The wiki has it, the store does not."""

    GONE = "gone from the wiki"
    """The store has it, the wiki does not."""

    LEFT_BEHIND = "left behind"
    """It has an older revision, though it says that it is complete up to long after the newer one was made."""

    DIFFERS = "different"
    """The same revision, and other triples."""


_NOTHING: frozenset[Triple] = frozenset()

WRONG = frozenset({Verdict.MISSING, Verdict.GONE, Verdict.LEFT_BEHIND, Verdict.DIFFERS})
"""What no job that follows the wiki will mend by itself."""

SLACK = 600_000
"""Milliseconds by which what a store says of itself may be too good: events wait for those before them, and clocks differ."""


class Verified(NamedTuple):
    """An entity that was compared.

    Attributes:
        entity: Its id.
        verdict: What came of it.
        revision: That was compared, or that the store lacks; None without one.
        differences: Triples.
        wanted: What the store should hold, where it does not; nothing of what is gone.
        why: In words, where it could not be compared.
    """

    entity: str
    verdict: Verdict
    revision: int | None = None
    differences: Differences = Differences([], [])
    wanted: frozenset[Triple] = _NOTHING
    why: str = ""


class Revisions(Protocol):
    """Gives graphs of entities; see `wikistate.jobs.rdf_updater.graphs.Graphs`."""

    async def of(self, entity: str, revision: int) -> frozenset[Triple] | Missing:
        """The munged triples of a revision."""


class Pages(CurrentRevisions, Protocol):
    """Knows the current revisions of entities, and since when they are; see `wikistate.jobs.rdf_sync.pages.WikiPages`."""

    async def touched(self, entity: str) -> int | None:
        """When the page last became another, milliseconds since the epoch: with its newest revision, or later."""


class Verifier:
    """Compares one entity after the other.

    Args:
        store: Open.
        dialect: Of its queries.
        graphs: What the wiki has, by revision; open.
        pages: What it has now; open.
        complete: Up to when the store said that it is complete, before anything was compared; milliseconds since the
            epoch, 0 where it says nothing.
    """

    def __init__(self, store: TripleStore, dialect: Dialect, graphs: Revisions, pages: Pages, *, complete: int) -> None:
        self._store = store
        self._dialect = dialect
        self._graphs = graphs
        self._pages = pages
        self._complete = complete

    async def of(self, entity: str) -> Verified | None:
        """Compare an entity; None where neither side has it. Waits for a wiki or a store that is away.

        Raises:
            WikistateError: One of them refuses, or the settings are wrong.
        """
        found = read_holding(await self._store.query(holding_query(entity, self._dialect)), entity, self._dialect.uris)
        current = await self._pages.of(entity)
        if current is None:
            return Verified(entity, Verdict.GONE, self._version(entity, found)) if found else None
        revision = self._version(entity, found) or current
        wanted = await self._graphs.of(entity, revision)
        if isinstance(wanted, Missing):
            return await self._not_shown(entity, wanted, revision, current)
        if not found:
            # A page that was merged into another has a revision, and nothing that a store holds.
            held_by_nobody = self._version(entity, wanted) is None
            return None if held_by_nobody else Verified(entity, Verdict.MISSING, revision, wanted=wanted)
        different = differences(wanted, found)
        if different:
            return Verified(entity, Verdict.DIFFERS, revision, different, wanted)
        if revision == current:
            return Verified(entity, Verdict.IN_STEP, revision)
        return await self._older(entity, revision, current)

    async def _older(self, entity: str, revision: int, current: int) -> Verified:
        newer = await self._graphs.of(entity, current)
        if isinstance(newer, Missing):
            return Verified(entity, Verdict.BEHIND, revision)
        # A page that was merged into another states no date; its wiki does.
        made = _stated_time(newer) or await self._pages.touched(entity)
        if made is None or made + SLACK >= self._complete:
            return Verified(entity, Verdict.BEHIND, revision)
        return Verified(entity, Verdict.LEFT_BEHIND, revision, wanted=newer, why=f"the wiki has revision {current}")

    async def repair(self, wrong: Iterable[Verified]) -> None:
        """Bring to the store what it lacks of these, and take out what it should not have.

        Those that are left behind come to the revision that the wiki has, all others stay at theirs.

        Args:
            wrong: Of the verdicts in `WRONG`.

        Raises:
            WikistateError: The store refuses.
        """
        for verified in wrong:
            named = frozenset({verified.entity})
            if verified.verdict is Verdict.GONE:
                patch = StorePatch(deleted=named)
            else:
                whole = diff(_NOTHING, verified.wanted, self._dialect.uris)
                patch = StorePatch(reconciled=named, added=whole.added, linked=whole.linked)
            await self._store.apply(patch, {}, None)

    async def _not_shown(self, entity: str, missing: Missing, revision: int, current: int) -> Verified:
        gone = missing.type is FetchErrorType.ENTITY_NOT_FOUND
        if gone and revision != current:  # deleted or hidden since; what follows the wiki goes on to the current one
            return await self._older(entity, revision, current)
        return Verified(entity, Verdict.UNKNOWN, revision, why=missing.message)

    def _version(self, entity: str, graph: Iterable[Triple]) -> int | None:
        subject = NamedNode(self._dialect.uris.entity_iri(entity))
        stated = (t.object for t in graph if t.subject == subject and t.predicate == VERSION)
        numbers = [int(each.value) for each in stated if isinstance(each, Literal) and each.value.isdecimal()]
        return max(numbers, default=None)


def _stated_time(graph: Iterable[Triple]) -> int | None:
    """When the revision was made, milliseconds since the epoch."""
    stated = (triple.object for triple in graph if triple.predicate == DATE_MODIFIED)
    return next((parse_timestamp(each.value) for each in stated if isinstance(each, Literal)), None)
