"""Queries of the Action API about redirects. Pure.

A revision comes with its page (``prop=info``), which states whether it is a redirect now, but not its target. A second
query resolves redirects; it works with page ids and not with revision ids. Its answer for many pages names the steps by
title, in any order, and describes only the final pages: pages in between need a third query, by title.

Sources: MediaWiki Action API documentation (API:Query, "Resolving redirects"; API:Info; API:Continue).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from wikistate.adapters.mediawiki.action_api import (
    ParsedResponse,
    build_revisions_query,
    encode,
    get_continuation,
    get_objects,
    get_query_object,
    get_warnings,
    missing_revision_failure,
    parse_revisions,
)
from wikistate.core.enrichment.content import Content, read_revision
from wikistate.core.enrichment.failures import Failure, FailureKind
from wikistate.core.enrichment.page_state import PageState, RedirectTarget

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from wikistate.adapters.mediawiki.action_api import Json
    from wikistate.adapters.mediawiki.batch_query import ResponseParser

_INFO = encode({"action": "query", "format": "json", "formatversion": "2", "prop": "info"})


class PageName(NamedTuple):
    """Id of a page and its title (prefixed, text form) at the time of the answer."""

    page_id: int
    title: str


class RevisionWithPage(NamedTuple):
    """Content of a revision, and the current state of its page."""

    content: Content
    page: PageName
    is_redirect: bool


class RevisionsWithPagesQuery:
    """Query of revisions by their ids, with their pages. The results are `RevisionWithPage`."""

    max_subjects = None

    def build_query(self, subjects: Collection[int], extra: Mapping[str, str]) -> str:
        """See `BatchQuery`."""
        return build_revisions_query(subjects, extra, prop="revisions|info")

    def new_parser(self) -> ResponseParser:
        """See `BatchQuery`."""
        return _RevisionParser()

    def missing_failure(self, subject: int, place: str) -> Failure:
        """See `BatchQuery`."""
        return missing_revision_failure(subject, place)


class _RevisionParser:
    """Parser that keeps the pages: the first answer describes all of them, and continuations only add revisions."""

    def __init__(self) -> None:
        self._pages: dict[int, tuple[PageName, bool]] = {}

    def __call__(self, document: Json, requested: Collection[int], /, *, place: str) -> ParsedResponse | Failure:
        query = get_query_object(document, place=place)
        for page in get_objects(query, "pages") if isinstance(query, dict) else ():
            # A revision has one page, so that pages beyond this number belong to other revisions.
            if len(self._pages) < len(requested) and "lastrevid" in page and (name := _page_name(page)):
                self._pages[name.page_id] = name, page.get("redirect") is True
        return parse_revisions(document, requested, place=place, read=self._read)

    def _read(self, page: Json, revision: Json) -> RevisionWithPage | Failure:
        page_id = page.get("pageid")
        known = self._pages.get(page_id) if type(page_id) is int else None
        if known is None:
            return Failure(FailureKind.UNPARSABLE, "The wiki's answer does not describe the page of the revision")
        content = read_revision(revision)
        return content if isinstance(content, Failure) else RevisionWithPage(content, *known)


class RedirectsQuery:
    """Query of the targets of redirects by `PageName`, one step each. The results are `PageState`.

    The target of a redirect to a redirect has no namespace and no page id yet: `RedirectTargetsQuery` adds them.
    """

    max_subjects = None

    def build_query(self, subjects: Collection[PageName], extra: Mapping[str, str]) -> str:
        """See `BatchQuery`."""
        page_ids = "%7C".join(str(subject.page_id) for subject in subjects)
        return _build_query(f"pageids={page_ids}&redirects=1", extra)

    def new_parser(self) -> ResponseParser:
        """See `BatchQuery`."""
        return read_redirects

    def missing_failure(self, subject: PageName, place: str) -> Failure:
        """See `BatchQuery`."""
        return Failure(
            FailureKind.UNPARSABLE, f"{place} does not name the redirect target of the page {subject.page_id}"
        )


class RedirectTargetsQuery:
    """Query of redirect targets by their titles (prefixed, text form). The results are `RedirectTarget`."""

    max_subjects = None

    def build_query(self, subjects: Collection[str], extra: Mapping[str, str]) -> str:
        """See `BatchQuery`."""
        return _build_query(encode({"titles": "|".join(subjects)}), extra)

    def new_parser(self) -> ResponseParser:
        """See `BatchQuery`."""
        return read_targets

    def missing_failure(self, subject: str, place: str) -> Failure:
        """See `BatchQuery`."""
        return Failure(FailureKind.UNPARSABLE, f"{place} does not mention the page {subject!r:.260}")


REVISIONS_WITH_PAGES, REDIRECTS, REDIRECT_TARGETS = RevisionsWithPagesQuery(), RedirectsQuery(), RedirectTargetsQuery()


def read_redirects(document: Json, requested: Collection[PageName], /, *, place: str) -> ParsedResponse | Failure:
    """Return the redirect states of pages.

    The answer names steps by title. A page that was renamed after its title was read has no result, and the caller requests
    it again alone: then the first step is its own.
    """
    query = get_query_object(document, place=place) if document.get("query") or len(requested) > 1 else {}
    if isinstance(query, Failure):
        return query
    steps = {step["from"]: step for step in get_objects(query, "redirects") if _is_step(step)}
    pages = list(get_objects(query, "pages"))
    first = next(iter(steps.values()), None)
    titles, ids = (
        _index_by_title(pages),
        {page_id: page for page in pages if type(page_id := page.get("pageid")) is int},
    )
    results: dict[PageName, PageState | Failure] = {}
    for subject in requested:
        if step := first if len(requested) == 1 else steps.get(subject.title):
            results[subject] = PageState(is_redirect=True, target=_redirect_target(step, titles))
        elif page := ids.get(subject.page_id):
            results[subject] = (
                _missing_page_failure(subject, place) if page.get("missing") else PageState(is_redirect=False)
            )
        elif len(requested) == 1:
            results[subject] = PageState(is_redirect=True)
    return ParsedResponse(results, get_continuation(document), list(get_warnings(document)))


def read_targets(document: Json, requested: Collection[str], /, *, place: str) -> ParsedResponse | Failure:
    """Return the descriptions of the pages with these titles."""
    query = get_query_object(document, place=place)
    if isinstance(query, Failure):
        return query
    pages = _index_by_title(get_objects(query, "pages"))
    written = {entry["from"]: entry["to"] for entry in get_objects(query, "normalized") if _is_step(entry)}
    found = {title: pages.get(str(written.get(title, title))) for title in requested}
    results = {title: _page_state(title, page) for title, page in found.items() if page is not None}
    return ParsedResponse(results, get_continuation(document), list(get_warnings(document)))


def _build_query(subjects: str, extra: Mapping[str, str]) -> str:
    query = f"{_INFO}&{subjects}"
    return f"{query}&{encode(extra)}" if extra else query


def _page_name(page: Json) -> PageName | None:
    page_id, title = page.get("pageid"), page.get("title")
    return PageName(page_id, title) if type(page_id) is int and isinstance(title, str) else None


def _is_step(step: Json) -> bool:
    return all(isinstance(step.get(name), str) and step[name] for name in ("from", "to"))


def _index_by_title(pages: Iterable[Json]) -> dict[Any, Json]:
    return {title: page for page in pages if isinstance(title := page.get("title"), str)}


def _redirect_target(step: Json, pages: Mapping[Any, Json]) -> RedirectTarget:
    title, interwiki = step["to"], step.get("tointerwiki")
    if isinstance(interwiki, str) and interwiki:
        return RedirectTarget(title.removeprefix(f"{interwiki}:"), interwiki)
    page = pages.get(title)
    return RedirectTarget(title) if page is None else _page_state(title, page)


def _page_state(title: str, page: Json) -> RedirectTarget:
    """Return a page as ``prop=info`` describes it. Special pages and pages that do not exist have no id."""
    namespace, page_id = page.get("ns"), page.get("pageid")
    exists = type(page_id) is int and not page.get("missing")
    return RedirectTarget(
        title,
        namespace=namespace if type(namespace) is int else None,
        page_id=page_id if exists else None,
        is_redirect=page.get("redirect") is True if exists else None,
    )


def _missing_page_failure(subject: PageName, place: str) -> Failure:
    return Failure(FailureKind.BAD_REVISION, f"{place} does not know the page {subject.page_id}, or no longer shows it")
