"""From a revision of an entity to its munged graph: fetch, parse, munge."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, Protocol

from wikistate.adapters.mediawiki.wikibase_site import check_concept_uri, find_concept_uri
from wikistate.core.rdf.munge import munge
from wikistate.core.rdf.parse import parse_triples
from wikistate.core.updater.fetch_failures import FetchErrorType, FetchFailure
from wikistate.errors import InputError

if TYPE_CHECKING:
    from wikistate.core.rdf.graph import Graph
    from wikistate.core.rdf.uris import Uris

THREAD_THRESHOLD_BYTES = 64 * 1024
"""Bytes of RDF from which on a thread reads it: some 5 ms of work, while which the loop would serve nobody else."""


class EntitySource(Protocol):
    """Where entities are fetched; see `EntityDataClient`."""

    async def open(self) -> None:
        """Make ready."""

    async def close(self) -> None:
        """Let go."""

    def url(self, entity_id: str, revision: int) -> str:
        """The address of a revision."""

    async def fetch(self, entity_id: str, revision: int, *, event_time: int | None = None) -> bytes | FetchFailure:
        """The RDF of a revision."""


class GraphUnavailable(NamedTuple):
    """Why there is no graph of a revision.

    Attributes:
        type: In the words of the wire.
        error_type: The class of the failure.
        message: For people.
        revision: Which of the two of a difference.
    """

    type: FetchErrorType
    error_type: str
    message: str
    revision: int


class EntityGraphLoader:
    """Graphs of a wiki's entities.

    Args:
        entities: Where they are fetched.
        uris: Of the wiki.
        mime_type: Of what the wiki answers.
        concept_base: As the settings state it; compared with what the wiki uses when its first entity cannot be read.
    """

    def __init__(self, entities: EntitySource, uris: Uris, *, mime_type: str, concept_base: str) -> None:
        self._entities = entities
        self._uris = uris
        self._mime_type = mime_type
        self._concept_base = concept_base
        self._uris_confirmed = False  # that the wiki's entities can be read with these URIs

    async def open(self) -> None:
        """Open the client."""
        await self._entities.open()

    async def close(self) -> None:
        """Close the client."""
        await self._entities.close()

    async def load(self, entity: str, revision: int, *, event_time: int | None = None) -> Graph | GraphUnavailable:
        """The munged triples of a revision.

        Args:
            entity: Entity id.
            revision: Which one.
            event_time: When it came into being, milliseconds since the epoch, where the wiki may not know it yet.

        Raises:
            ConfigError: The wiki's entities have other IRIs than the settings say.
        """
        body = await self._entities.fetch(entity, revision, event_time=event_time)
        if isinstance(body, FetchFailure):
            return GraphUnavailable(body.kind, body.error_type, body.message, revision)
        read = partial(self._parse, entity, revision, body)
        try:
            graph = await asyncio.to_thread(read) if len(body) >= THREAD_THRESHOLD_BYTES else read()
        except InputError as error:
            self._diagnose_concept_base(entity, revision, body)
            return GraphUnavailable(FetchErrorType.UNKNOWN, type(error).__name__, error.message, revision)
        self._uris_confirmed = True
        return graph

    def _parse(self, entity: str, revision: int, body: bytes) -> Graph:
        base = self._entities.url(entity, revision)
        return munge(parse_triples(body, base=base, mime_type=self._mime_type), entity, self._uris)

    def _diagnose_concept_base(self, entity: str, revision: int, body: bytes) -> None:
        """One entity that cannot be read is its own fault; when it is the first one, the settings may be wrong for all."""
        if self._uris_confirmed:
            return
        base = self._entities.url(entity, revision)
        try:
            used = find_concept_uri(body, entity_id=entity, base=base, mime_type=self._mime_type)
        except InputError:
            return
        check_concept_uri(self._concept_base, actual=used, key="rdf.concept_base")
