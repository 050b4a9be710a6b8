"""Events built from responses of the Action API are valid page_change events and add no information."""

from __future__ import annotations

from typing import Any

import pytest

from wikistate.core.events.bundled import SCHEMAS, read_bundled
from wikistate.core.events.page_change import (
    SCHEMA,
    PageChangeKind,
    WikiMetadata,
    build_page,
    build_page_change,
    build_revision,
    build_user,
)
from wikistate.core.events.repository import SchemaRepository

WIKI = WikiMetadata("mywiki", "my.wiki", "https://my.wiki/wiki/$1", frozenset({0, 4}))
SHA1 = "da39a3ee5e6b4b0d3255bfef95601890afd80709"

REVISION: dict[str, Any] = {
    "revid": 12,
    "parentid": 11,
    "minor": True,
    "user": "Ann",
    "userid": 7,
    "timestamp": "2026-01-31T12:00:00Z",
    "size": 3,
    "sha1": SHA1,
    "comment": "",
    "slots": {"main": {"size": 3, "sha1": SHA1, "contentmodel": "wikitext"}},
}


def composed(kind: PageChangeKind, **more: Any) -> dict[str, Any]:
    """Return an event about one page."""
    page = build_page(WIKI, page_id=9, title="Talk:Ä b?", namespace=1, is_redirect=False)
    described = {"identity": "rev:12", "dt": REVISION["timestamp"], "revision": build_revision(REVISION)} | more
    return build_page_change(WIKI, kind, page=page, **described)


@pytest.mark.parametrize("kind", list(PageChangeKind))
def test_every_kind_is_valid(kind: PageChangeKind) -> None:
    """Each event is valid under the bundled schema that it names."""
    schema = SchemaRepository([SCHEMAS], read_bundled).get_by_uri(SCHEMA)
    event = composed(kind, performer=build_user(REVISION), comment="why", prior={"page": {"page_title": "Old"}})
    assert schema.describe_violations(event) == ""


def test_title_is_that_of_the_database_and_url_that_of_a_browser() -> None:
    """The title has underscores, the URL has percent signs."""
    event = composed(PageChangeKind.EDIT)
    assert event["page"]["page_title"] == "Talk:Ä_b?"
    assert event["page"]["namespace_is_content"] is False
    assert event["meta"]["uri"] == "https://my.wiki/wiki/Talk:%C3%84_b%3F"


def test_id_of_a_change_is_stable_and_unique() -> None:
    """Repeats can be dropped by `meta.id`."""
    ids = [
        composed(kind, identity=name)["meta"]["id"]
        for kind in PageChangeKind
        for name in ("rev:12", "log:12", "rev:12")
    ]
    assert len(set(ids)) == 2 * len(PageChangeKind)


def test_hashes_are_in_base_36() -> None:
    """The API responds in hexadecimal; events have base 36."""
    revision = build_revision(REVISION)
    assert revision["rev_sha1"] == "phoiac9h4m842xq45sp7s6u21eteeq1"
    assert revision["content_slots"]["main"]["content_sha1"] == revision["rev_sha1"]


@pytest.mark.parametrize(
    ("hidden", "flag", "absent"),
    [
        ({"sha1hidden": True}, "is_content_visible", "rev_sha1"),
        ({"commenthidden": True}, "is_comment_visible", "comment"),
        ({"userhidden": True}, "is_editor_visible", "editor"),
    ],
)
def test_hidden_parts_are_left_out_and_flagged(hidden: dict[str, bool], flag: str, absent: str) -> None:
    """The rule also applies if the wiki shows a hidden part beside the flag, as it does to administrators."""
    kept = {name: value for name, value in REVISION.items() if name != "sha1" or "sha1hidden" not in hidden}
    revision = build_revision(kept | hidden)
    assert revision[flag] is False
    assert absent not in revision
    assert sum(revision[name] for name in revision if name.startswith("is_") and name.endswith("visible")) == 2


def test_anonymous_editor_has_no_id() -> None:
    """The API returns the id 0."""
    assert build_user({"user": "192.0.2.7", "userid": 0}) == {"user_text": "192.0.2.7"}


def test_event_without_a_known_revision_is_not_valid() -> None:
    """The job that reads the event puts it on the error stream; no revision id is invented."""
    schema = SchemaRepository([SCHEMAS], read_bundled).get_by_uri(SCHEMA)
    assert "rev_id" in schema.describe_violations(composed(PageChangeKind.DELETE, revision=None))
