"""Readers of the source's records.

A stream of events holds every change. Recent changes hold only the part that the wiki still shows later: of a page that
was deleted and restored they may lack the content in between. So an edit with all its fields is read as an event, and
any other change of an entity causes a request for the current state on the wiki.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import orjson

from wikistate.core.events.fields import FieldError, Fields
from wikistate.core.events.meta import domain_of
from wikistate.core.events.page_change import PageChangeKind
from wikistate.core.updater.entity_id import looks_like_id
from wikistate.core.updater.input_events import RevisionCreated
from wikistate.core.updater.input_reader import nested, read_origin
from wikistate.core.updater.resync import ResyncRequest
from wikistate.errors import InputError
from wikistate.streaming.keyed_job import DecodedRecord

if TYPE_CHECKING:
    from wikistate.core.events.meta import Event
    from wikistate.core.updater.entity_id import EntityId
    from wikistate.core.updater.entity_pages import EntityPages
    from wikistate.core.updater.input_events import InputEvent
    from wikistate.jobs.rdf_updater.job import RdfUpdater
    from wikistate.streaming.record import Record

_VISIBILITY = PageChangeKind.VISIBILITY.encode()


class ChangeReader(Protocol):
    """Reader of the source's records."""

    ordered: bool
    """Whether the changes of an entity arrive in their order."""

    def read(self, record: Record, now: int) -> DecodedRecord[InputEvent | ResyncRequest]:
        """See `wikistate.streaming.keyed_job.KeyedJob.decode`.

        Args:
            record: Record of the source.
            now: Current time, milliseconds since the epoch.
        """


class EventReader:
    """See `ChangeReader`: streams of events, which rdf-updater decodes.

    A change of visibility does not change an entity, and rdf-updater drops it. It names the current revision of the page,
    which may be one without an event: a protection saves such a revision.

    Args:
        updater: Decodes the records.
        pages: Mapping of pages to entities.
    """

    ordered = False

    def __init__(self, updater: RdfUpdater, pages: EntityPages) -> None:
        self._updater = updater
        self._pages = pages

    def read(self, record: Record, now: int) -> DecodedRecord[InputEvent | ResyncRequest]:
        """See `ChangeReader`."""
        found = self._updater.decode(record)
        if found.event is None and not found.outputs and _VISIBILITY in (record.value or b""):
            event = orjson.loads(record.value or b"{}")
            entity = _find_entity(event, self._pages) if domain_of(event) == self._pages.domain else None
            if entity is not None and found.time is not None:
                check = ResyncRequest(str(entity), found.time, now, read_origin(event))
                return DecodedRecord(found.time, entity.key, check)
        return DecodedRecord(found.time, found.key, found.event, found.outputs)


class RecentChangesReader:
    """See `ChangeReader`: recent changes, as events of our own source.

    Args:
        updater: Decodes the edits.
        pages: Mapping of pages to entities.
    """

    ordered = True

    def __init__(self, updater: RdfUpdater, pages: EntityPages) -> None:
        self._updater = updater
        self._pages = pages

    def read(self, record: Record, now: int) -> DecodedRecord[InputEvent | ResyncRequest]:
        """See `ChangeReader`."""
        if record.refusal:
            return self._read_refused(record, now)
        event = orjson.loads(record.value or b"{}")
        entity = _find_entity(event, self._pages)
        if entity is None:
            return DecodedRecord(record.timestamp)
        if "content_slots" in nested(event, "revision"):
            found = self._updater.decode(record)
            if isinstance(found.event, RevisionCreated):
                return DecodedRecord(found.time, found.key, found.event)
        check = ResyncRequest(str(entity), record.timestamp or now, now, read_origin(event))
        return DecodedRecord(record.timestamp, entity.key, check)

    def _read_refused(self, record: Record, now: int) -> DecodedRecord[InputEvent | ResyncRequest]:
        """Return the error event of a change that cannot be read, and the check of its entity if its row states a page."""
        refused = self._updater.decode(record)
        page = _find_row(record.value)
        entity = _find_entity({"page": page}, self._pages)
        if entity is None:
            return DecodedRecord(record.timestamp, outputs=refused.outputs)
        check = ResyncRequest(str(entity), record.timestamp or now, now, read_origin({}))
        return DecodedRecord(record.timestamp, entity.key, check, refused.outputs)


def _find_row(value: bytes | None) -> Event:
    """Return the page that a row names, as in an event; empty if it names none."""
    try:
        row = Fields(orjson.loads(value or b"{}"))
        page_id = row.get_integer("pageid") or 0
        return {"namespace_id": row.integer("ns"), "page_id": page_id, "page_title": row.text("title")}
    except (orjson.JSONDecodeError, FieldError):
        return {}


def _find_entity(event: Event, pages: EntityPages) -> EntityId | None:
    """Return the entity of the page of an event; None for other pages."""
    page = nested(event, "page")
    namespace, title = page.get("namespace_id"), str(page.get("page_title"))
    if not pages.may_hold_entities(namespace):
        return None
    if pages.has_ids_as_titles(namespace) and not looks_like_id(pages.strip_namespace(title)):
        return None
    try:
        return pages.parse_entity(page["namespace_id"], page_id=page["page_id"], title=title)
    except (InputError, KeyError):
        return None
