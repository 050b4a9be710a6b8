"""How records of the source are read.

A stream of events says all that happened. Recent changes are what a wiki still shows of it later: of a page that was
deleted and restored they may not say what it held in between. So an edit that is told whole is taken for what it is, and
whatever else happened to an entity is a reason to ask the wiki what there is now.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import orjson

from wikistate.core.updater.entity_id import looks_like_id
from wikistate.core.updater.input_reader import inner, origin_of
from wikistate.core.updater.inputs import RevisionCreated
from wikistate.core.updater.settling import Check
from wikistate.errors import InputError
from wikistate.jobs.stateful_job import Accepted

if TYPE_CHECKING:
    from wikistate.core.events.meta import Event
    from wikistate.core.record import Record
    from wikistate.core.updater.entity_id import EntityId
    from wikistate.core.updater.entity_pages import EntityPages
    from wikistate.core.updater.inputs import InputEvent
    from wikistate.jobs.rdf_updater.job import RdfUpdater


class ChangeReader(Protocol):
    """Reads records."""

    ordered: bool
    """Whether what happened to an entity comes in its order."""

    def read(self, record: Record, now: int) -> Accepted[InputEvent | Check]:
        """See `wikistate.jobs.stateful_job.StatefulJob.accept`; `now` is milliseconds since the epoch."""


class EventReader:
    """See `Reader`: streams of events, as rdf-updater reads them.

    Args:
        updater: Reads them.
    """

    ordered = False

    def __init__(self, updater: RdfUpdater) -> None:
        self._updater = updater

    def read(self, record: Record, now: int) -> Accepted[InputEvent | Check]:  # noqa: ARG002  (it has a clock)
        """See `Reader`."""
        found = self._updater.accept(record)
        return Accepted(found.time, found.key, found.stimulus, found.outputs)


class RecentChangesReader:
    """See `Reader`: recent changes, whose events we made ourselves.

    Args:
        updater: Reads edits.
        pages: Which pages hold entities.
    """

    ordered = True

    def __init__(self, updater: RdfUpdater, pages: EntityPages) -> None:
        self._updater = updater
        self._pages = pages

    def read(self, record: Record, now: int) -> Accepted[InputEvent | Check]:
        """See `Reader`."""
        event = orjson.loads(record.value or b"{}")
        entity = self._entity_of(event)
        if entity is None:
            return Accepted(record.timestamp)
        if "content_slots" in inner(event, "revision"):
            found = self._updater.accept(record)
            if isinstance(found.stimulus, RevisionCreated):
                return Accepted(found.time, found.key, found.stimulus)
        check = Check(str(entity), record.timestamp or now, now, origin_of(event))
        return Accepted(record.timestamp, entity.key, check)

    def _entity_of(self, event: Event) -> EntityId | None:
        page = inner(event, "page")
        namespace, title = page.get("namespace_id"), str(page.get("page_title"))
        if not self._pages.may_hold(namespace):
            return None
        if self._pages.is_titled(namespace) and not looks_like_id(self._pages.bare_title(title)):
            return None
        try:
            return self._pages.entity_of(page["namespace_id"], page_id=page["page_id"], title=title)
        except InputError:
            return None
