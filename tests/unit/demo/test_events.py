"""The event builders follow the rules of the producer, kind by kind, and the bundled schemas."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from jsonschema_rs import Draft7Validator

from wikistate.demo import events
from wikistate.demo.pages import Page, RedirectLink, Revision, User, Visibility, Wiki, make_revision, make_slot

if TYPE_CHECKING:
    from wikistate.demo.events import Event, SchemaVersion

WIKI = Wiki("enwiki", "en.wikipedia.org")
USER = User("Hedgerow Clerk", 42, 4242, ("sysop", "*", "user"), 7, "2015-02-03T04:05:06Z")
ENVELOPE = events.Envelope(
    WIKI, performer=USER, dt="2026-06-02T12:00:00Z", received="2026-06-02T12:00:00.123Z", version="1.7.0"
)
NEWEST = replace(ENVELOPE, version="1.11.0")
PAGE = Page(7, "River Ash", revision_count=2, item_id="Q42")
PRIOR = replace(make_revision(100, "Some text."), editor=USER, dt="2026-06-01T12:00:00Z")
HEAD = replace(make_revision(101, "Some other text.", parent_id=100), editor=USER, dt="2026-06-02T11:59:59Z")
SPECIAL = RedirectLink("Special:RecentChanges", namespace=-1)


@cache
def validator(version: str) -> Draft7Validator:
    """The bundled schema of a version."""
    folder = resources.files("wikistate.core.events.bundled")
    text = folder.joinpath(f"jsonschema/mediawiki/page/change/{version}.yaml").read_text()
    return Draft7Validator(yaml.safe_load(text), validate_formats=True)


def every_kind(envelope: events.Envelope) -> dict[str, Event]:
    """One event of each kind, and of each special case."""
    redirect = Page(8, "River Ash (1904)", redirect=RedirectLink("River Ash", page_id=7, item_id="Q42"))
    hidden = replace(HEAD, visibility=Visibility(content=False, editor=False))
    gone = replace(HEAD, visibility=Visibility(content=False, comment=False, editor=False, suppressed=True))
    revert = events.Revert("undo", PRIOR, 99, 100)
    moved = replace(PAGE, title="Ash (river)")
    return {
        "create": events.build_create(PAGE, HEAD, envelope=envelope),
        "create of a redirect": events.build_create(redirect, HEAD, envelope=envelope),
        "create of a redirect to a special page": events.build_create(
            replace(PAGE, redirect=SPECIAL), HEAD, envelope=envelope
        ),
        "create by an address": events.build_create(
            PAGE, HEAD, envelope=replace(envelope, performer=User("192.0.2.7"))
        ),
        "edit": events.build_edit(PAGE, HEAD, envelope=envelope, prior=PRIOR),
        "edit without a known parent": events.build_edit(PAGE, replace(HEAD, parent_id=None), envelope=envelope),
        "edit that reverts": events.build_edit(PAGE, HEAD, envelope=envelope, prior=PRIOR, revert=revert),
        "move": events.build_move(moved, HEAD, envelope=envelope, prior_page=PAGE, prior=PRIOR, comment="shorter"),
        "move that leaves a redirect": events.build_move(
            moved, HEAD, envelope=envelope, prior_page=PAGE, prior=PRIOR, left_behind=redirect
        ),
        "delete": events.build_delete(PAGE, HEAD, envelope=envelope, comment="test page"),
        "delete that suppresses": events.build_delete(PAGE, HEAD, envelope=envelope, prior=HEAD.visibility),
        "undelete": events.build_undelete(PAGE, HEAD, envelope=envelope),
        "undelete under another number": events.build_undelete(PAGE, HEAD, envelope=envelope, prior_page_id=3),
        "visibility_change": events.build_visibility_change(PAGE, hidden, envelope=envelope, prior=HEAD.visibility),
        "visibility_change that suppresses": events.build_visibility_change(
            PAGE, gone, envelope=envelope, prior=HEAD.visibility
        ),
    }


@pytest.mark.parametrize("name", every_kind(ENVELOPE))
@pytest.mark.parametrize("version", ["1.7.0", "1.11.0"])
def test_every_kind_follows_the_schema(name: str, version: SchemaVersion) -> None:
    """Each event is valid under the version that it states, formats included."""
    event = every_kind(replace(ENVELOPE, version=version))[name]
    assert event["$schema"] == f"/mediawiki/page/change/{version}"
    validator(version).validate(event)


@pytest.mark.parametrize(
    ("kind", "changelog"),
    [
        ("create", "insert"),
        ("edit", "update"),
        ("move", "update"),
        ("delete", "delete"),
        ("undelete", "insert"),
        ("visibility_change", "update"),
    ],
)
def test_kind_decides_the_changelog_kind(kind: str, changelog: str) -> None:
    """What an event does to a table of pages follows from its kind."""
    event = every_kind(ENVELOPE)[kind]
    assert (event["page_change_kind"], event["changelog_kind"]) == (kind, changelog)


@pytest.mark.parametrize("kind", ["create", "edit", "move"])
def test_new_revisions_give_the_event_their_time(kind: str) -> None:
    """Create, edit and move happen when their revision is saved."""
    assert every_kind(ENVELOPE)[kind]["dt"] == HEAD.dt


@pytest.mark.parametrize("kind", ["delete", "undelete", "visibility_change"])
def test_changes_without_a_revision_have_a_time_of_their_own(kind: str) -> None:
    """The revision's time, long past, stays in ``rev_dt``."""
    event = every_kind(ENVELOPE)[kind]
    assert (event["dt"], event["revision"]["rev_dt"]) == (ENVELOPE.dt, HEAD.dt)


def test_an_edit_carries_its_parent_in_full() -> None:
    """The prior revision has slots, too, and no event has a comment of its own."""
    event = every_kind(ENVELOPE)["edit"]
    prior = event["prior_state"]["revision"]
    assert prior["rev_id"] == 100
    assert prior["content_slots"]["main"]["content_size"] == 10
    assert "comment" not in event


def test_events_describe_content_and_never_hold_it() -> None:
    """Slots state model, format, size, origin and the sum in base 36."""
    assert every_kind(ENVELOPE)["create"]["revision"]["content_slots"] == {
        "main": {
            "content_format": "text/x-wiki",
            "content_model": "wikitext",
            "content_sha1": "pv3lduoabmsl0gsj9qkj9cwtqdrji24",
            "content_size": 16,
            "origin_rev_id": 101,
            "slot_role": "main",
        }
    }


def test_an_unknown_content_model_has_no_format() -> None:
    """There is no default to fall back to."""
    strange = Revision(5, (make_slot("...", model="sheet-music"),))
    entity = events.encode_revision(strange, ENVELOPE)["content_slots"]["main"]
    assert "content_format" not in entity
    assert entity["content_model"] == "sheet-music"


def test_an_unknown_parent_is_left_out_and_no_parent_is_zero() -> None:
    """The two mean different things."""
    assert "rev_parent_id" not in events.encode_revision(make_revision(1, parent_id=None), ENVELOPE)
    assert events.encode_revision(make_revision(1, parent_id=0), ENVELOPE)["rev_parent_id"] == 0


def test_a_move_states_what_differs_and_the_redirect_left_behind() -> None:
    """Of the page before only the title; the redirect without its target, which the schema does not know there."""
    event = every_kind(ENVELOPE)["move that leaves a redirect"]
    assert event["prior_state"]["page"] == {"page_title": "River_Ash"}
    assert event["prior_state"]["revision"]["rev_id"] == 100
    assert event["created_redirect_page"]["page_title"] == "River_Ash_(1904)"
    assert "redirect_page_link" not in event["created_redirect_page"]


def test_a_suppressed_delete_shows_nothing_of_the_revision() -> None:
    """No slots, no sums, no editor, no performer; the former flags are the prior state."""
    event = every_kind(ENVELOPE)["delete that suppresses"]
    flags = {"is_comment_visible": False, "is_content_visible": False, "is_editor_visible": False}
    left = {"rev_id": 101, "rev_parent_id": 100, "rev_dt": HEAD.dt, "is_minor_edit": False}
    assert event["revision"] == left | flags
    assert event["prior_state"]["revision"] == dict.fromkeys(flags, True)
    assert "performer" not in event


def test_an_undelete_under_another_number_states_the_old_one() -> None:
    """Only then is there a prior state."""
    known = every_kind(ENVELOPE)
    assert known["undelete under another number"]["prior_state"] == {"page": {"page_id": 3}}
    assert "prior_state" not in known["undelete"]


def test_a_visibility_change_states_the_flags_that_changed_as_they_were() -> None:
    """The comment stayed visible, so it is not among them; the editor is hidden, so it is not there."""
    event = every_kind(ENVELOPE)["visibility_change"]
    assert event["prior_state"]["revision"] == {"is_content_visible": True, "is_editor_visible": True}
    assert event["revision"]["is_content_visible"] is False
    assert "editor" not in event["revision"]
    assert event["performer"]["user_text"] == "Hedgerow Clerk"
    assert "performer" not in every_kind(ENVELOPE)["visibility_change that suppresses"]


def test_a_redirect_may_point_into_a_virtual_namespace() -> None:
    """Its number is negative and there is no page to state."""
    event = every_kind(ENVELOPE)["create of a redirect to a special page"]
    assert event["page"]["redirect_page_link"] == {"namespace_id": -1, "page_title": "Special:RecentChanges"}


def test_an_address_has_neither_number_nor_count_nor_date() -> None:
    """Whoever never registered is known by name alone."""
    performer = every_kind(ENVELOPE)["create by an address"]["performer"]
    assert set(performer) == {"user_text", "groups", "is_bot", "is_system", "is_temp", "wiki_id"}


def _paths(value: Any, path: str = "") -> set[str]:
    if not isinstance(value, dict):
        return {path}
    return set().union(*(_paths(inner, f"{path}.{name}") for name, inner in value.items())) if value else {path}


def test_the_newest_version_adds_fields_and_changes_none() -> None:
    """Item ids, first edits, global counts, and the bounds of what a revert took back."""
    added = set[str]()
    for name, event in every_kind(ENVELOPE).items():
        added |= _paths(every_kind(NEWEST)[name]) - _paths(event)
    names = {path.rpartition(".")[2] for path in added}
    assert names == {
        "wikibase_item_id",
        "first_edit_dt",
        "edit_global_count",
        "rev_reverted_newest_id",
        "rev_reverted_oldest_id",
    }


def test_titles_are_quoted_in_the_uri() -> None:
    """Every script fits into an ASCII URI; slashes, colons and parentheses stay readable."""
    page = Page(1, "Обсуждение:Ёж (река)/Архив?", 1)
    uri = events.build_create(page, HEAD, envelope=ENVELOPE)["meta"]["uri"]
    assert uri.isascii()
    assert uri.endswith("_(%D1%80%D0%B5%D0%BA%D0%B0)/%D0%90%D1%80%D1%85%D0%B8%D0%B2%3F")


def test_a_canary_differs_in_domain_and_lacks_the_time_of_receipt() -> None:
    """The event that it is made from stays as it was."""
    event = events.build_create(PAGE, HEAD, envelope=ENVELOPE)
    bird = events.build_canary(event)
    assert bird["meta"]["domain"] == "canary"
    assert "dt" not in bird["meta"]
    assert event["meta"]["dt"] == ENVELOPE.received
    validator("1.7.0").validate(bird)


def test_unknown_fields_are_unknown_to_the_schema() -> None:
    """A consumer that validates what it reads against its pinned version refuses such an event."""
    event = events.build_create(PAGE, HEAD, envelope=ENVELOPE)
    assert not validator("1.7.0").is_valid(events.add_unknown_fields(event))
    assert validator("1.7.0").is_valid(event)
