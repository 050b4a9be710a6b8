"""What the wiki has of one entity right now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from wikistate.core.events.timestamps import parse_timestamp
from wikistate.core.updater.entity_id import parse_page_entity
from wikistate.errors import WikiError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wikistate.adapters.mediawiki.wikibase_site import WikibaseSite

LETTERS_BY_CONTENT_MODEL = {"wikibase-item": "Q", "wikibase-property": "P", "wikibase-lexeme": "L"}
"""Which ids the pages of a content model have."""


class PageQueries(Protocol):
    """A client of the Action API, ``action=query``, that waits while the wiki is down."""

    async def open(self) -> None:
        """Prepare for queries."""

    async def query(self, parameters: Mapping[str, str]) -> Mapping[str, Any]:
        """Return the document of the response. Raises `WikiError` when the wiki refuses."""

    async def close(self) -> None:
        """Release the client. May be called when `open` failed, and twice."""


class CurrentRevisions(Protocol):
    """Knows the current revisions of entities. `open` once, then `current_revision` from any task, `close` once."""

    async def open(self) -> None:
        """Get ready."""

    async def close(self) -> None:
        """Let go. May be called when `open` failed, and twice."""

    async def current_revision(self, entity: str) -> int | None:
        """The current revision of an entity; None where the wiki has no such page. Waits for a wiki that is down."""


class PageInfoClient:
    """See `CurrentRevisions`: asks the Action API, ``prop=info``.

    Args:
        queries: Asks the wiki; opened and closed by this.
        site: The wiki.
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
            WikiError: The wiki refuses, or answers something else.
        """
        document = await self._query_info(entity)
        try:
            (page,) = document["query"]["pages"]
            return None if page.get("missing") else int(page["lastrevid"])
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            # Not taken for "there is no such page": it would be deleted from the store.
            raise WikiError(f"The wiki does not say whether {entity} exists: {document!r:.200}.") from error

    async def last_touched(self, entity: str) -> int | None:
        """When an entity's page last became another, milliseconds since the epoch: with its newest revision, or later.

        None where the wiki has no such page, or does not say. Raises as `of`.
        """
        match await self._query_info(entity):
            case {"query": {"pages": [{"touched": str(stated)}]}}:
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
