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


class ListPosition(NamedTuple):
    """Where a walk goes on.

    Attributes:
        namespace: The namespace.
        title: The first title, without its namespace; empty for the beginning.
    """

    namespace: int
    title: str = ""


class PageBatch(NamedTuple):
    """A part of a walk.

    Attributes:
        pages: The entities, in no order that matters.
        next: Where the walk goes on once they are done; None at its end.
    """

    pages: list[EntityPage]
    next: ListPosition | None


async def list_entities(
    queries: Queries, site: WikibaseSite, *, start: ListPosition | None = None
) -> AsyncIterator[PageBatch]:
    """All entities, part by part. A wiki that is down is waited for.

    Args:
        queries: Asks the wiki; open.
        site: What it says of itself.
        start: `Stretch.next` of the last part that was done by an earlier walk; None for the beginning.

    Raises:
        WikiError: The wiki refuses.
    """
    place = start or _first_position(site)
    while place is not None:
        document = await queries.query(_build_parameters(place))
        pages = [page for row in _extract_rows(document) if (page := _entity_page(row, site)) is not None]
        place = _next_position(document, place, site)
        yield PageBatch(pages, place)


def _build_parameters(place: ListPosition) -> dict[str, str]:
    start = {"gapfrom": place.title} if place.title else {}
    return {"generator": "allpages", "gapnamespace": str(place.namespace), "gaplimit": "max", "prop": "info", **start}


def _first_position(site: WikibaseSite) -> ListPosition | None:
    numbers = _namespace_numbers(site)
    return ListPosition(numbers[0]) if numbers else None


def _next_position(document: Json, place: ListPosition, site: WikibaseSite) -> ListPosition | None:
    resume = document.get("continue", {})
    if "gapcontinue" in resume:
        if resume["gapcontinue"] == place.title:
            raise WikiError(f"The list of pages of {site.domain} does not advance at {place.title!r:.200}.")
        return ListPosition(place.namespace, resume["gapcontinue"])
    later = [number for number in _namespace_numbers(site) if number > place.namespace]
    return ListPosition(later[0]) if later else None


def _namespace_numbers(site: WikibaseSite) -> list[int]:
    return sorted(site.pages.namespaces | site.pages.mediainfo_namespaces)


def _extract_rows(document: Json) -> Iterator[Json]:
    for row in document.get("query", {}).get("pages", ()):
        if "lastrevid" in row:  # a page that is deleted while it is listed has none
            yield row


def _entity_page(row: Json, site: WikibaseSite) -> EntityPage | None:
    """None for a page that is no entity, such as help beside the items in the main namespace."""
    namespace = row["ns"]
    if not site.pages.is_mediainfo(namespace) and row.get("contentmodel") != site.models.get(namespace):
        return None
    try:
        entity = site.pages.parse_entity(namespace, page_id=row["pageid"], title=row["title"])
    except InputError:
        return None
    return EntityPage(str(entity), row["lastrevid"], row["pageid"], namespace, bool(row.get("redirect")))
