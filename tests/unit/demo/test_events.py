"""The event builders follow the rules of the producer for each kind, and the bundled schemas."""

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
    """Return a validator for the bundled schema of a version."""
    folder = resources.files("wikistate.core.events.bundled")
    text = folder.joinpath(f"jsonschema/mediawiki/page/change/{version}.yaml").read_text()
    return Draft7Validator(yaml.safe_load(text), validate_formats=True)


def every_kind(envelope: events.Envelope) -> dict[str, Event]:
    """Return one event of each kind and of each special case."""
    redirect = Page(8, "River Ash (1904)", redirect=RedirectLink("River Ash", page_id=7, item_id="Q42"))
    hidden = replace(HEAD, visibility=Visibility(content=False, editor=False))
    suppressed = replace(HEAD, visibility=Visibility(content=False, comment=False, editor=False, suppressed=True))
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
            PAGE, suppressed, envelope=envelope, prior=HEAD.visibility
        ),
    }


@pytest.mark.parametrize("name", every_kind(ENVELOPE))
@pytest.mark.parametrize("version", ["1.7.0", "1.11.0"])
def test_every_kind_follows_the_schema(name: str, version: SchemaVersion) -> None:
    """Each event is valid for the schema version that it names, including the formats of its fields."""
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
def test_kind_determines_the_changelog_kind(kind: str, changelog: str) -> None:
    """The effect of an event on a table of pages depends on its kind only."""
    event = every_kind(ENVELOPE)[kind]
    assert (event["page_change_kind"], event["changelog_kind"]) == (kind, changelog)


@pytest.mark.parametrize("kind", ["create", "edit", "move"])
def test_event_time_of_a_new_revision_is_the_time_of_the_revision(kind: str) -> None:
    """Create, edit and move occur at the time at which their revision is saved."""
    assert every_kind(ENVELOPE)[kind]["dt"] == HEAD.dt


@pytest.mark.parametrize("kind", ["delete", "undelete", "visibility_change"])
def test_event_time_of_other_changes_is_the_time_of_the_change(kind: str) -> None:
    """The time of the older revision is in ``rev_dt``."""
    event = every_kind(ENVELOPE)[kind]
    assert (event["dt"], event["revision"]["rev_dt"]) == (ENVELOPE.dt, HEAD.dt)


def test_edit_holds_its_whole_parent_revision() -> None:
    """The prior revision has its slots, and the event of an edit has no comment beside that of the revision."""
    event = every_kind(ENVELOPE)["edit"]
    prior = event["prior_state"]["revision"]
    assert prior["rev_id"] == 100
    assert prior["content_slots"]["main"]["content_size"] == 10
    assert "comment" not in event


def test_events_describe_content_without_its_text() -> None:
    """Slots have model, format, size, origin and the sum in base 36."""
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


def test_slot_of_an_unknown_content_model_has_no_format() -> None:
    """Such a content model has no default format."""
    strange = Revision(5, (make_slot("...", model="sheet-music"),))
    entity = events.encode_revision(strange, ENVELOPE)["content_slots"]["main"]
    assert "content_format" not in entity
    assert entity["content_model"] == "sheet-music"


def test_unknown_parent_is_omitted_and_no_parent_is_zero() -> None:
    """An unknown parent and no parent are different."""
    assert "rev_parent_id" not in events.encode_revision(make_revision(1, parent_id=None), ENVELOPE)
    assert events.encode_revision(make_revision(1, parent_id=0), ENVELOPE)["rev_parent_id"] == 0


def test_move_has_the_changed_fields_and_the_new_redirect() -> None:
    """The prior page has its title only, and the redirect has no target, as the schema does not allow one there."""
    event = every_kind(ENVELOPE)["move that leaves a redirect"]
    assert event["prior_state"]["page"] == {"page_title": "River_Ash"}
    assert event["prior_state"]["revision"]["rev_id"] == 100
    assert event["created_redirect_page"]["page_title"] == "River_Ash_(1904)"
    assert "redirect_page_link" not in event["created_redirect_page"]


def test_suppression_hides_the_revision() -> None:
    """The event has no slots, sums, editor and performer, and the previous flags are the prior state."""
    event = every_kind(ENVELOPE)["delete that suppresses"]
    flags = {"is_comment_visible": False, "is_content_visible": False, "is_editor_visible": False}
    remaining = {"rev_id": 101, "rev_parent_id": 100, "rev_dt": HEAD.dt, "is_minor_edit": False}
    assert event["revision"] == remaining | flags
    assert event["prior_state"]["revision"] == dict.fromkeys(flags, True)
    assert "performer" not in event


def test_undelete_with_a_new_page_id_has_the_old_one() -> None:
    """An undelete with the same page id does not have a prior state."""
    known = every_kind(ENVELOPE)
    assert known["undelete under another number"]["prior_state"] == {"page": {"page_id": 3}}
    assert "prior_state" not in known["undelete"]


def test_visibility_change_has_the_previous_values_of_the_changed_flags() -> None:
    """The comment stayed visible, so its flag is omitted; the editor is hidden, so the event has no editor."""
    event = every_kind(ENVELOPE)["visibility_change"]
    assert event["prior_state"]["revision"] == {"is_content_visible": True, "is_editor_visible": True}
    assert event["revision"]["is_content_visible"] is False
    assert "editor" not in event["revision"]
    assert event["performer"]["user_text"] == "Hedgerow Clerk"
    assert "performer" not in every_kind(ENVELOPE)["visibility_change that suppresses"]


def test_redirect_may_point_into_a_virtual_namespace() -> None:
    """The number of the namespace is negative, and the link has no page id."""
    event = every_kind(ENVELOPE)["create of a redirect to a special page"]
    assert event["page"]["redirect_page_link"] == {"namespace_id": -1, "page_title": "Special:RecentChanges"}


def test_user_without_an_account_has_neither_id_nor_count_nor_date() -> None:
    """Such a user is identified by the IP address alone."""
    performer = every_kind(ENVELOPE)["create by an address"]["performer"]
    assert set(performer) == {"user_text", "groups", "is_bot", "is_system", "is_temp", "wiki_id"}


def _paths(value: Any, path: str = "") -> set[str]:
    if not isinstance(value, dict):
        return {path}
    return set().union(*(_paths(inner, f"{path}.{name}") for name, inner in value.items())) if value else {path}


def test_newest_version_only_adds_fields() -> None:
    """The new fields are item ids, first edits, global counts, and the first and last reverted revision."""
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
    """The URI is ASCII for every script; slashes, colons and parentheses are not quoted."""
    page = Page(1, "Обсуждение:Ёж (река)/Архив?", 1)
    uri = events.build_create(page, HEAD, envelope=ENVELOPE)["meta"]["uri"]
    assert uri.isascii()
    assert uri.endswith("_(%D1%80%D0%B5%D0%BA%D0%B0)/%D0%90%D1%80%D1%85%D0%B8%D0%B2%3F")


def test_canary_event_has_another_domain_and_no_time_of_receipt() -> None:
    """The original event does not change."""
    event = events.build_create(PAGE, HEAD, envelope=ENVELOPE)
    canary = events.build_canary(event)
    assert canary["meta"]["domain"] == "canary"
    assert "dt" not in canary["meta"]
    assert event["meta"]["dt"] == ENVELOPE.received
    validator("1.7.0").validate(canary)


def test_unknown_fields_are_unknown_to_the_schema() -> None:
    """A consumer that validates events with its pinned version rejects such an event."""
    event = events.build_create(PAGE, HEAD, envelope=ENVELOPE)
    assert not validator("1.7.0").is_valid(events.add_unknown_fields(event))
    assert validator("1.7.0").is_valid(event)
