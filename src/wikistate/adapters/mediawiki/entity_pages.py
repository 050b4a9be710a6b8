"""List of all entities of a Wikibase with their current revisions, including redirects. It resumes by title.

Source: MediaWiki documentation (API:Allpages as a generator, API:Info). Titles come in the order of the database, so the
list lacks pages that are created before its position meanwhile: follow the changes of the wiki from before its start.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from wikistate.core.events.continuation import ListProgress
from wikistate.core.events.fields import FieldError, Fields, quote_value
from wikistate.core.events.wiki_rows import SMALLEST_NAMESPACE
from wikistate.errors import InputError, WikiError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

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
        unreadable: The reasons why further pages of the batch cannot be read.
    """

    pages: list[EntityPage]
    next: ListPosition | None
    unreadable: list[str]


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
        try:
            batch = PageBatch([], _next_position(document, position, site), [])
            rows = Fields(document).get_fields("query").get_list("pages")
        except FieldError as error:
            raise WikiError(f"The list of pages of {site.domain} cannot be read: {error.message}.") from error
        if reason := progress.check(document.get("continue"), len(rows)):
            raise WikiError(f"The list of pages of {site.domain} cannot be read: {reason}.")
        for row in rows:
            try:
                page = _entity_page(Fields(row, "query.pages"), site)
            except FieldError as error:
                batch.unreadable.append(f"{error.message} in {quote_value(row)}")
            else:
                batch.pages.extend([page] if page is not None else [])
        if batch.next is None or batch.next.namespace != position.namespace:
            progress = ListProgress()  # two namespaces may have pages of the same title
        position = batch.next
        yield batch


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
    resume = Fields(document).get_fields("continue")
    if "gapcontinue" in resume.values:
        title = resume.text("gapcontinue")
        if title == position.title:
            raise WikiError(f"The list of pages of {site.domain} does not advance at {position.title!r:.200}.")
        return ListPosition(position.namespace, title)
    later = [number for number in _namespace_numbers(site) if number > position.namespace]
    return ListPosition(later[0]) if later else None


def _namespace_numbers(site: WikibaseSite) -> list[int]:
    return sorted(site.pages.namespaces | site.pages.mediainfo_namespaces)


def _entity_page(row: Fields, site: WikibaseSite) -> EntityPage | None:
    """Return the entity of a page; None for other pages, such as help beside the items in the main namespace.

    Raises:
        FieldError: A field is missing, or has another type.
    """
    if "lastrevid" not in row.values:  # a page that is deleted during the request has no such field
        return None
    namespace, model = row.integer("ns", minimum=SMALLEST_NAMESPACE), row.get_text("contentmodel")
    if not site.pages.is_mediainfo(namespace) and model != site.models.get(namespace):
        return None
    revision, page_id, title = row.integer("lastrevid"), row.integer("pageid"), row.text("title")
    try:
        entity = site.pages.parse_entity(namespace, page_id=page_id, title=title)
    except InputError:
        return None
    return EntityPage(str(entity), revision, page_id, namespace, bool(row.values.get("redirect")))
