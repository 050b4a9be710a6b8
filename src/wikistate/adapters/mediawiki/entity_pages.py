"""Walks all entities of a Wikibase with their current revisions, redirects included. Resumable by title.

Source: MediaWiki documentation (API:Allpages as a generator, API:Info). Titles come in the order of the database, so what
is created behind the walk is not in it: follow the wiki's changes from before its start.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from wikistate.errors import InputError, WikiError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from wikistate.adapters.mediawiki.wikibase_site import Queries, WikibaseSite

Json = dict[str, Any]


class EntityPage(NamedTuple):
    """An entity as the wiki has it now.

    Attributes:
        entity: Entity id.
        revision: The current revision.
        page_id: Of its page.
        namespace: Of its page.
        is_redirect: Whether it was merged into another.
    """

    entity: str
    revision: int
    page_id: int
    namespace: int
    is_redirect: bool


class Place(NamedTuple):
    """Where a walk goes on.

    Attributes:
        namespace: The namespace.
        title: The first title, without its namespace; empty for the beginning.
    """

    namespace: int
    title: str = ""


class Stretch(NamedTuple):
    """A part of a walk.

    Attributes:
        pages: The entities, in no order that matters.
        next: Where the walk goes on once they are done; None at its end.
    """

    pages: list[EntityPage]
    next: Place | None


async def walk(queries: Queries, site: WikibaseSite, *, start: Place | None = None) -> AsyncIterator[Stretch]:
    """All entities, part by part. A wiki that is down is waited for.

    Args:
        queries: Asks the wiki; open.
        site: What it says of itself.
        start: `Stretch.next` of the last part that was done by an earlier walk; None for the beginning.

    Raises:
        WikiError: The wiki refuses.
    """
    place = start or _first(site)
    while place is not None:
        document = await queries.query(_parameters(place))
        pages = [page for row in _rows(document) if (page := _entity_page(row, site)) is not None]
        place = _next(document, place, site)
        yield Stretch(pages, place)


def _parameters(place: Place) -> dict[str, str]:
    start = {"gapfrom": place.title} if place.title else {}
    return {"generator": "allpages", "gapnamespace": str(place.namespace), "gaplimit": "max", "prop": "info", **start}


def _first(site: WikibaseSite) -> Place | None:
    numbers = _numbers(site)
    return Place(numbers[0]) if numbers else None


def _next(document: Json, place: Place, site: WikibaseSite) -> Place | None:
    resume = document.get("continue", {})
    if "gapcontinue" in resume:
        if resume["gapcontinue"] == place.title:
            raise WikiError(f"The list of pages of {site.domain} does not advance at {place.title!r:.200}.")
        return Place(place.namespace, resume["gapcontinue"])
    later = [number for number in _numbers(site) if number > place.namespace]
    return Place(later[0]) if later else None


def _numbers(site: WikibaseSite) -> list[int]:
    return sorted(site.pages.namespaces | site.pages.mediainfo_namespaces)


def _rows(document: Json) -> Iterator[Json]:
    for row in document.get("query", {}).get("pages", ()):
        if "lastrevid" in row:  # a page that is deleted while it is listed has none
            yield row


def _entity_page(row: Json, site: WikibaseSite) -> EntityPage | None:
    """None for a page that is no entity, such as help beside the items in the main namespace."""
    namespace = row["ns"]
    if not site.pages.is_mediainfo(namespace) and row.get("contentmodel") != site.models.get(namespace):
        return None
    try:
        entity = site.pages.entity_of(namespace, page_id=row["pageid"], title=row["title"])
    except InputError:
        return None
    return EntityPage(str(entity), row["lastrevid"], row["pageid"], namespace, bool(row.get("redirect")))
