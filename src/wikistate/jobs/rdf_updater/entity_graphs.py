"""Loader of the munged graph of a revision: it fetches, parses and munges."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, Protocol

from wikistate.adapters.mediawiki.revision_lookup import LookupResult, RedirectRevision, RevisionState
from wikistate.adapters.mediawiki.wikibase_site import check_concept_uri, find_concept_uri
from wikistate.core.rdf.munge import munge
from wikistate.core.rdf.parse import parse_triples
from wikistate.core.rdf.redirects import build_redirect_graph
from wikistate.core.updater.fetch_failures import FetchErrorType, FetchFailure
from wikistate.errors import InputError, WikiError

if TYPE_CHECKING:
    from collections.abc import Callable

    from wikistate.core.rdf.graph import Graph
    from wikistate.core.rdf.uris import Uris

THREAD_THRESHOLD_BYTES = 64 * 1024
"""Size of RDF in bytes from which a thread parses it: some 5 ms of work that would block the event loop."""


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

    async def fetch(self, entity_id: str, revision: int, *, event_time: int | None = None) -> bytes | FetchFailure:
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
        max_unreadable: int = 2,
    ) -> None:
        self._entities = entities
        self._uris = uris
        self._mime_type = mime_type
        self._concept_base = concept_base
        self._states = states
        self._clock = clock
        self._uris_confirmed = is_confirmed
        self._max_unreadable = max_unreadable
        self._unreadable: set[str] = set()

    async def open(self) -> None:
        """Open the client."""
        await self._entities.open()

    async def close(self) -> None:
        """Close the clients."""
        await self._entities.close()
        if self._states is not None:
            await self._states.close()

    async def load(
        self, entity: str, revision: int, *, event_time: int | None = None, is_replaceable: bool = False
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

        Raises:
            ConfigError: The wiki uses another concept base than the settings say.
            WikiError: No entity was read yet, and the wiki refuses this one and others, or their RDF is not understood.
        """
        body = await self._entities.fetch(entity, revision, event_time=event_time)
        if isinstance(body, FetchFailure) and body.kind is FetchErrorType.ENTITY_NOT_FOUND and self._states is not None:
            found = await self._states.look_up(entity, revision)
            if isinstance(found, RedirectRevision):
                return build_redirect_graph(
                    entity, found.target, revision=revision, modified=found.modified, uris=self._uris
                )
            if found is RevisionState.SHOWN and not is_replaceable:
                body = await self._entities.fetch(entity, revision, event_time=int(self._clock() * 1000))
                if isinstance(body, FetchFailure):
                    body = body._replace(message=f"{body.message}, although the Action API shows it")
        if isinstance(body, FetchFailure):
            if body.kind in _REFUSALS:
                self._count_unreadable(entity, body.message)
            return GraphUnavailable(body.kind, body.error_type, body.message, revision)
        read = partial(self._parse, entity, revision, body)
        try:
            graph = await asyncio.to_thread(read) if len(body) >= THREAD_THRESHOLD_BYTES else read()
        except InputError as error:
            self._diagnose_concept_base(entity, revision, body)
            self._count_unreadable(entity, f"{error.message} {error.hint}")
            return GraphUnavailable(FetchErrorType.UNKNOWN, type(error).__name__, error.message, revision)
        self._uris_confirmed = True
        return graph

    def _parse(self, entity: str, revision: int, body: bytes) -> Graph:
        base = self._entities.url(entity, revision)
        return munge(parse_triples(body, base=base, mime_type=self._mime_type), entity, self._uris)

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
