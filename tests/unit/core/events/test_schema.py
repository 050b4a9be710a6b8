from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from tests.unit.core.events.strategies import JSON

from wikistate.core.events.bundled import SCHEMAS, read_bundled
from wikistate.core.events.repository import SchemaRepository
from wikistate.core.events.schema import Schema
from wikistate.errors import DocumentError

SCHEMA = SchemaRepository([SCHEMAS], read_bundled).get("mediawiki/page/change", "1.7.0")
EXAMPLE: dict[str, Any] = SCHEMA.document["examples"][0]


def changed(path: str, value: Any) -> dict[str, Any]:
    """Return the example with one field replaced; None removes it."""
    name, _, rest = path.partition(".")
    return _put(EXAMPLE, name, rest, value)


def _put(event: dict[str, Any], name: str, rest: str, value: Any) -> dict[str, Any]:
    if rest:
        child, _, further = rest.partition(".")
        return {**event, name: _put(event.get(name, {}), child, further, value)}
    without = {key: inner for key, inner in event.items() if key != name}
    return without if value is None else {**without, name: value}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("performer", None),
        ("revision.content_slots", None),
        ("revision.content_slots", {}),
        ("revision.content_slots.mediainfo", {"slot_role": "mediainfo", "content_body": "{}"}),
        ("revision.rev_parent_id", 0),
        ("page.namespace_id", -1),
        ("page.redirect_page_link", {"page_title": "Special:Search", "namespace_id": -1}),
        ("prior_state", {"page": {"page_id": 7}}),
        ("meta.receiver", "any"),
        ("created_redirect_page", {"page_id": 8, "page_title": "Old_title"}),
    ],
)
def test_unusual_events_of_producers_are_valid(path: str, value: Any) -> None:
    """The cases are a suppressed performer, no slots, a special page as target, and a changed page id after undeletion."""
    event = changed(path, value)
    assert SCHEMA.describe_violations(event) == ""
    assert SCHEMA.is_valid(event)


@pytest.mark.parametrize(
    ("path", "value", "violation"),
    [
        ("dt", None, "the event: dt is missing"),
        ("page.page_id", None, "page: page_id is missing"),
        ("dt", "yesterday", 'dt: found "yesterday", expected format "date-time"'),
        ("revision.rev_id", 0, "revision.rev_id: found 0, expected minimum 1"),
        ("revision.rev_id", 2**53, "revision.rev_id: found 9007199254740992, expected maximum 9007199254740991"),
        ("revision.rev_id", "12", 'revision.rev_id: found "12", expected type "integer"'),
        ("revision.rev_id", 1.5, 'revision.rev_id: found 1.5, expected type "integer"'),
        ("page.is_redirect", 1, 'page.is_redirect: found 1, expected type "boolean"'),
        ("page.page_title", False, 'page.page_title: found false, expected type "string"'),
        ("page", [], 'page: found an array of 0 items, expected type "object"'),
        ("wiki_id", {"a": 1}, 'wiki_id: found an object of 1 fields, expected type "string"'),
        ("wiki_id", "", 'wiki_id: found "", expected minLength 1'),
        ("changelog_kind", "upsert", 'found "upsert", expected enum ["insert","update","delete"]'),
        ("page.wikibase_item_id", "Q1", "page: unknown wikibase_item_id"),
        ("revision.content_slots.main.new", 1, "revision.content_slots.main: unknown new"),
        ("meta.uri", "https://x/" + "y" * 8192, "expected maxLength 8192"),
        ("performer.groups", ["user", None], 'performer.groups.1: found null, expected type "string"'),
    ],
)
def test_violation_names_path_value_and_rule(path: str, value: Any, violation: str) -> None:
    """The message has the path, the value found there and the expected value for each broken rule."""
    event = changed(path, value)
    assert not SCHEMA.is_valid(event)
    assert violation in SCHEMA.describe_violations(event)


def test_only_three_violations_are_listed() -> None:
    """The message of an event with many violations is short and says that there are more."""
    message = SCHEMA.describe_violations({})
    assert message.count(";") == 3
    assert message.endswith("; and more")


def test_violations_are_bounded() -> None:
    """Megabytes in a value, a name or a path do not get into the message."""
    huge = "x" * 5_000_000
    event = {**EXAMPLE, "dt": huge, huge: 1, "revision": {**EXAMPLE["revision"], "content_slots": {huge: 1}}}
    assert len(SCHEMA.describe_violations(event)) < 1000


@given(JSON)
def test_event_is_valid_exactly_when_it_has_no_violations(value: Any) -> None:
    """The result and the explanation agree on any JSON, and neither raises."""
    assert SCHEMA.is_valid(value) == (SCHEMA.describe_violations(value) == "")


@pytest.mark.parametrize("foreign", [{"meta": datetime.now(UTC)}, {1: 2}])
def test_value_that_is_not_json_is_not_valid(foreign: dict[Any, Any]) -> None:
    """A date or a key that is not a string, as a user's function may return, is a violation and not an exception."""
    assert not SCHEMA.is_valid(EXAMPLE | foreign)
    assert SCHEMA.describe_violations(EXAMPLE | foreign).startswith("the event is not JSON: ")


@pytest.mark.parametrize(
    ("path", "is_declared"),
    [
        ("wiki_id", True),
        ("page.page_id", True),
        ("revision.content_slots.main.content_body", True),
        ("page.wikibase_item_id", False),
        ("wiki_id.x", False),
        ("meta.unknown", False),
        ("prior_state.unknown", False),
        ("", False),
    ],
)
def test_has_field_finds_declared_fields(path: str, is_declared: bool) -> None:  # noqa: FBT001  # a column of the table
    """Declared fields count and any key of a map counts; undeclared fields of an open object do not."""
    assert SCHEMA.has_field(path) is is_declared


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({"type": "objekt"}, "not a draft 7 JSON schema"),
        ({"$ref": "https://example.org/other"}, "refers to https://example.org/other"),
        ({"properties": {"a": {"$ref": "#/definitions/none"}}}, "not a draft 7 JSON schema"),
    ],
)
def test_schema_that_cannot_be_compiled_is_a_document_error(document: dict[str, Any], reason: str) -> None:
    """A wrong keyword and a reference are rejected with the origin; nothing is fetched."""
    with pytest.raises(DocumentError, match=reason) as caught:
        Schema(document, title="t", version="1.0.0", origin="file:/s.yaml")
    assert caught.value.ids["uri"] == "file:/s.yaml"
