"""The wiki behind a source of recent changes: its queries and the parsed responses."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from wikistate.adapters.connectors.recent_changes import queries
from wikistate.core.enrichment.failures import READ_DENIED, FailureKind
from wikistate.core.events.integers import MAX_INTEGER, is_integer
from wikistate.core.events.page_change import WikiMetadata
from wikistate.core.events.timestamps import parse_timestamp
from wikistate.errors import SourceError, WikiError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator

    from wikistate.adapters.connectors.connector import WikiQueries
    from wikistate.adapters.connectors.recent_changes.queries import Parameters
    from wikistate.core.events.wiki_changes import WikiChange

Json = dict[str, Any]

_SMALLEST_NAMESPACE = -2  # of links to the file itself; -1 is that of special pages
_NUMBERS = {
    **dict.fromkeys(("rcid", "revid", "old_revid", "pageid", "logid", "logpage", "parentid", "lastrevid"), 0),
    **dict.fromkeys(("oldlen", "newlen", "size", "userid"), 0),
    **dict.fromkeys(("ns", "id"), _SMALLEST_NAMESPACE),
}
"""The numbers in rows, pages, revisions and namespaces, with the smallest value of each."""


class RevisionWithPage(NamedTuple):
    """A revision and its page, as ``prop=revisions|info`` describes both."""

    page: Json
    revision: Json


class ListPart(NamedTuple):
    """One part of a list, and the time of the wiki in milliseconds since the epoch."""

    rows: list[Json]
    is_last: bool
    now: int


class PagesPart(NamedTuple):
    """One part of the list of all pages of a namespace.

    Attributes:
        pages: The pages with their current revisions.
        resume: The parameters of the next part; None at the end.
        now: The time of the wiki in milliseconds since the epoch.
    """

    pages: list[RevisionWithPage]
    resume: Json | None
    now: int


class RecentChangesWiki:
    """The data of a wiki that a source needs.

    Args:
        queries: The client of its Action API.
        api: The URL of its Action API, for messages.

    Attributes:
        namespaces: The numbers of the namespaces with pages, ascending; empty before `open`.
    """

    def __init__(self, queries: WikiQueries, api: str) -> None:
        self._queries = queries
        self._api = api
        self._sees_deleted = True
        self.namespaces: list[int] = []

    async def open(
        self, domain: str, *, wiki_id: str = "", other_wiki_ids: frozenset[str] = frozenset()
    ) -> tuple[WikiMetadata, int]:
        """Return the metadata of the wiki and its time.

        Args:
            domain: The domain of the wiki in events; empty for the domain that the wiki states.
            wiki_id: The name of its database in events; empty for the name that the wiki states.
            other_wiki_ids: The names that it must not state.

        Raises:
            SourceError: The response is not that of a wiki.
        """
        await self._queries.open()
        document = await self._query(queries.site_info(), tries=1)
        try:
            general, namespaces = document["query"]["general"], list(document["query"]["namespaces"].values())
            self._check_numbers(namespaces)
            self.namespaces = sorted(each["id"] for each in namespaces if each["id"] >= 0)
            facts = WikiMetadata(
                wiki_id=wiki_id or general["wikiid"],
                domain=domain or general["servername"],
                article_url_template=_absolute_url(general["server"]) + general["articlepath"],
                content_namespaces=frozenset(each["id"] for each in namespaces if each.get("content")),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise self._source_error(f"its siteinfo is incomplete ({error!r})") from error
        if facts.wiki_id in other_wiki_ids:
            raise self._source_error(
                f"it states the database name {facts.wiki_id!r:.200}, which the settings give to another wiki",
                hint="List the wiki under wikis with a wiki_id of its own.",
            )
        return facts, get_clock(document)

    async def recent_changes(self, start: int, end: int | None) -> AsyncIterator[ListPart]:
        """Yield the parts of the recent changes between two times."""
        parameters, more = queries.recent_changes(start, end), True
        while more:
            document = await self._query(parameters)
            more = "continue" in document
            parameters = parameters | document.get("continue", {})
            rows = document.get("query", {}).get("recentchanges", [])
            self._check_numbers(rows)
            yield ListPart(rows, not more, get_clock(document))

    async def log_entries(self, start: int, end: int | None) -> list[Json]:
        """Return the log entries between two times."""
        rows: list[Json] = []
        async for document in self._query_all(queries.log_entries(start, end)):
            rows += document.get("query", {}).get("logevents", [])
        self._check_numbers(rows)
        return rows

    async def revisions(self, rev_ids: Iterable[int]) -> dict[int, RevisionWithPage]:
        """Return the revisions that still exist, by their ids."""
        found: dict[int, RevisionWithPage] = {}
        for batch in _split_batches(sorted(set(rev_ids))):
            async for document in self._query_all(queries.revisions(batch)):
                found |= {pair.revision["revid"]: pair for pair in self._revisions_with_pages(document)}
        return found

    async def pages(self, titles: Iterable[str]) -> dict[str, RevisionWithPage]:
        """Return the pages that exist, with their current revisions, by their titles."""
        found: dict[str, RevisionWithPage] = {}
        for batch in _split_batches(sorted(set(titles))):
            async for document in self._query_all(queries.pages(batch)):
                found |= {pair.page["title"]: pair for pair in self._revisions_with_pages(document)}
        return found

    async def first_revision(self, title: str) -> RevisionWithPage | None:
        """Return the oldest revision of a page, None if the page does not exist."""
        return next(self._revisions_with_pages(await self._query(queries.first_revision(title))), None)

    async def revision_at(self, title: str, moment: int) -> RevisionWithPage | None:
        """Return the newest revision of a page at a time, None if the page does not exist or is younger.

        Args:
            title: The title of the page.
            moment: Milliseconds since the epoch.
        """
        return next(self._revisions_with_pages(await self._query(queries.revision_at(title, moment))), None)

    async def deleted_revision(self, change: WikiChange) -> Json | None:
        """Return the last revision of a page that a change has deleted; None if the wiki does not state it.

        It does not without the right to see deleted revisions, and if the page was restored since.

        Raises:
            SourceError: The wiki does not answer, or answers oddly.
        """
        if not self._sees_deleted:
            return None
        try:
            document = await self._queries.query(queries.deleted_revision(change.title, change.timestamp))
        except WikiError as error:
            refused = FailureKind.API_ERROR.value
            if error.ids.get("failure", refused) != refused or READ_DENIED in error.message:
                raise self._source_error(error.message.removesuffix("."), hint=error.hint) from error
            self._sees_deleted = False  # missing rights do not change, so the request is not repeated
            return None
        for page in document.get("query", {}).get("pages", []):
            # A page with the same id was restored. The revisions that are deleted now may be those of another page.
            if page.get("pageid", 0) != change.page_id or not change.page_id:
                shown = page.get("deletedrevisions", [])
                self._check_numbers(shown)
                return next(iter(shown), None)
        return None

    async def list_pages(self, namespace: int, resume: Json | None) -> PagesPart:
        """Return the next part of the list of all pages of a namespace.

        Args:
            namespace: The number of the namespace.
            resume: `PagesPart.resume` of the part before; None for the beginning.
        """
        document = await self._query(queries.all_pages(namespace) | (resume or {}))
        following = document.get("continue")
        if following is not None and following == resume:
            raise self._source_error(f"the list of its pages does not advance at {following!r:.200}")
        return PagesPart(list(self._revisions_with_pages(document)), following, get_clock(document))

    async def close(self) -> None:
        """Close the client."""
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
            raise self._source_error(error.message.removesuffix("."), hint=error.hint) from error

    def _revisions_with_pages(self, document: Json) -> Iterator[RevisionWithPage]:
        pages = document.get("query", {}).get("pages", [])
        self._check_numbers(pages)
        for page in pages:
            revisions = page.get("revisions", [])
            self._check_numbers(revisions)
            for revision in revisions:
                yield RevisionWithPage(page, revision)

    def _check_numbers(self, rows: Iterable[Json]) -> None:
        """Raise `SourceError` if a number in these rows is out of bounds; a field may be missing."""
        for row in rows:
            for name in row.keys() & _NUMBERS:
                value = row[name]
                if value is not None and not is_integer(value, minimum=_NUMBERS[name]):
                    raise self._source_error(
                        f"it answers {name}={value!r:.60}, which is not a number from {_NUMBERS[name]} to {MAX_INTEGER}",
                        hint="Check that no proxy changes the answers of the wiki's api.php.",
                    )

    def _source_error(self, why: str, *, hint: str = "") -> SourceError:
        return SourceError(
            f"The recent changes of {self._api} cannot be read: {why}.",
            hint=hint
            or "The URL must be that of the wiki's Action API, ending in api.php; a private wiki needs "
            "credentials, under wikis.DOMAIN.",
            api=self._api,
        )


def get_clock(document: Json) -> int:
    """Return the time of the wiki in a response, in milliseconds since the epoch; 0 if it states none."""
    return parse_timestamp(str(document.get("curtimestamp"))) or 0


def _split_batches(values: list[Any]) -> Iterator[list[Any]]:
    remaining = iter(values)
    while batch := list(islice(remaining, queries.MAX_TITLES)):
        yield batch


def _absolute_url(server: str) -> str:
    # A wiki with both http and https states its server without a scheme.
    return f"https:{server}" if server.startswith("//") else server
