from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.core.events.strategies import JSON, littered, valid

from wikistate.core.events.bundled import SCHEMAS, read_bundled
from wikistate.core.events.projection import compile_projection
from wikistate.core.events.repository import SchemaRepository

REPOSITORY = SchemaRepository([SCHEMAS], read_bundled)
SCHEMA = REPOSITORY.get("mediawiki/page/change", "1.11.0")
PINNED = REPOSITORY.get("mediawiki/page/change", "1.7.0")
EVENTS = valid(SCHEMA.document)

CLOSED = {"type": "object", "additionalProperties": False, "properties": {"a": {"type": "integer"}}}


@given(EVENTS)
def test_strategy_makes_valid_events(event: dict[str, Any]) -> None:
    """The laws below are about valid events, so the strategy must draw valid events."""
    assert SCHEMA.is_valid(event)


@given(EVENTS)
def test_valid_event_is_not_copied(event: dict[str, Any]) -> None:
    """An event that has nothing to lose comes back as the same object."""
    assert SCHEMA.project(event) is event


@given(st.data())
def test_projection_removes_exactly_the_unknown_fields(data: st.DataObject) -> None:
    """Unknown fields anywhere in closed objects are removed, everything else stays, and the input does not change."""
    event = data.draw(EVENTS)
    dirty = littered(data, event, SCHEMA.document)
    before = copy.deepcopy(dirty)
    assert SCHEMA.project(dirty) == event
    assert dirty == before


@given(EVENTS)
def test_valid_event_is_valid_after_projection_to_an_older_version(event: dict[str, Any]) -> None:
    """A newer event projected to an older version is valid, and a second projection changes nothing."""
    projected = PINNED.project(event)
    assert PINNED.is_valid(projected)
    assert PINNED.project(projected) is projected


@given(JSON)
def test_projection_accepts_any_json(value: Any) -> None:
    """A value of the wrong type stays the same.

    Nothing raises, nothing is changed in place, and a second projection changes nothing.
    """
    before = copy.deepcopy(value)
    project = compile_projection(SCHEMA.document)
    assert project is not None
    once = project(value)
    assert project(once) is once
    assert value == before
    assert isinstance(value, dict) or once is value


def test_open_objects_keep_unknown_fields_and_closed_ones_in_them_lose_them() -> None:
    """`prior_state` is open and keeps a new field; the closed page in it does not."""
    event = {**SCHEMA.document["examples"][0], "prior_state": {"new": 1, "page": {"page_id": 1, "new": 2}}}
    assert SCHEMA.project(event)["prior_state"] == {"new": 1, "page": {"page_id": 1}}


@pytest.mark.parametrize(
    ("schema", "value", "kept"),
    [
        (CLOSED, {"a": 1, "b": 2}, {"a": 1}),
        ({"type": "array", "items": CLOSED}, [{"a": 1}, {"b": 2}, 3], [{"a": 1}, {}, 3]),
        ({"type": "object", "additionalProperties": CLOSED}, {"x": {"b": 2}, "y": None}, {"x": {}, "y": None}),
        ({"type": "object", "properties": {"c": CLOSED}}, {"c": {"b": 2}, "d": 1}, {"c": {}, "d": 1}),
        ({"type": "object", "additionalProperties": False}, {"a": 1}, {}),
    ],
    ids=["closed", "array", "map", "open", "closed and empty"],
)
def test_each_kind_of_schema_is_projected(schema: dict[str, Any], value: Any, kept: Any) -> None:
    """Closed objects lose fields; arrays, maps and open objects apply the projection to their content."""
    project = compile_projection(schema)
    assert project is not None
    assert project(value) == kept


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string"},
        {"type": "object"},
        {"type": "object", "properties": {"a": {"type": "integer"}}},
        {"type": "object", "additionalProperties": {"type": "string"}},
        {"type": "object", "additionalProperties": False, "patternProperties": {"^x": {}}},
        {"$ref": "#", "additionalProperties": False},
    ],
)
def test_schema_without_closed_objects_is_not_compiled(schema: dict[str, Any]) -> None:
    """Scalars, open objects of scalars, and keywords that only the validator checks have no cost."""
    assert compile_projection(schema) is None
