"""Which pages and revisions a query is about (MediaWiki Action API documentation, "API:Query")."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from wikistate.testing.wiki.replies import ApiRefusal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wikistate.testing.pages import Page, Wiki
    from wikistate.testing.wiki.worlds import World

SOURCES = ("revids", "titles", "pageids")


@dataclass(slots=True)
class PageSet:
    """What the parameters point to.

    Attributes:
        pages: The pages that exist, by number.
        revisions: The revisions that exist, ascending: those asked for, or the current one of each page.
        bad: Numbers of revisions that do not.
        missing: Entries for pages that do not exist, by their number; numbers below zero for titles.
        normalized: Titles as they were written, and as the wiki writes them.
        redirects: Where resolved redirects lead.
        by_revision: Whether revisions were asked for by number.
    """

    pages: dict[int, Page] = field(default_factory=dict)
    revisions: list[int] = field(default_factory=list)
    bad: list[int] = field(default_factory=list)
    missing: dict[int, dict[str, Any]] = field(default_factory=dict)
    normalized: list[dict[str, Any]] = field(default_factory=list)
    redirects: list[dict[str, Any]] = field(default_factory=list)
    by_revision: bool = False


def resolve(
    world: World, wiki: Wiki, params: Mapping[str, str], *, exists: Callable[[int], Page | None], limit: int
) -> PageSet:
    """The page set of a query.

    Args:
        world: What there is.
        wiki: The wiki that is asked.
        params: The request's parameters.
        exists: The page of a revision; None where the reader may not know of it.
        limit: How many values a parameter may have.

    Raises:
        ApiRefusal: The parameters make no sense.
    """
    given = [name for name in SOURCES if name in params]
    if len(given) > 1:
        raise ApiRefusal("multisource", f'The "{given[0]}" parameter cannot be used with "{given[1]}".')
    match given:
        case ["revids"]:
            return _by_revision(integers(params, "revids", limit), exists)
        case ["titles"]:
            return _by_title(world, wiki, values(params, "titles", limit), follow="redirects" in params)
        case ["pageids"]:
            return _by_page(world, wiki, integers(params, "pageids", limit))
        case _:
            return PageSet()


def values(params: Mapping[str, str], name: str, limit: int) -> list[str]:
    """The values of a parameter that takes several, each once.

    Raises:
        ApiRefusal: There are more than `limit`.
    """
    text = params.get(name, "")
    found = text[1:].split("\x1f") if text.startswith("\x1f") else text.split("|")
    found = [value.strip() for value in found if value.strip()]
    if len(found) > limit:
        raise ApiRefusal(
            "toomanyvalues",
            f'Too many values supplied for parameter "{name}". The limit is {limit}.',
            more={"limit": limit, "lowlimit": 50, "highlimit": 500},
        )
    return list(dict.fromkeys(found))


def integers(params: Mapping[str, str], name: str, limit: int) -> list[int]:
    """The same, as numbers."""
    found = values(params, name, limit)
    try:
        return [int(value) for value in found]
    except ValueError:
        wrong = next(value for value in found if not value.lstrip("+-").isdecimal())
        raise ApiRefusal("badinteger", f'Invalid value "{wrong}" for integer parameter "{name}".') from None


def _by_revision(asked: list[int], exists: Callable[[int], Page | None]) -> PageSet:
    found = PageSet(by_revision=True)
    for rev_id in sorted(asked):
        if (page := exists(rev_id)) is None:
            found.bad.append(rev_id)
        else:
            found.revisions.append(rev_id)
            found.pages[page.page_id] = page
    return found


def _by_page(world: World, wiki: Wiki, asked: list[int]) -> PageSet:
    found = PageSet()
    for page_id in asked:
        if (page := world.page(wiki, page_id=page_id)) is None:
            found.missing[page_id] = {"pageid": page_id, "missing": True}
        else:
            _take(found, page, world.latest(wiki, page))
    return found


def _by_title(world: World, wiki: Wiki, asked: list[str], *, follow: bool) -> PageSet:
    found = PageSet()
    for written in asked:
        title = written.replace("_", " ")
        if title != written:
            found.normalized.append({"fromencoded": False, "from": written, "to": title})
        page = world.page(wiki, title=title)
        if follow and page is not None and page.redirect is not None:
            link = page.redirect
            step = {"from": page.title, "to": link.title}
            found.redirects.append(step | {"tointerwiki": link.interwiki} if link.interwiki else step)
            title, page = link.title, world.page(wiki, title=link.title)
        if page is None:
            entry = {"ns": _namespace(wiki, title), "title": title, "missing": True}
            found.missing[-1 - len(found.missing)] = entry
        else:
            _take(found, page, world.latest(wiki, page))
    return found


def _take(found: PageSet, page: Page, latest: int) -> None:
    found.pages[page.page_id] = page
    if latest not in found.revisions:
        found.revisions.append(latest)
        found.revisions.sort()


def _namespace(wiki: Wiki, title: str) -> int:
    prefix = title.partition(":")[0] if ":" in title else ""
    return next((number for number, name in wiki.namespaces.items() if name == prefix), 0)
