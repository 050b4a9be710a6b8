"""Readers of recent changes: complete edits become inputs, all other changes become requests to the wiki."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest

from wikistate.core.updater.entity_pages import EntityPages
from wikistate.core.updater.input_events import Origin, RevisionCreated
from wikistate.core.updater.resync import ResyncRequest
from wikistate.jobs.rdf_sync.change_readers import EventReader, RecentChangesReader
from wikistate.streaming.keyed_job import DecodedRecord
from wikistate.streaming.record import Output, Partition, Record, Role

if TYPE_CHECKING:
    from wikistate.core.updater.input_events import InputEvent

TIME = 1_760_000_000_000
PAGES = EntityPages(
    domain="wikibase.example",
    namespaces=frozenset({0, 120}),
    mediainfo_namespaces=frozenset({6}),
    prefixes=("Item:",),
)
EDIT = RevisionCreated("Q1", TIME, 7, TIME, Origin("", "", "", "", "", ""), parent=6)


class Updater:
    """Updater that decodes each record as the edit."""

    def decode(self, record: Record) -> DecodedRecord[InputEvent]:
        """Return the edit."""
        return DecodedRecord(record.timestamp, 1, EDIT)


def read(title: str, namespace: int, **revision: Any) -> DecodedRecord[InputEvent | ResyncRequest]:
    """Read an event about a page."""
    page = {"page_id": 33, "page_title": title, "namespace_id": namespace}
    event = {"meta": {"id": "an id"}, "page": page, "revision": {"rev_id": 7, **revision}}
    reader = RecentChangesReader(Updater(), PAGES)  # type: ignore[arg-type]  # only this part of the updater is used
    return reader.read(Record(orjson.dumps(event), None, TIME, Partition("wikibase.example"), 0), TIME + 5)


def test_complete_edit_is_read_as_an_edit() -> None:
    """rdf-updater reads it."""
    assert read("Item:Q1", 120, content_slots={}).event == EDIT


def test_edit_without_content_slots_becomes_a_resync_request() -> None:
    """The page was deleted before its revision was looked up."""
    found = read("Item:Q1", 120)
    assert found.key == 1
    assert isinstance(found.event, ResyncRequest)
    assert (found.event.entity, found.event.time, found.event.listed_revision) == ("Q1", TIME, None)
    assert found.event.origin.id == "an id"


def test_file_has_the_entity_of_its_page() -> None:
    """The id of the page is the number of the entity."""
    found = read("File:Map.svg", 6)
    assert isinstance(found.event, ResyncRequest)
    assert found.event.entity == "M33"


@pytest.mark.parametrize(
    ("title", "namespace"), [("Main_Page", 0), ("Q1x", 0), ("Item_talk:Q1", 121), ("Q99999999999", 0)]
)
def test_other_pages_are_skipped_and_advance_the_time(title: str, namespace: int) -> None:
    """The cases are help pages beside the entities, talk pages, and titles that only look like an id."""
    assert read(title, namespace) == DecodedRecord(TIME)


class FilteringUpdater:
    """Updater that drops each record as one that does not concern an entity."""

    def decode(self, record: Record) -> DecodedRecord[InputEvent]:
        """Return the time only."""
        return DecodedRecord(record.timestamp)


def read_event(kind: str, *, title: str = "Item:Q1", domain: str = "wikibase.example") -> Any:
    """Read an event of a stream that rdf-updater drops."""
    page = {"page_id": 33, "page_title": title, "namespace_id": 120}
    event = {"meta": {"domain": domain, "id": "an id"}, "page_change_kind": kind, "page": page, "revision": {}}
    reader = EventReader(FilteringUpdater(), PAGES)  # type: ignore[arg-type]  # only this part of the updater is used
    return reader.read(Record(orjson.dumps(event), None, TIME, Partition("a topic"), 0), TIME + 5)


def test_change_of_visibility_is_a_reason_to_look() -> None:
    """It names the current revision, which may be the null revision of a protection without an event."""
    found = read_event("visibility_change")
    assert found.key == 1
    assert found.event == ResyncRequest("Q1", TIME, TIME + 5, Origin("", "", "an id", "wikibase.example", "", ""))


@pytest.mark.parametrize(
    "changed",
    [{"kind": "edit"}, {"kind": "visibility_change", "title": "Item:Help"}]
    + [{"kind": "visibility_change", "domain": domain} for domain in ("canary", "other.example")],
    ids=["another kind", "another page", "canary", "another wiki"],
)
def test_other_events_that_are_dropped_stay_dropped(changed: dict[str, str]) -> None:
    """They advance the time only."""
    assert read_event(**changed) == DecodedRecord(TIME)


@pytest.mark.parametrize(
    ("row", "entity"),
    [
        ({"ns": 120, "title": "Item:Q5", "pageid": 5, "revid": None}, "Q5"),
        ({"ns": 120, "title": "Item:Q5", "revid": []}, "Q5"),
        ({"ns": 6, "title": "File:A.png", "pageid": 33}, "M33"),
        ({"ns": 1, "title": "Talk:Q5", "pageid": 5}, None),
        ({"ns": None, "title": "Item:Q5", "pageid": 5}, None),
        ({"ns": 120, "title": ["Item:Q5"], "pageid": 5}, None),
        ([], None),
        (7, None),
    ],
    ids=str,
)
def test_change_that_cannot_be_read_is_an_error_event_and_a_check_of_its_entity(
    row: object, entity: str | None
) -> None:
    """The error event is that of rdf-updater; a row without a readable page has no more."""
    error = Output(Role.ERROR, None, b"{}", TIME)

    class Refusing:
        def decode(self, record: Record) -> DecodedRecord[InputEvent]:
            assert record.refusal
            return DecodedRecord(None, outputs=(error,))

    reader = RecentChangesReader(Refusing(), PAGES)  # type: ignore[arg-type]  # only this part of the updater is used
    found = reader.read(Record(orjson.dumps(row), None, TIME, Partition("w"), 0, refusal="no revision"), TIME + 5)
    assert found.outputs == (error,)
    assert (found.event is not None and found.event.entity) == (entity or False)
