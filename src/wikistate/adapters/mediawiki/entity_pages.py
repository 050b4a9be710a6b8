"""List of all entities of a Wikibase with their current revisions, including redirects. It resumes by title.

Source: MediaWiki documentation (API:Allpages as a generator, API:Info). Titles come in the order of the database, so the
list lacks pages that are created before its position meanwhile: follow the changes of the wiki from before its start.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from wikistate.core.events.continuation import ListProgress
from wikistate.errors import InputError, WikiError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from wikistate.adapters.mediawiki.wikibase_site import Queries, WikibaseSite

Json = dict[str, Any]


class EntityPage(NamedTuple):
    """Page of an entity with its current revision.

    Attributes:
        entity: Entity id.
        revision: Current revision.
        page_id: Id of the page.
        namespace: Namespace of the page.
        is_redirect: Whether the entity was merged into another one.
    """

    entity: str
    revision: int
    page_id: int
    namespace: int
    is_redirect: bool


class ListPosition(NamedTuple):
    """Position at which a list resumes.

    Attributes:
        namespace: Number of the namespace.
        title: First title, without its namespace; empty for the beginning.
    """

    namespace: int
    title: str = ""


class PageBatch(NamedTuple):
    """Batch of the list.

    Attributes:
        pages: Entities of the batch in any order.
        next: Position after the batch; None at the end.
    """

    pages: list[EntityPage]
    next: ListPosition | None


async def list_entities(
    queries: Queries, site: WikibaseSite, *, start: ListPosition | None = None
) -> AsyncIterator[PageBatch]:
    """Yield all entities batch by batch. During an outage of the wiki, the list waits.

    Args:
        queries: Client of the wiki; open.
        site: Description of the wiki.
        start: `PageBatch.next` of the last batch that an earlier list completed; None for the beginning.

    Raises:
        WikiError: The wiki refuses the query.
    """
    position, progress = start or _first_position(site), ListProgress()
    while position is not None:
        document = await queries.query(_build_parameters(position))
        pages = [page for row in _extract_rows(document) if (page := _entity_page(row, site)) is not None]
        if reason := progress.check(document.get("continue"), len(document.get("query", {}).get("pages", ()))):
            raise WikiError(f"The list of pages of {site.domain} cannot be read: {reason}.")
        following = _next_position(document, position, site)
        if following is None or following.namespace != position.namespace:
            progress = ListProgress()  # two namespaces may have pages of the same title
        position = following
        yield PageBatch(pages, position)


def _build_parameters(position: ListPosition) -> dict[str, str]:
    start = {"gapfrom": position.title} if position.title else {}
    return {
        "generator": "allpages",
        "gapnamespace": str(position.namespace),
        "gaplimit": "max",
        "prop": "info",
        **start,
    }


def _first_position(site: WikibaseSite) -> ListPosition | None:
    numbers = _namespace_numbers(site)
    return ListPosition(numbers[0]) if numbers else None


def _next_position(document: Json, position: ListPosition, site: WikibaseSite) -> ListPosition | None:
    resume = document.get("continue", {})
    if "gapcontinue" in resume:
        if resume["gapcontinue"] == position.title:
            raise WikiError(f"The list of pages of {site.domain} does not advance at {position.title!r:.200}.")
        return ListPosition(position.namespace, resume["gapcontinue"])
    later = [number for number in _namespace_numbers(site) if number > position.namespace]
    return ListPosition(later[0]) if later else None


def _namespace_numbers(site: WikibaseSite) -> list[int]:
    return sorted(site.pages.namespaces | site.pages.mediainfo_namespaces)


def _extract_rows(document: Json) -> Iterator[Json]:
    for row in document.get("query", {}).get("pages", ()):
        if "lastrevid" in row:  # a page that is deleted during the request has no such field
            yield row


def _entity_page(row: Json, site: WikibaseSite) -> EntityPage | None:
    """Return the entity of a page; None for other pages, such as help beside the items in the main namespace."""
    namespace = row["ns"]
    if not site.pages.is_mediainfo(namespace) and row.get("contentmodel") != site.models.get(namespace):
        return None
    try:
        entity = site.pages.parse_entity(namespace, page_id=row["pageid"], title=row["title"])
    except InputError:
        return None
    return EntityPage(str(entity), row["lastrevid"], row["pageid"], namespace, bool(row.get("redirect")))
