"""How records of the source are read.

A stream of events says all that happened. Recent changes are what a wiki still shows of it later: of a page that was
deleted and restored they may not say what it held in between. So an edit that is told whole is taken for what it is, and
whatever else happened to an entity is a reason to ask the wiki what there is now.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import orjson

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


class ChangeReader(Protocol):
    """Reads records."""

    ordered: bool
    """Whether what happened to an entity comes in its order."""

    def read(self, record: Record, now: int) -> DecodedRecord[InputEvent | ResyncRequest]:
        """See `wikistate.streaming.keyed_job.StatefulJob.accept`; `now` is milliseconds since the epoch."""


class EventReader:
    """See `TopicReader`: streams of events, as rdf-updater reads them.

    Args:
        updater: Reads them.
    """

    ordered = False

    def __init__(self, updater: RdfUpdater) -> None:
        self._updater = updater

    def read(self, record: Record, now: int) -> DecodedRecord[InputEvent | ResyncRequest]:  # noqa: ARG002  (it has a clock)
        """See `TopicReader`."""
        found = self._updater.decode(record)
        return DecodedRecord(found.time, found.key, found.event, found.outputs)


class RecentChangesReader:
    """See `TopicReader`: recent changes, whose events we made ourselves.

    Args:
        updater: Reads edits.
        pages: Which pages hold entities.
    """

    ordered = True

    def __init__(self, updater: RdfUpdater, pages: EntityPages) -> None:
        self._updater = updater
        self._pages = pages

    def read(self, record: Record, now: int) -> DecodedRecord[InputEvent | ResyncRequest]:
        """See `TopicReader`."""
        event = orjson.loads(record.value or b"{}")
        entity = self._entity_of(event)
        if entity is None:
            return DecodedRecord(record.timestamp)
        if "content_slots" in nested(event, "revision"):
            found = self._updater.decode(record)
            if isinstance(found.event, RevisionCreated):
                return DecodedRecord(found.time, found.key, found.event)
        check = ResyncRequest(str(entity), record.timestamp or now, now, read_origin(event))
        return DecodedRecord(record.timestamp, entity.key, check)

    def _entity_of(self, event: Event) -> EntityId | None:
        page = nested(event, "page")
        namespace, title = page.get("namespace_id"), str(page.get("page_title"))
        if not self._pages.may_hold_entities(namespace):
            return None
        if self._pages.has_ids_as_titles(namespace) and not looks_like_id(self._pages.strip_namespace(title)):
            return None
        try:
            return self._pages.parse_entity(page["namespace_id"], page_id=page["page_id"], title=title)
        except InputError:
            return None
