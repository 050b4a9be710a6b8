"""The stream ``mediawiki.page_change`` as an input: all that happens to a page in one stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wikistate.core.events.meta import domain_of, event_time
from wikistate.core.events.page_change import Kind
from wikistate.core.events.refusal import FilterReason
from wikistate.core.updater.entity_id import looks_like_id
from wikistate.core.updater.input_reader import existing, inner, moment, origin_of
from wikistate.core.updater.inputs import PageDeleted, PageUndeleted, RevisionCreated

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from wikistate.core.events.meta import Event
    from wikistate.core.updater.entity_pages import EntityPages
    from wikistate.core.updater.inputs import InputEvent

_KINDS = frozenset({Kind.CREATE, Kind.EDIT, Kind.MOVE, Kind.DELETE, Kind.UNDELETE})
"""A move is among them because MediaWiki saves a revision for it. A change of visibility changes no entity."""


class PageChange:
    """The shape of the stream; see `Shape`.

    Args:
        pages: Which pages are wanted.
    """

    def __init__(self, pages: EntityPages) -> None:
        self._pages = pages

    def time(self, event: Event) -> int | None:
        """When it happened."""
        return event_time(event)

    def dropped(self, event: Event) -> FilterReason | None:
        """By wiki, kind, namespace and content, in this order."""
        if domain_of(event) != self._pages.domain:
            return FilterReason.WIKI
        if str(event.get("page_change_kind")) not in _KINDS:
            return FilterReason.KIND
        page = inner(event, "page")
        if not self._pages.may_hold(page.get("namespace_id")):
            return FilterReason.NAMESPACE
        return self._dropped_by_content(event, page)

    def _dropped_by_content(self, event: Event, page: Mapping[str, Any]) -> FilterReason | None:
        if not isinstance(event.get("revision"), dict):
            return None  # the schema will say so
        slots = inner(event, "revision").get("content_slots")
        if not isinstance(slots, dict):
            return self._dropped_without_content(event, page)
        if self._pages.is_mediainfo(page["namespace_id"]) and self._pages.mediainfo_slot in slots:
            return None
        model = inner(slots, "main").get("content_model")
        return None if str(model) in self._pages.content_models else FilterReason.CONTENT_MODEL

    def _dropped_without_content(self, event: Event, page: Mapping[str, Any]) -> FilterReason | None:
        """Of a suppressed page nobody says what it held; the title then tells."""
        if event["page_change_kind"] != Kind.DELETE:
            return FilterReason.CONTENT_MODEL
        titled = self._pages.is_titled(page["namespace_id"])
        title = self._pages.bare_title(str(page.get("page_title")))
        return FilterReason.NO_ENTITY if titled and not looks_like_id(title) else None

    def read(self, event: Event, ingested: int) -> InputEvent:
        """See `Shape`."""
        page, revision = event["page"], event["revision"]
        entity = self._pages.entity_of(page["namespace_id"], page_id=page["page_id"], title=page["page_title"])
        common = (str(entity), moment(event), existing(revision["rev_id"]), ingested, origin_of(event))
        match event["page_change_kind"]:
            case Kind.DELETE:
                return PageDeleted(*common)
            case Kind.UNDELETE:
                return PageUndeleted(*common)
            case _:
                return RevisionCreated(*common, parent=revision.get("rev_parent_id") or None)
