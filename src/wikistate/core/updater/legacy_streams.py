"""Legacy streams, the predecessors of ``mediawiki.page_change``, as inputs: one stream for each kind of change.

Their time is `meta.dt`. Streams: ``mediawiki.revision-create``, ``mediawiki.page-delete``, ``mediawiki.page-suppress``
(with the schema of deletions) and ``mediawiki.page-undelete``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from wikistate.core.events.fields import as_text
from wikistate.core.events.meta import domain_of, ingestion_time
from wikistate.core.events.rejection import FilterReason
from wikistate.core.updater.entity_id import looks_like_id
from wikistate.core.updater.input_events import Origin, PageDeleted, PageUndeleted, RevisionCreated
from wikistate.core.updater.input_reader import nested, read_origin, read_timestamp, require_revision

if TYPE_CHECKING:
    from wikistate.core.events.meta import Event
    from wikistate.core.updater.entity_pages import EntityPages

    Common: TypeAlias = tuple[str, int, int, int, Origin]


class _LegacyFormat:
    """Common part of the formats of legacy streams; see `EventFormat`.

    Args:
        pages: The entity pages to process.
    """

    time_field = "meta.dt"

    def __init__(self, pages: EntityPages) -> None:
        self._pages = pages

    def event_time(self, event: Event) -> int | None:
        """Return the time at which the event was received: these streams have no other time."""
        return ingestion_time(event)

    def filter_reason(self, event: Event) -> FilterReason | None:
        """Filter by wiki, namespace and title: the events do not have the content model of a deleted page."""
        if domain_of(event) != self._pages.domain:
            return FilterReason.WIKI
        namespace = event.get("page_namespace")
        if not self._pages.may_hold_entities(namespace):
            return FilterReason.NAMESPACE
        title = self._pages.strip_namespace(as_text(event.get("page_title")))
        return FilterReason.NO_ENTITY if self._pages.has_ids_as_titles(namespace) and not looks_like_id(title) else None

    def _read_common(self, event: Event, ingested: int) -> Common:
        self._pages.check_wiki_id(event.get("database"))
        entity = self._pages.parse_entity(event["page_namespace"], page_id=event["page_id"], title=event["page_title"])
        return str(entity), read_timestamp(event["meta"]), event["rev_id"], ingested, read_origin(event)


class LegacyRevisionCreateFormat(_LegacyFormat):
    """Format of ``mediawiki/revision/create``."""

    def filter_reason(self, event: Event) -> FilterReason | None:
        """Filter like the other formats; in addition, a file must have the slot of its entity."""
        if reason := super().filter_reason(event):
            return reason
        slots: Any = nested(event, "rev_slots")
        is_file = self._pages.is_mediainfo(event.get("page_namespace"))
        return FilterReason.NO_ENTITY if is_file and self._pages.mediainfo_slot not in slots else None

    def read(self, event: Event, ingested: int) -> RevisionCreated:
        """See `EventFormat`."""
        common = self._read_common(event, ingested)
        require_revision(event["rev_id"])
        return RevisionCreated(*common, parent=event.get("rev_parent_id") or None)


class LegacyPageDeleteFormat(_LegacyFormat):
    """Format of ``mediawiki/page/delete``, for deleted and for suppressed pages."""

    def read(self, event: Event, ingested: int) -> PageDeleted:
        """See `EventFormat`."""
        return PageDeleted(*self._read_common(event, ingested))


class LegacyPageUndeleteFormat(_LegacyFormat):
    """Format of ``mediawiki/page/undelete``."""

    def read(self, event: Event, ingested: int) -> PageUndeleted:
        """See `EventFormat`."""
        common = self._read_common(event, ingested)
        require_revision(event["rev_id"])
        return PageUndeleted(*common)
