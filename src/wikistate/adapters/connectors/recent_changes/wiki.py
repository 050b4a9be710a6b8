"""The wiki behind a source of recent changes: its queries and the parsed responses."""

from __future__ import annotations

from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from wikistate.adapters.connectors.recent_changes import queries
from wikistate.core.enrichment.failures import READ_DENIED, FailureKind
from wikistate.core.events.continuation import ListProgress
from wikistate.core.events.fields import FieldError, Fields, as_text
from wikistate.core.events.page_change import WikiMetadata
from wikistate.core.events.siteinfo import read_siteinfo
from wikistate.core.events.timestamps import parse_timestamp
from wikistate.core.events.wiki_pages import RevisionWithPage, read_pages, read_revisions
from wikistate.errors import SourceError, WikiError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator

    from wikistate.adapters.connectors.connector import WikiQueries
    from wikistate.adapters.connectors.recent_changes.queries import Parameters
    from wikistate.core.events.wiki_changes import WikiChange

Json = dict[str, Any]
_T = TypeVar("_T")

_LISTS = ("recentchanges", "logevents", "pages")

MAX_ROWS = 100_000
"""The most rows in the answers to one query that is not processed part by part, such as the log entries of a part."""


class ListPart(NamedTuple):
    """One part of a list, and the time of the wiki in milliseconds since the epoch."""

    rows: list[Any]
    is_last: bool
    now: int


class PagesPart(NamedTuple):
    """One part of the list of all pages of a namespace.

    Attributes:
        pages: The pages with their current revisions.
        unreadable: The reasons why further pages cannot be read.
        resume: The parameters of the next part; None at the end.
        now: The time of the wiki in milliseconds since the epoch.
    """

    pages: list[RevisionWithPage]
    unreadable: list[str]
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
        self._page_list = ListProgress()
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
            found, now = read_siteinfo(document), Fields(document).time("curtimestamp")
        except FieldError as error:
            raise self._source_error(f"its siteinfo is incomplete: {error.message}") from error
        self.namespaces = sorted(number for number in found.namespaces if number >= 0)
        facts = WikiMetadata(
            wiki_id=wiki_id or found.wiki_id,
            domain=domain or found.domain,
            article_url_template=_absolute_url(found.server) + found.article_path,
            content_namespaces=frozenset(number for number, each in found.namespaces.items() if each.is_content),
        )
        if facts.wiki_id in other_wiki_ids:
            raise self._source_error(
                f"it states the database name {facts.wiki_id!r:.200}, which the settings give to another wiki",
                hint="List the wiki under wikis with a wiki_id of its own.",
            )
        return facts, now

    async def recent_changes(self, start: int, end: int | None) -> AsyncIterator[ListPart]:
        """Yield the parts of the recent changes between two times."""
        async for document in self._query_all(queries.recent_changes(start, end), max_rows=None):
            is_last = self._continuation(document) is None
            yield ListPart(self._rows(document, "recentchanges"), is_last, get_clock(document))

    async def log_entries(self, start: int, end: int | None) -> list[Any]:
        """Return the log entries between two times."""
        rows: list[Any] = []
        async for document in self._query_all(queries.log_entries(start, end)):
            rows += self._rows(document, "logevents")
        return rows

    async def revisions(self, rev_ids: Iterable[int]) -> dict[int, RevisionWithPage]:
        """Return the revisions that still exist, by their ids."""
        found: dict[int, RevisionWithPage] = {}
        for batch in _split_batches(sorted(set(rev_ids))):
            async for document in self._query_all(queries.revisions(batch)):
                found |= {pair.revision["revid"]: pair for pair in _revisions_with_pages(document)}
        return found

    async def pages(self, titles: Iterable[str]) -> dict[str, RevisionWithPage]:
        """Return the pages that exist, with their current revisions, by their titles."""
        found: dict[str, RevisionWithPage] = {}
        for batch in _split_batches(sorted(set(titles))):
            async for document in self._query_all(queries.pages(batch)):
                found |= {pair.page["title"]: pair for pair in _revisions_with_pages(document)}
        return found

    async def first_revision(self, title: str) -> RevisionWithPage | None:
        """Return the oldest revision of a page, None if the page does not exist."""
        return next(_revisions_with_pages(await self._query(queries.first_revision(title))), None)

    async def revision_at(self, title: str, moment: int) -> RevisionWithPage | None:
        """Return the newest revision of a page at a time, None if the page does not exist or is younger.

        Args:
            title: The title of the page.
            moment: Milliseconds since the epoch.
        """
        return next(_revisions_with_pages(await self._query(queries.revision_at(title, moment))), None)

    async def deleted_revision(self, change: WikiChange) -> Json | None:
        """Return the last revision of a page that a change has deleted; None if the wiki does not state it.

        It does not without the right to see deleted revisions, and if the page was restored since.

        Raises:
            SourceError: The wiki does not answer, or answers oddly.
            FieldError: The revision lacks a field.
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
        for page in read_pages(document):
            # A page with the same id was restored. The revisions that are deleted now may be those of another page.
            if page.values.get("pageid", 0) != change.page_id or not change.page_id:
                found = next(read_revisions(page, "deletedrevisions"), None)
                return None if found is None else found.revision
        return None

    async def list_pages(self, namespace: int, resume: Json | None) -> PagesPart:
        """Return the next part of the list of all pages of a namespace.

        Args:
            namespace: The number of the namespace.
            resume: `PagesPart.resume` of the part before; None for the beginning.
        """
        document = await self._query(queries.all_pages(namespace) | (resume or {}))
        if resume is None:
            self._page_list = ListProgress()
        self._check_progress(self._page_list, document)
        following = self._continuation(document)
        part = PagesPart([], [], following, get_clock(document))
        for page in self._read(lambda: list(read_pages(document))):
            try:
                part.pages.extend(read_revisions(page))
            except FieldError as error:
                part.unreadable.append(error.message)
        return part

    async def close(self) -> None:
        """Close the client."""
        await self._queries.close()

    async def _query_all(self, parameters: Parameters, *, max_rows: int | None = MAX_ROWS) -> AsyncIterator[Json]:
        more: Parameters | None = {}
        progress = ListProgress(max_rows=max_rows)
        while more is not None:
            document = await self._query(parameters | more)
            self._check_progress(progress, document)
            more = self._continuation(document)
            yield document

    def _check_progress(self, progress: ListProgress, document: Json) -> None:
        """Raise `SourceError` if the wiki continues a list without an end."""
        found = self._read(lambda: Fields(document).get_fields("query"))
        rows = sum(len(self._read(partial(found.get_list, name))) for name in _LISTS)
        if reason := progress.check(document.get("continue"), rows):
            raise self._source_error(
                reason, hint="Check that no proxy caches the answers of the wiki's api.php to requests that are posted."
            )

    def _continuation(self, document: Json) -> Parameters | None:
        """Return the parameters for the rest of a list; None at its end."""
        if document.get("continue") is None:
            return None
        return {
            name: str(value)
            for name, value in self._read(lambda: Fields(document).fields("continue")).values.items()
            if isinstance(value, str | int)
        }

    def _rows(self, document: Json, name: str) -> list[Any]:
        return self._read(lambda: Fields(document).get_fields("query").get_list(name))

    def _read(self, read: Callable[[], _T]) -> _T:
        """Return what a reader finds in an answer. Raises `SourceError` for an answer of another form."""
        try:
            return read()
        except FieldError as error:
            raise self._source_error(
                error.message, hint="Check that no proxy changes the answers of the wiki's api.php."
            ) from error

    async def _query(self, parameters: Parameters, *, tries: int | None = None) -> Json:
        try:
            return await self._queries.query(parameters, tries=tries)
        except WikiError as error:
            raise self._source_error(error.message.removesuffix("."), hint=error.hint) from error

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
    return parse_timestamp(as_text(document.get("curtimestamp"))) or 0


def _revisions_with_pages(document: Json) -> Iterator[RevisionWithPage]:
    return (pair for page in read_pages(document) for pair in read_revisions(page))


def _split_batches(values: list[Any]) -> Iterator[list[Any]]:
    remaining = iter(values)
    while batch := list(islice(remaining, queries.MAX_TITLES)):
        yield batch


def _absolute_url(server: str) -> str:
    # A wiki with both http and https states its server without a scheme.
    return f"https:{server}" if server.startswith("//") else server
