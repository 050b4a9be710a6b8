"""Page changes become inputs of the core; irrelevant events are dropped, and invalid ones are rejected."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from tests.unit.core.events.strategies import JSON
from tests.unit.core.updater.input_samples import (
    DT_MS,
    FILES,
    ITEMS,
    NOW,
    change,
    file_change,
    meta,
    of_model,
    origin,
    read,
    reconciliation,
    revision_create,
)

from wikistate.core.events.rejection import Filtered, FilterReason, RejectedEvent
from wikistate.core.events.timestamps import format_timestamp
from wikistate.core.updater.input_events import (
    InputEvent,
    PageDeleted,
    PageUndeleted,
    Reconcile,
    RevisionCreated,
)
from wikistate.core.updater.input_reader import InputReading

if TYPE_CHECKING:
    from wikistate.core.updater.entity_pages import EntityPages


def test_page_creation_has_no_parent_revision() -> None:
    """A page that was created has no revision before its first."""
    event = change("create", rev_id=686138, rev_parent_id=None)
    expected = RevisionCreated("Q235989", DT_MS, 686138, NOW, origin(event), None)
    assert read(event) == InputReading(DT_MS, expected)
    assert read(change("create", rev_id=686138, rev_parent_id=0)).outcome == expected, "0 stands for none"


@pytest.mark.parametrize("kind", ["edit", "move"])
def test_edit_and_move_are_new_revisions(kind: str) -> None:
    """A move saves a revision, too. Schema and `meta` are kept for later events."""
    event = change(kind)
    assert read(event).outcome == RevisionCreated("Q235989", DT_MS, 686139, NOW, origin(event), 686138)


@pytest.mark.parametrize("slots", [of_model("wikibase-item"), None], ids=["deleted", "suppressed"])
def test_page_deletion_is_read(slots: Any) -> None:
    """A suppressed page is deleted, too, although its event does not describe the content."""
    event = change("delete", rev_id=686140, content_slots=slots)
    assert read(event).outcome == PageDeleted("Q235989", DT_MS, 686140, NOW, origin(event))


def test_page_undeletion_is_read() -> None:
    """An undeletion restores a revision."""
    event = change("undelete", rev_id=686140)
    assert read(event).outcome == PageUndeleted("Q235989", DT_MS, 686140, NOW, origin(event))


@pytest.mark.parametrize(
    ("title", "namespace", "model", "entity"),
    [("Property:P115", 120, "wikibase-property", "P115"), ("Lexeme:L4227", 146, "wikibase-lexeme", "L4227")],
)
def test_properties_and_lexemes_are_named_after_their_titles(
    title: str, namespace: int, model: str, entity: str
) -> None:
    """Their ids follow the name of the namespace in the title."""
    found = read(change("edit", title, namespace=namespace, content_slots=of_model(model))).outcome
    assert isinstance(found, RevisionCreated)
    assert (found.entity, found.parent) == (entity, 686138)


def test_file_changes_have_the_entity_of_their_page() -> None:
    """The entity is named after the page; an edit and a move of it count."""
    edited = read(file_change(rev_id=934984984, rev_parent_id=830021987), FILES).outcome
    assert isinstance(edited, RevisionCreated)
    assert (edited.entity, edited.revision, edited.parent) == ("M245132", 934984984, 830021987)
    moved = read(file_change("move", rev_id=930818273), FILES)
    assert isinstance(moved.outcome, RevisionCreated)
    assert (moved.time, moved.outcome.time) == (DT_MS, DT_MS), "the event time, not the time at which it was received"


def without_revision() -> dict[str, Any]:
    """Return an edit without its revision."""
    event = change()
    del event["revision"]
    return event


def elsewhere(domain: str) -> dict[str, Any]:
    """Return an edit on another wiki."""
    event = change()
    event["meta"]["domain"] = domain
    return event


DROPPED = [
    (change("visibility_change"), ITEMS, "kind"),
    (change(title="Main_Page", content_slots=of_model("wikitext")), ITEMS, "content_model"),
    (change(content_slots={"other": of_model("wikibase-item")["main"]}), ITEMS, "content_model"),
    (change(content_slots=None), ITEMS, "content_model"),
    (change("undelete", content_slots=None), ITEMS, "content_model"),
    (change("delete", "Main_Page", content_slots=None), ITEMS, "no_entity"),
    (change(title="User:Somebody", namespace=2), ITEMS, "namespace"),
    (change(title="Talk:Q1", namespace=1), ITEMS, "namespace"),
    (elsewhere("www.wikidata.org"), ITEMS, "wiki"),
    (elsewhere("canary"), ITEMS, "canary"),
    (file_change(media_info=False), FILES, "content_model"),
    (file_change(), ITEMS, "wiki"),
]


@pytest.mark.parametrize(("event", "pages", "reason"), DROPPED)
def test_irrelevant_events_are_dropped(event: dict[str, Any], pages: EntityPages, reason: str) -> None:
    """Each has a named reason, and its time still advances the watermark of its partition."""
    assert read(event, pages) == InputReading(DT_MS, Filtered(FilterReason(reason)))


def test_deletions_of_files_are_kept_for_any_content() -> None:
    """The entity of a suppressed file is named after its page like any other."""
    event = file_change("delete")
    del event["revision"]["content_slots"]
    found = read(event, FILES).outcome
    assert isinstance(found, PageDeleted)
    assert found.entity == "M245132"


REJECTED = [
    (without_revision(), "InvalidEvent", "revision"),
    (change(title="Q42/../../Special:Secret"), "InvalidInput", "is not an entity id"),
    (change("delete", "Q42/../P1", content_slots=None), "InvalidInput", "is not an entity id"),
    (change(title="Q99999999999999999999"), "InvalidInput", "is not an entity id"),
    (change(title="Main_Page"), "InvalidInput", "is not an entity id"),
    (change() | {"dt": "0000-01-01T00:00:00Z"}, "InvalidInput", "dt is"),
    (change() | {"wiki_id": 7}, "InvalidEvent", "wiki_id"),
    ({"$schema": "/mediawiki/page/move/1.0.0", "meta": meta()}, "WrongSchema", "/mediawiki/page/change/"),
    (b"{", "NotJson", "not JSON"),
    (b"[]", "NotAnObject", "list"),
]


@pytest.mark.parametrize(("event", "error_type", "message"), REJECTED)
def test_invalid_events_are_rejected(event: Any, error_type: str, message: str) -> None:
    """An invalid event becomes an error event with the reason; so does an entity page whose title is not an id."""
    found = read(event).outcome
    assert isinstance(found, RejectedEvent)
    assert found.error_type == error_type
    assert message in found.message


@given(JSON, JSON, JSON)
def test_any_json_is_an_input_dropped_or_rejected(one: Any, other: Any, third: Any) -> None:
    """The reader never raises, whatever JSON is in a field."""
    for event in (change(), revision_create(), reconciliation(), file_change("delete")):
        for pages in (ITEMS, FILES):
            for name in event:
                if name != "$schema":
                    read(event | {name: one}, pages)
            read(event | {"page": one, "revision": other, "page_change_kind": third}, pages)
            read(event | {"meta": event["meta"] | {"dt": one}, "revision": {"content_slots": other}}, pages)
            read(event | {"page": {"namespace_id": one, "page_title": other, "page_id": third}}, pages)
            read(event | {"page_namespace": one, "page_title": other, "rev_slots": third}, pages)


def test_times_in_the_future_are_limited_to_now() -> None:
    """A wrong clock would put the watermark years ahead, and its own event would never be due."""
    for event in (change() | {"dt": "2999-01-01T00:00:00Z"}, reconciliation(dt="2999-01-01T00:00:00Z")):
        found = read(event).outcome
        assert isinstance(found, RevisionCreated | Reconcile)
        assert found.time == NOW
    assert read(change() | {"dt": "2999-01-01T00:00:00Z"}).time == NOW
    assert read(elsewhere("x") | {"dt": "2999-01-01T00:00:00Z"}).time == NOW
    ahead = NOW + 30_000
    assert read(change() | {"dt": format_timestamp(ahead)}).time == ahead, "clocks may differ by some seconds"


def test_rejection_holds_the_event() -> None:
    """An error event copies the ids of the rejected event."""
    event = change(title="Q42/..")
    found: InputEvent | Filtered | RejectedEvent = read(event).outcome
    assert isinstance(found, RejectedEvent)
    assert found.event == event


@pytest.mark.parametrize("stated", ["wikidatawiki", "", 7])
@pytest.mark.parametrize(
    "event", [change("edit"), change("delete"), revision_create()], ids=["edit", "delete", "legacy"]
)
def test_event_of_another_database_is_an_error(event: dict[str, Any], stated: object) -> None:
    """On a shared stream another wiki may state this domain; its name of the database is that of the settings or wrong."""
    pages = dataclasses.replace(ITEMS, wiki_id="testwikidatawiki")
    field = "wiki_id" if "wiki_id" in event else "database"
    outcome = read(event | {field: stated}, pages).outcome
    assert isinstance(outcome, RejectedEvent)
    assert not isinstance(read(event | {field: "testwikidatawiki"}, pages).outcome, Filtered | RejectedEvent)
    assert not isinstance(read(event, ITEMS).outcome, RejectedEvent)
