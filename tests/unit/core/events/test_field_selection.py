"""Field selection: selected and required fields stay, and the event is valid."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wikistate.core.events.bundled import SCHEMAS, read_bundled
from wikistate.core.events.field_selection import select_fields
from wikistate.core.events.repository import SchemaRepository
from wikistate.demo import corpus
from wikistate.errors import ConfigError

PINNED = SchemaRepository([SCHEMAS], read_bundled).get("mediawiki/page/change", "1.7.0")
EVENT: dict[str, Any] = PINNED.document["examples"][0]
EVENTS = [event for event in corpus.compose(changes=80).events if event["meta"]["domain"] != "canary"]
KEY_FIELDS = ("wiki_id", "page.page_id")


def selected(*paths: str, event: dict[str, Any] = EVENT) -> dict[str, Any]:
    """Return the selected fields of an event."""
    left: dict[str, Any] = select_fields(PINNED, paths, key_fields=KEY_FIELDS).project(event)
    return left


def test_named_and_required_fields_of_an_object_stay() -> None:
    """The stamps, the key and the kind of change stay, too: no event may lack them."""
    left = selected("page.page_title")
    assert left["page"] == {name: EVENT["page"][name] for name in ("page_id", "page_title")} | {
        name: EVENT["page"][name] for name in PINNED.document["properties"]["page"].get("required", ())
    }
    assert left["meta"] == EVENT["meta"]
    assert "performer" not in left
    assert PINNED.is_valid(left)


def test_named_object_stays_whole() -> None:
    """The object stays whole even when a part of it is named, too."""
    assert selected("performer")["performer"] == EVENT["performer"]
    assert selected("performer", "performer.user_text")["performer"] == EVENT["performer"]
    assert selected("performer.user_text", "performer")["performer"] == EVENT["performer"]


def test_keys_of_a_map_are_selected_by_name_or_all() -> None:
    """A path selects a slot by its role, or a field of all slots."""
    slots = {role: {"slot_role": role, "content_size": 1, "content_body": role} for role in ("main", "mediainfo")}
    event = EVENT | {"revision": EVENT["revision"] | {"content_slots": slots}}

    def of(path: str) -> Any:
        return selected(path, event=event)["revision"]["content_slots"]

    assert of("revision.content_slots.main") == {"main": slots["main"]}
    bodies = of("revision.content_slots.*.content_body")
    assert {role: slot["content_body"] for role, slot in bodies.items()} == {"main": "main", "mediainfo": "mediainfo"}
    assert all("content_size" not in slot for slot in bodies.values())


def test_selection_lists_the_fields_that_stay_unselected() -> None:
    """The list shows the operator which fields cannot be left out."""
    kept = select_fields(PINNED, ["page.page_title"], key_fields=KEY_FIELDS).kept
    assert "page_change_kind" in kept
    assert "page.page_title" not in kept


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("page.page_titel", "Did you mean page.page_title?"),
        ("pages", "Did you mean page?"),
        ("wiki_id.name", "filter.fields has wiki_id.name"),
        ("revision.content_slots.main.body", "revision.content_slots.main.body"),
    ],
)
def test_unknown_field_is_rejected(path: str, message: str) -> None:
    """The message suggests the nearest known field."""
    with pytest.raises(ConfigError) as caught:
        selected(path)
    assert message in str(caught.value)


def paths(schema: Any, prefix: str = "") -> list[str]:
    """Return all paths of a schema."""
    found = []
    for name, child in schema.get("properties", {}).items():
        found += [prefix + name, *paths(child, f"{prefix}{name}.")]
    return found


@given(st.lists(st.sampled_from(paths(PINNED.document)), max_size=4), st.sampled_from(EVENTS))
def test_selected_event_is_valid_and_part_of_the_event(chosen: list[str], event: dict[str, Any]) -> None:
    """The law holds for any fields of any event, and a second selection changes nothing."""
    left = selected(*chosen, event=event)
    assert PINNED.is_valid(left), PINNED.describe_violations(left)
    assert _is_part(left, event)
    assert selected(*chosen, event=left) == left
    for path in chosen:
        assert _at(left, path) == _at(event, path)


def _is_part(left: Any, whole: Any) -> bool:
    if isinstance(left, dict):
        return all(name in whole and _is_part(value, whole[name]) for name, value in left.items())
    return bool(left == whole)


def _at(event: Any, path: str) -> Any:
    for name in path.split("."):
        event = event.get(name) if isinstance(event, dict) else None
    return event
