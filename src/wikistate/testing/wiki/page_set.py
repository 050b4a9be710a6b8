"""Page set: the pages and revisions of a query (MediaWiki Action API documentation, "API:Query")."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from wikistate.testing.wiki.responses import ApiUsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wikistate.demo.pages import Page, RedirectLink, Wiki
    from wikistate.testing.wiki.datasets import Dataset

SOURCES = ("revids", "titles", "pageids")


@dataclass(slots=True)
class PageSet:
    """Page set of a query.

    Attributes:
        pages: Pages that exist, by id.
        revisions: Ids of the revisions that exist, ascending: the requested ones, or the current one of each page.
        bad_revisions: Ids of requested revisions that do not exist.
        missing: Entries of pages that do not exist, by page id; titles have negative numbers.
        normalized: Requested titles with their normalised forms.
        redirects: Resolved redirects with their targets, one entry for each step.
        interwiki: Targets of redirects on other wikis.
        by_revision: Whether the query names revisions.
    """

    pages: dict[int, Page] = field(default_factory=dict)
    revisions: list[int] = field(default_factory=list)
    bad_revisions: list[int] = field(default_factory=list)
    missing: dict[int, dict[str, Any]] = field(default_factory=dict)
    normalized: list[dict[str, Any]] = field(default_factory=list)
    redirects: list[dict[str, Any]] = field(default_factory=list)
    interwiki: list[dict[str, Any]] = field(default_factory=list)
    by_revision: bool = False


def resolve_page_set(
    dataset: Dataset, wiki: Wiki, params: Mapping[str, str], *, find_page: Callable[[int], Page | None], limit: int
) -> PageSet:
    """Return the page set of a query.

    Args:
        dataset: Data of the wikis.
        wiki: The requested wiki.
        params: Parameters of the request.
        find_page: Function that returns the page of a revision; None if the revision is not visible.
        limit: Maximum number of values of a parameter.

    Raises:
        ApiUsageError: The parameters contradict each other or have invalid values.
    """
    given = [name for name in SOURCES if name in params]
    if len(given) > 1:
        raise ApiUsageError("multisource", f'The "{given[0]}" parameter cannot be used with "{given[1]}".')
    match given:
        case ["revids"]:
            return _resolve_revisions(parse_integers(params, "revids", limit), find_page)
        case ["titles"]:
            return _resolve_titles(dataset, wiki, parse_values(params, "titles", limit), follow="redirects" in params)
        case ["pageids"]:
            return _resolve_page_ids(
                dataset, wiki, parse_integers(params, "pageids", limit), follow="redirects" in params
            )
        case _:
            return PageSet()


def parse_values(params: Mapping[str, str], name: str, limit: int) -> list[str]:
    """Return the values of a parameter with several values, without duplicates.

    Raises:
        ApiUsageError: There are more than `limit` values.
    """
    text = params.get(name, "")
    found = text[1:].split("\x1f") if text.startswith("\x1f") else text.split("|")
    found = [value.strip() for value in found if value.strip()]
    if len(found) > limit:
        raise ApiUsageError(
            "toomanyvalues",
            f'Too many values supplied for parameter "{name}". The limit is {limit}.',
            more={"limit": limit, "lowlimit": 50, "highlimit": 500},
        )
    return list(dict.fromkeys(found))


def parse_integers(params: Mapping[str, str], name: str, limit: int) -> list[int]:
    """Return the values of a parameter as numbers, see `parse_values`."""
    found = parse_values(params, name, limit)
    try:
        return [int(value) for value in found]
    except ValueError:
        wrong = next(value for value in found if not value.lstrip("+-").isdecimal())
        raise ApiUsageError("badinteger", f'Invalid value "{wrong}" for integer parameter "{name}".') from None


def _resolve_revisions(asked: list[int], exists: Callable[[int], Page | None]) -> PageSet:
    found = PageSet(by_revision=True)
    for rev_id in sorted(asked):
        if (page := exists(rev_id)) is None:
            found.bad_revisions.append(rev_id)
        else:
            found.revisions.append(rev_id)
            found.pages[page.page_id] = page
    return found


def _resolve_page_ids(dataset: Dataset, wiki: Wiki, asked: list[int], *, follow: bool) -> PageSet:
    found = PageSet()
    pages: list[Page] = []
    for page_id in sorted(asked):
        if (page := dataset.find_page(wiki, page_id=page_id)) is None:
            found.missing[page_id] = {"pageid": page_id, "missing": True}
        else:
            pages.append(page)
    _add_pages(found, dataset, wiki, pages, follow=follow)
    return found


def _resolve_titles(dataset: Dataset, wiki: Wiki, asked: list[str], *, follow: bool) -> PageSet:
    found = PageSet()
    pages: list[Page] = []
    for written in asked:
        title = written.replace("_", " ")
        if title != written:
            found.normalized.append({"fromencoded": False, "from": written, "to": title})
        if (page := dataset.find_page(wiki, title=title)) is None:
            _add_missing(found, wiki, title)
        else:
            pages.append(page)
    _add_pages(found, dataset, wiki, pages, follow=follow)
    return found


def _add_pages(found: PageSet, dataset: Dataset, wiki: Wiki, pages: list[Page], *, follow: bool) -> None:
    """Add these pages or the targets of their redirects: first all first steps, then all second ones, and so on."""
    passed: set[str] = set()
    while pages:
        ahead: list[Page] = []
        for page in pages:
            if not follow or page.redirect is None:
                _add_page(found, page, dataset.latest_revision(wiki, page))
            elif page.title not in passed:
                passed.add(page.title)
                ahead += _follow_redirect(found, dataset, wiki, page.title, page.redirect)
        pages = ahead


def _follow_redirect(found: PageSet, dataset: Dataset, wiki: Wiki, title: str, link: RedirectLink) -> list[Page]:
    """Record one step of a redirect and return its target page if that exists in this wiki."""
    target = f"{link.interwiki}:{link.title}" if link.interwiki else link.title
    step = {"from": title, "to": target, "tofragment": link.fragment, "tointerwiki": link.interwiki}
    found.redirects.append({name: value for name, value in step.items() if value is not None})
    if link.interwiki:
        entry = {"title": target, "iw": link.interwiki}
        found.interwiki += [entry] if entry not in found.interwiki else []
        return []
    if (page := dataset.find_page(wiki, title=target)) is not None:
        return [page]
    if link.namespace < 0:
        found.missing[-1 - len(found.missing)] = {"ns": link.namespace, "title": target, "special": True}
    else:
        _add_missing(found, wiki, target)
    return []


def _add_missing(found: PageSet, wiki: Wiki, title: str) -> None:
    if all(entry.get("title") != title for entry in found.missing.values()):
        found.missing[-1 - len(found.missing)] = {"ns": _find_namespace(wiki, title), "title": title, "missing": True}


def _add_page(found: PageSet, page: Page, latest: int) -> None:
    found.pages[page.page_id] = page
    if latest not in found.revisions:
        found.revisions.append(latest)
        found.revisions.sort()


def _find_namespace(wiki: Wiki, title: str) -> int:
    prefix = title.partition(":")[0] if ":" in title else ""
    return next((number for number, name in wiki.namespaces.items() if name == prefix), 0)
