"""Loader of the munged graph of a revision: it fetches, parses and munges."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

from wikistate.adapters.crash_marker import CrashMarker, KilledProcessError
from wikistate.adapters.mediawiki.revision_lookup import LookupResult, RedirectRevision, RevisionState
from wikistate.adapters.mediawiki.wikibase_site import check_concept_uri, find_concept_uri
from wikistate.core.enrichment.failures import FailureKind
from wikistate.core.rdf.bounded_parse import TooLargeError, estimate_memory
from wikistate.core.rdf.munge import munge
from wikistate.core.rdf.parse import parse_triples
from wikistate.core.rdf.redirects import build_redirect_graph
from wikistate.core.updater.fetch_failures import FetchErrorType, FetchFailure
from wikistate.errors import InputError, WikiError
from wikistate.jobs.rdf_updater.entity_memory import FIRST_FETCH_BYTES, EntityMemory, Level

if TYPE_CHECKING:
    from collections.abc import Callable

    from wikistate.core.rdf.bounded_parse import ParseLimits
    from wikistate.core.rdf.graph import Graph
    from wikistate.core.rdf.uris import Uris
    from wikistate.jobs.rdf_updater.entity_memory import MemoryLease

_T = TypeVar("_T")

_REFUSALS = frozenset({FetchErrorType.NO_CONTENT, FetchErrorType.EMPTY_RESPONSE, FetchErrorType.UNEXPECTED_RESPONSE})
"""Failures that do not depend on the entity until the first one was read."""


class EntitySource(Protocol):
    """Client of the RDF of entities; see `wikistate.adapters.mediawiki.entity_data.EntityDataClient`."""

    async def open(self) -> None:
        """Open the client."""

    async def close(self) -> None:
        """Release the client."""

    def url(self, entity_id: str, revision: int) -> str:
        """Return the address of a revision."""

    async def fetch(
        self, entity_id: str, revision: int, *, event_time: int | None = None, max_bytes: int | None = None
    ) -> bytes | FetchFailure:
        """Return the RDF of a revision, or the reason why it cannot be fetched."""


class RevisionStates(Protocol):
    """Lookup of revisions beside EntityData; see `wikistate.adapters.mediawiki.revision_lookup.RevisionLookup`."""

    async def look_up(self, entity: str, revision: int) -> LookupResult:
        """Return the state of a revision."""

    async def close(self) -> None:
        """Release the client."""


class GraphUnavailable(NamedTuple):
    """Reason why there is no graph of a revision.

    Attributes:
        type: Error type of the fetch failure event.
        error_type: Class of the failure.
        message: Explanation for the operator.
        revision: Revision without a graph: of a diff, one of the two.
        after: The graph of the new revision, if only that of the old one is unavailable; None otherwise.
    """

    type: FetchErrorType
    error_type: str
    message: str
    revision: int
    after: Graph | None = None


class EntityGraphLoader:
    """Loader of the graphs of a wiki's entities.

    Args:
        entities: Fetches the RDF.
        uris: IRIs of the wiki.
        mime_type: Media type of the RDF.
        concept_base: Concept base in the settings; if the first entity cannot be read, it is compared with the one that
            the wiki uses.
        states: Lookup of revisions that EntityData does not show; None for no lookup.
        clock: Returns seconds since the epoch.
        is_confirmed: Whether an entity of the wiki was read before with these IRIs.
        memory: Memory for the documents of all fetches.
        marker: Marker of the documents that are parsed; opened and closed by the loader.
        max_unreadable: Number of entities that may be unreadable before the first one is read: then the wiki or the settings
            are the cause, and not a single entity.
    """

    def __init__(
        self,
        entities: EntitySource,
        uris: Uris,
        *,
        mime_type: str,
        concept_base: str,
        states: RevisionStates | None = None,
        clock: Callable[[], float] = time.time,
        is_confirmed: bool = False,
        memory: EntityMemory | None = None,
        marker: CrashMarker | None = None,
        max_unreadable: int = 2,
    ) -> None:
        self._entities = entities
        self._uris = uris
        self._mime_type = mime_type
        self._concept_base = concept_base
        self._states = states
        self._clock = clock
        self._uris_confirmed = is_confirmed
        self.memory = memory or EntityMemory()
        self._marker = marker or CrashMarker()
        self._max_unreadable = max_unreadable
        self._unreadable: set[str] = set()

    async def open(self) -> None:
        """Open the client."""
        self._marker.open()
        await self._entities.open()

    async def close(self) -> None:
        """Close the clients."""
        self._marker.close()
        await self._entities.close()
        if self._states is not None:
            await self._states.close()

    async def load(
        self,
        entity: str,
        revision: int,
        *,
        event_time: int | None = None,
        is_replaceable: bool = False,
        lease: MemoryLease | None = None,
    ) -> Graph | GraphUnavailable:
        """Return the munged triples of a revision.

        EntityData shows no redirect to a deleted entity, whose triples then come from the content of its page. So they are
        the same whether the target was deleted before or after. A revision that the wiki has and EntityData does not show
        is requested again for the time that a replica may lag.

        Args:
            entity: Entity id.
            revision: Revision id.
            event_time: Time of the revision, milliseconds since the epoch, if the wiki may not know it yet.
            is_replaceable: Whether the caller can do without this revision, so that no request is repeated for it.
            lease: Memory of the operation, which the caller releases; None to release it with the result.

        Raises:
            ConfigError: The wiki uses another concept base than the settings say.
            WikiError: No entity was read yet, and the wiki refuses this one and others, or their RDF is not understood.
        """
        own = self.memory.lease()
        try:
            return await self._load(entity, revision, event_time, lease or own, is_replaceable=is_replaceable)
        finally:
            own.release()

    async def _load(
        self, entity: str, revision: int, event_time: int | None, lease: MemoryLease, *, is_replaceable: bool
    ) -> Graph | GraphUnavailable:
        body = await self._fetch(entity, revision, event_time, lease)
        if isinstance(body, FetchFailure) and body.kind is FetchErrorType.ENTITY_NOT_FOUND and self._states is not None:
            found = await self._states.look_up(entity, revision)
            if isinstance(found, RedirectRevision):
                return build_redirect_graph(
                    entity, found.target, revision=revision, modified=found.modified, uris=self._uris
                )
            if found is RevisionState.SHOWN and not is_replaceable:
                body = await self._fetch(entity, revision, int(self._clock() * 1000), lease)
                if isinstance(body, FetchFailure):
                    body = body._replace(message=f"{body.message}, although the Action API shows it")
        if isinstance(body, FetchFailure):
            if body.kind in _REFUSALS:
                self._count_unreadable(entity, body.message)
            return GraphUnavailable(body.kind, body.error_type, body.message, revision)
        try:
            graph = await self._read(entity, revision, body, lease)
        except KilledProcessError as error:
            return GraphUnavailable(FetchErrorType.UNKNOWN, type(error).__name__, str(error), revision)
        except InputError as error:
            diagnose = partial(self._diagnose_concept_base, entity, revision, body)
            await self._run_marked(entity, revision, diagnose, in_thread=True)
            self._count_unreadable(entity, f"{error.message} {error.hint}")
            return GraphUnavailable(FetchErrorType.UNKNOWN, type(error).__name__, error.message, revision)
        self._uris_confirmed = True
        return graph

    async def _fetch(
        self, entity: str, revision: int, event_time: int | None, lease: MemoryLease
    ) -> bytes | FetchFailure:
        """Fetch a document. A large one is requested again when it may fill the memory alone."""
        if lease.level < Level.ALONE:
            found = await self._entities.fetch(entity, revision, event_time=event_time, max_bytes=FIRST_FETCH_BYTES)
            if isinstance(found, bytes) or found.error_type != FailureKind.TOO_LARGE.value:
                return found
            await lease.rise(Level.ALONE)
        return await self._entities.fetch(entity, revision, event_time=event_time)

    async def _read(self, entity: str, revision: int, body: bytes, lease: MemoryLease) -> Graph:
        """Parse and munge a document, in a thread unless it is small.

        A document that takes more memory than others of its size is parsed again at the next level.

        Raises:
            InputError: The document is not RDF about the entity, or is too large.
        """
        level = await lease.rise(self.memory.level_of(body))
        while True:
            if level is Level.ALONE:
                return await self._read_alone(entity, revision, body, lease)
            read = partial(self._parse, entity, revision, body, self.memory.limits(level))
            try:
                return await self._run_marked(entity, revision, read, in_thread=level is not Level.SMALL)
            except TooLargeError as error:
                if not error.is_memory:
                    raise
            level = await lease.rise(Level(level + 1))

    async def _read_alone(self, entity: str, revision: int, body: bytes, lease: MemoryLease) -> Graph:
        async with lease.parsing:
            limits = self.memory.limits(Level.ALONE, used=lease.used)
            read = partial(self._parse, entity, revision, body, limits)
            graph = await self._run_marked(entity, revision, read, in_thread=True)
            lease.used += await asyncio.to_thread(estimate_memory, graph)
            return graph

    async def _run_marked(self, entity: str, revision: int, work: Callable[[], _T], *, in_thread: bool) -> _T:
        """Run work on a document, which is marked meanwhile. Raises `KilledProcessError` if it ended the process twice."""
        async with self._marker.turn():
            slot = self._marker.begin(b"%s, revision %d" % (entity.encode(), revision))
            try:
                return await asyncio.to_thread(work) if in_thread else work()
            finally:
                self._marker.end(slot)

    def _parse(self, entity: str, revision: int, body: bytes, limits: ParseLimits) -> Graph:
        base = self._entities.url(entity, revision)
        return munge(parse_triples(body, base=base, mime_type=self._mime_type, limits=limits), entity, self._uris)

    def _count_unreadable(self, entity: str, reason: str) -> None:
        if self._uris_confirmed:
            return
        self._unreadable.add(entity)
        if len(self._unreadable) > self._max_unreadable:
            raise WikiError(
                f"The entities of the wiki cannot be read, {entity} among them. {reason}",
                hint="Check rdf.entity_data, rdf.concept_base and, for a private wiki, the credentials under wikis.",
                entity=entity,
            )

    def _diagnose_concept_base(self, entity: str, revision: int, body: bytes) -> None:
        """Compare the concept base with the settings if no entity could be read yet.

        After the first success, an unreadable entity is a defect of that entity; before it, the settings may be wrong.
        """
        if self._uris_confirmed:
            return
        base = self._entities.url(entity, revision)
        try:
            used = find_concept_uri(body, entity_id=entity, base=base, mime_type=self._mime_type)
        except InputError:
            return
        check_concept_uri(self._concept_base, actual=used, key="rdf.concept_base")
