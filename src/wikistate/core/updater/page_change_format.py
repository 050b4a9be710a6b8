"""Format of the stream ``mediawiki.page_change``, which has all kinds of changes of pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wikistate.core.events.fields import as_text
from wikistate.core.events.meta import domain_of, event_time
from wikistate.core.events.page_change import PageChangeKind
from wikistate.core.events.rejection import FilterReason
from wikistate.core.updater.entity_id import looks_like_id
from wikistate.core.updater.input_events import PageDeleted, PageUndeleted, RevisionCreated
from wikistate.core.updater.input_reader import nested, read_origin, read_timestamp, require_revision

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from wikistate.core.events.meta import Event
    from wikistate.core.updater.entity_pages import EntityPages
    from wikistate.core.updater.input_events import InputEvent

_KINDS = frozenset(
    {PageChangeKind.CREATE, PageChangeKind.EDIT, PageChangeKind.MOVE, PageChangeKind.DELETE, PageChangeKind.UNDELETE}
)
"""Kinds of changes that concern entities. MediaWiki saves a revision for a move. A visibility change is not among them,
because it does not change an entity."""


class PageChangeFormat:
    """Format of the stream; see `EventFormat`.

    Args:
        pages: The entity pages to process.
    """

    time_field = "dt"

    def __init__(self, pages: EntityPages) -> None:
        self._pages = pages

    def event_time(self, event: Event) -> int | None:
        """Return the time at which the change occurred."""
        return event_time(event)

    def filter_reason(self, event: Event) -> FilterReason | None:
        """Filter by wiki, kind, namespace and content, in this order."""
        if domain_of(event) != self._pages.domain:
            return FilterReason.WIKI
        if as_text(event.get("page_change_kind")) not in _KINDS:
            return FilterReason.KIND
        page = nested(event, "page")
        if not self._pages.may_hold_entities(page.get("namespace_id")):
            return FilterReason.NAMESPACE
        return self._filter_by_content(event, page)

    def _filter_by_content(self, event: Event, page: Mapping[str, Any]) -> FilterReason | None:
        if not isinstance(event.get("revision"), dict):
            return None  # the validation against the schema rejects it
        slots = nested(event, "revision").get("content_slots")
        if not isinstance(slots, dict):
            return self._filter_without_content(event, page)
        if self._pages.is_mediainfo(page["namespace_id"]) and self._pages.mediainfo_slot in slots:
            return None
        model = nested(slots, "main").get("content_model")
        return None if str(model) in self._pages.content_models else FilterReason.CONTENT_MODEL

    def _filter_without_content(self, event: Event, page: Mapping[str, Any]) -> FilterReason | None:
        """Filter by title: the event of a suppressed page does not have its content models."""
        if event["page_change_kind"] != PageChangeKind.DELETE:
            return FilterReason.CONTENT_MODEL
        titled = self._pages.has_ids_as_titles(page["namespace_id"])
        title = self._pages.strip_namespace(str(page.get("page_title")))
        return FilterReason.NO_ENTITY if titled and not looks_like_id(title) else None

    def read(self, event: Event, ingested: int) -> InputEvent:
        """See `EventFormat`."""
        self._pages.check_wiki_id(event.get("wiki_id"))
        page, revision = event["page"], event["revision"]
        entity = self._pages.parse_entity(page["namespace_id"], page_id=page["page_id"], title=page["page_title"])
        common = (
            str(entity),
            read_timestamp(event),
            require_revision(revision["rev_id"]),
            ingested,
            read_origin(event),
        )
        match event["page_change_kind"]:
            case PageChangeKind.DELETE:
                return PageDeleted(*common)
            case PageChangeKind.UNDELETE:
                return PageUndeleted(*common)
            case _:
                return RevisionCreated(*common, parent=revision.get("rev_parent_id") or None)
