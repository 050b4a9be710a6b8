"""Current revision of an entity on the wiki."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from wikistate.core.events.fields import quote_value
from wikistate.core.events.integers import is_integer
from wikistate.core.events.timestamps import parse_timestamp
from wikistate.core.updater.entity_id import parse_page_entity
from wikistate.errors import WikiError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wikistate.adapters.mediawiki.wikibase_site import WikibaseSite

LETTERS_BY_CONTENT_MODEL = {"wikibase-item": "Q", "wikibase-property": "P", "wikibase-lexeme": "L"}
"""First letter of the entity ids, by content model of the page."""


class PageQueries(Protocol):
    """Client of the Action API, ``action=query``, that waits during an outage of the wiki."""

    async def open(self) -> None:
        """Prepare for queries."""

    async def query(self, parameters: Mapping[str, str]) -> Mapping[str, Any]:
        """Return the document of the response. Raises `WikiError` when the wiki refuses."""

    async def close(self) -> None:
        """Release the client. May be called when `open` failed, and twice."""


class CurrentRevisions(Protocol):
    """Current revisions of entities.

    Protocol: `open` once, then `current_revision` from any task, `close` once.
    """

    async def open(self) -> None:
        """Open the client."""

    async def close(self) -> None:
        """Release the client. May be called when `open` failed, and twice."""

    async def current_revision(self, entity: str) -> int | None:
        """Return the current revision of an entity; None if the wiki has no such page. Wait during an outage of the wiki."""


class PageInfoClient:
    """See `CurrentRevisions`: query of the Action API with ``prop=info``.

    Args:
        queries: Client of the wiki; opened and closed by this client.
        site: Description of the wiki.
    """

    def __init__(self, queries: PageQueries, site: WikibaseSite) -> None:
        self._queries = queries
        self._prefixes = {
            LETTERS_BY_CONTENT_MODEL[model]: site.prefix_of(number) for number, model in site.models.items()
        }

    async def open(self) -> None:
        """See `CurrentRevisions`."""
        await self._queries.open()

    async def close(self) -> None:
        """See `CurrentRevisions`."""
        await self._queries.close()

    async def current_revision(self, entity: str) -> int | None:
        """See `CurrentRevisions`.

        Raises:
            WikiError: The wiki refuses the query, or its answer has another form.
        """
        document = await self._query_info(entity)
        try:
            (page,) = document["query"]["pages"]
            return None if page.get("missing") else _require_integer(page["lastrevid"])
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            # This must not mean "there is no such page", which would delete the entity from the store.
            raise WikiError(f"The wiki does not say whether {entity} exists: {quote_value(document, 200)}.") from error

    async def last_touched(self, entity: str) -> int | None:
        """Return the time at which an entity's page last changed, milliseconds since the epoch.

        It is the time of the newest revision, or later. None if the wiki has no such page or does not say. Raises as
        `current_revision`.
        """
        match await self._query_info(entity):
            case {"query": {"pages": [{"touched": str(stated)}]}}:
                return parse_timestamp(stated)
            case _:
                return None

    async def created_at(self, entity: str) -> int | None:
        """Return the time of the first revision of an entity's page, or of its last restoration if that is later.

        Milliseconds since the epoch; None if the wiki has no such page or does not say. Raises as `current_revision`.
        """
        wanted = {"prop": "revisions", "rvprop": "timestamp", "rvdir": "newer", "rvlimit": "1"}
        match await self._queries.query({**wanted, **self._page_parameters(entity)}):
            case {"query": {"pages": [{"revisions": [{"timestamp": str(stated)}]}]}}:
                times = (parse_timestamp(stated), await self._last_logged(entity, "delete/restore"))
                return max((time for time in times if time is not None), default=None)
            case _:
                return None

    async def deleted_at(self, entity: str) -> int | None:
        """Return the time of the last deletion of an entity's page, milliseconds since the epoch.

        None if the wiki does not show it: the deletion of a file, whose title is unknown, or a suppressed one. Raises as
        `current_revision`.
        """
        return await self._last_logged(entity, "delete/delete")

    async def _last_logged(self, entity: str, action: str) -> int | None:
        title = self._page_parameters(entity).get("titles")
        if title is None:
            return None
        wanted = {"list": "logevents", "leprop": "timestamp|type|title", "lelimit": "1"}
        match await self._queries.query({**wanted, "leaction": action, "letitle": title}):
            case {"query": {"logevents": [{"timestamp": str(stated)}, *_]}}:
                return parse_timestamp(stated)
            case _:
                return None

    async def _query_info(self, entity: str) -> Mapping[str, Any]:
        return await self._queries.query({"prop": "info", **self._page_parameters(entity)})

    def _page_parameters(self, entity: str) -> Mapping[str, str]:
        letter, number, _ = parse_page_entity(entity)
        if letter in self._prefixes:
            return {"titles": f"{self._prefixes[letter]}{entity}"}
        return {"pageids": str(number)}  # media info


def _require_integer(found: object) -> int:
    if not is_integer(found):
        raise ValueError(f"{quote_value(found, 40)} is not a revision")
    return found
