"""The wiki behind a source of recent changes: the port through which it is asked, and its answers put in order."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from wikistate.adapters.connectors.recent_changes import queries
from wikistate.core.events.page_change import WikiMetadata
from wikistate.core.events.timestamps import parse_timestamp
from wikistate.errors import SourceError, WikiError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator

    from wikistate.adapters.connectors.connector import WikiQueries
    from wikistate.adapters.connectors.recent_changes.queries import Parameters

Json = dict[str, Any]


class RevisionWithPage(NamedTuple):
    """A revision and its page, as ``prop=revisions|info`` describes both."""

    page: Json
    revision: Json


class ListPart(NamedTuple):
    """One part of a list, and the wiki's clock in milliseconds since the epoch."""

    rows: list[Json]
    is_last: bool
    now: int


class RecentChangesWiki:
    """What a source wants to know of its wiki.

    Args:
        queries: Asks it.
        api: URL of its Action API, for messages.
    """

    def __init__(self, queries: WikiQueries, api: str) -> None:
        self._queries = queries
        self._api = api
        self._sees_deleted = True

    async def open(self, domain: str) -> tuple[WikiMetadata, int]:
        """Ask who it is. Returns that, and its clock.

        Args:
            domain: What events are to call it; empty for its own word.

        Raises:
            SourceError: It does not answer as a wiki.
        """
        await self._queries.open()
        document = await self._query(queries.site_info(), tries=1)
        try:
            general, namespaces = document["query"]["general"], document["query"]["namespaces"].values()
            facts = WikiMetadata(
                wiki_id=general["wikiid"],
                domain=domain or general["servername"],
                article_url_template=_absolute_url(general["server"]) + general["articlepath"],
                content_namespaces=frozenset(each["id"] for each in namespaces if each.get("content")),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise self._source_error(f"it says nothing of itself ({error!r})") from error
        return facts, get_clock(document)

    async def recent_changes(self, start: int, end: int | None) -> AsyncIterator[ListPart]:
        """Its recent changes from one time to another, part by part."""
        parameters, more = queries.recent_changes(start, end), True
        while more:
            document = await self._query(parameters)
            more = "continue" in document
            parameters = parameters | document.get("continue", {})
            yield ListPart(document.get("query", {}).get("recentchanges", []), not more, get_clock(document))

    async def log_entries(self, start: int, end: int | None) -> list[Json]:
        """Its log entries from one time to another."""
        rows: list[Json] = []
        async for document in self._query_all(queries.log_entries(start, end)):
            rows += document.get("query", {}).get("logevents", [])
        return rows

    async def revisions(self, rev_ids: Iterable[int]) -> dict[int, RevisionWithPage]:
        """Those revisions that are still there, by their ids."""
        found: dict[int, RevisionWithPage] = {}
        for batch in _split_batches(sorted(set(rev_ids))):
            async for document in self._query_all(queries.revisions(batch)):
                found |= {pair.revision["revid"]: pair for pair in _revisions_with_pages(document)}
        return found

    async def pages(self, titles: Iterable[str]) -> dict[str, RevisionWithPage]:
        """Those pages that are there now, with their current revisions, by their titles."""
        found: dict[str, RevisionWithPage] = {}
        for batch in _split_batches(sorted(set(titles))):
            async for document in self._query_all(queries.pages(batch)):
                found |= {pair.page["title"]: pair for pair in _revisions_with_pages(document)}
        return found

    async def first_revision(self, title: str) -> RevisionWithPage | None:
        """The oldest revision of a page, None when there is no such page."""
        return next(_revisions_with_pages(await self._query(queries.first_revision(title))), None)

    async def deleted_revision(self, title: str) -> Json | None:
        """The newest revision of a deleted page, None where we may not see it."""
        if not self._sees_deleted:
            return None
        try:
            document = await self._queries.query(queries.deleted_revision(title))
        except WikiError:  # a matter of rights, which does not change: asking again only costs
            self._sees_deleted = False
            return None
        pages = document.get("query", {}).get("pages", [])
        revisions = [revision for page in pages for revision in page.get("deletedrevisions", [])]
        return revisions[0] if revisions else None

    async def close(self) -> None:
        """Let go of it."""
        await self._queries.close()

    async def _query_all(self, parameters: Parameters) -> AsyncIterator[Json]:
        more: Parameters | None = {}
        while more is not None:
            document = await self._query(parameters | more)
            more = document.get("continue")
            yield document

    async def _query(self, parameters: Parameters, *, tries: int | None = None) -> Json:
        try:
            return await self._queries.query(parameters, tries=tries)
        except WikiError as error:
            raise self._source_error(error.message.removesuffix(".")) from error

    def _source_error(self, why: str) -> SourceError:
        return SourceError(
            f"The recent changes of {self._api} cannot be read: {why}.",
            hint="The URL must be that of the wiki's Action API, ending in api.php; a wiki that may not be read by "
            "everybody needs credentials, under wikis.DOMAIN.",
            api=self._api,
        )


def get_clock(document: Json) -> int:
    """The wiki's own time in an answer, in milliseconds since the epoch; 0 where it does not say."""
    return parse_timestamp(str(document.get("curtimestamp"))) or 0


def _revisions_with_pages(document: Json) -> Iterator[RevisionWithPage]:
    for page in document.get("query", {}).get("pages", []):
        for revision in page.get("revisions", []):
            yield RevisionWithPage(page, revision)


def _split_batches(values: list[Any]) -> Iterator[list[Any]]:
    remaining = iter(values)
    while batch := list(islice(remaining, queries.MAX_TITLES)):
        yield batch


def _absolute_url(server: str) -> str:
    # A wiki that is served over http and https alike states its server without a scheme.
    return f"https:{server}" if server.startswith("//") else server
