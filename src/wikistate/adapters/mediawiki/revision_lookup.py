"""Lookup of a revision that ``Special:EntityData`` does not show: whether it exists, and whether it is a redirect.

EntityData answers 404 for an entity that was merged into a deleted one, in every form. The page exists, and its content
names the target: ``{"entity":"Q221","redirect":"Q230"}`` (Wikibase documentation, JSON of redirects). A lagging replica
and a cache also answer 404 for a revision that exists.
"""

from __future__ import annotations

import asyncio
import time
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
import structlog

from wikistate.core.updater.entity_id import parse_page_entity
from wikistate.errors import InputError, WikistateError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from typing import TypeAlias

    from wikistate.adapters.mediawiki.page_info import PageQueries

Json = dict[str, Any]

_MEDIAINFO = "mediainfo"
_PAUSE = 600.0  # seconds without a lookup after a failed one

log = structlog.get_logger(__name__)


class RedirectRevision(NamedTuple):
    """Revision that is a redirect.

    Attributes:
        target: Id of the entity into which the entity was merged.
        modified: Time of the revision in RFC 3339.
    """

    target: str
    modified: str


class RevisionState(Enum):
    """State of a revision that is not a redirect."""

    SHOWN = "shown"
    """The wiki has the revision with its content: EntityData does not show it for a passing reason."""

    NOT_SHOWN = "not shown"
    """The wiki does not have the revision, hides it, or does not say; or it holds no entity."""


LookupResult: TypeAlias = RedirectRevision | RevisionState


class RevisionLookup:
    """Client of the Action API of one wiki, connected when it is first used.

    Args:
        connect: Returns an open client. Raises a `WikistateError` if the Action API of the wiki is not found.
        clock: Returns seconds of a monotonic clock.
    """

    def __init__(
        self, connect: Callable[[], Awaitable[PageQueries]], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._connect = connect
        self._clock = clock
        self._connecting = asyncio.Lock()
        self._queries: PageQueries | None = None
        self._paused_until = float("-inf")

    async def look_up(self, entity: str, revision: int) -> LookupResult:
        """Return the state of a revision of an entity. Wait during an outage of the wiki."""
        if revision < 1 or self._clock() < self._paused_until:
            return RevisionState.NOT_SHOWN
        try:
            queries = await self._open()
            document = await queries.query(_build_query(entity, revision))
        except WikistateError as error:
            # Without an answer the revision counts as missing, as EntityData states it.
            self._paused_until = self._clock() + _PAUSE
            log.warning("revision_lookup_failed", reason=error.message)
            return RevisionState.NOT_SHOWN
        return _read_result(document, entity, revision)

    async def _open(self) -> PageQueries:
        async with self._connecting:
            if self._queries is None:
                self._queries = await self._connect()
            return self._queries

    async def close(self) -> None:
        """Release the client. May be called twice."""
        if self._queries is not None:
            await self._queries.close()
            self._queries = None


def _build_query(entity: str, revision: int) -> dict[str, str]:
    is_media = entity.startswith("M")
    # The main slot of a file is its description, which may be long, and no redirect between entities.
    properties = (
        {"rvprop": "ids|timestamp|roles"} if is_media else {"rvprop": "ids|timestamp|content", "rvslots": "main"}
    )
    return {"prop": "revisions", "revids": str(revision), **properties}


def _read_result(document: Mapping[str, Any], entity: str, revision: int) -> LookupResult:
    match document:
        case {"query": {"pages": [{"revisions": [{"revid": shown, "timestamp": str(modified)} as found]}]}} if (
            shown == revision
        ):
            return _read_revision(found, entity, modified)
        case _:
            return RevisionState.NOT_SHOWN


def _read_revision(found: Json, entity: str, modified: str) -> LookupResult:
    if entity.startswith("M"):
        roles = found.get("roles")
        return RevisionState.SHOWN if isinstance(roles, list) and _MEDIAINFO in roles else RevisionState.NOT_SHOWN
    content = _read_content(found)
    if content is None:
        return RevisionState.NOT_SHOWN
    match content:
        case {"entity": str(source), "redirect": str(target)} if source == entity and _is_entity_id(target):
            return RedirectRevision(target, modified)
        case _:
            return RevisionState.SHOWN


def _read_content(found: Json) -> Any:
    """Return the JSON of the main slot; None if it is hidden or not JSON."""
    match found:
        case {"slots": {"main": {"content": str(text)}}} | {"content": str(text)}:
            try:
                return orjson.loads(text)
            except orjson.JSONDecodeError:
                return None
        case _:
            return None


def _is_entity_id(text: str) -> bool:
    try:
        parse_page_entity(text)
    except InputError:
        return False
    return True
