"""Commands, settings, metrics, streams, exit codes, URLs and public names: only additions are allowed.

The reference is kept as data under ``reference``; ``capture.py`` writes it.
"""

from __future__ import annotations

import importlib
import json
from typing import Any

import pytest
from tests.unit.public_surface.capture import REFERENCE, read_reference
from tests.unit.public_surface.comparison import find_breaks
from tests.unit.public_surface.moves import MOVES, apply_moves, find_new_name
from tests.unit.public_surface.schema import configuration_keys, flatten
from tests.unit.public_surface.surface import SURFACE, is_understood


@pytest.mark.parametrize("part", SURFACE)
def test_nothing_public_is_removed_or_changed(part: str) -> None:
    """Each line names the entry."""
    current = json.loads(json.dumps(SURFACE[part]()))
    reference = apply_moves(read_reference(part)) if part == "testing" else read_reference(part)
    breaks = list(find_breaks(reference, current, part))
    assert not breaks, "\n".join(["", *breaks])


@pytest.mark.parametrize(("old", "new"), MOVES.items())
def test_moved_name_exists_at_its_new_place_alone(old: str, new: str) -> None:
    """A row of the table names a module or a member of one."""
    assert _exists(new)
    assert not _exists(old)


def _exists(name: str) -> bool:
    module, _, member = name.rpartition(".")
    try:
        return hasattr(importlib.import_module(module), member) or importlib.import_module(name) is not None
    except ModuleNotFoundError:
        return False


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("wikistate.testing.pages", "wikistate.demo.pages"),
        ("wikistate.testing.pages.slot", "wikistate.demo.pages.make_slot"),
        ("wikistate.testing.pages.Page", "wikistate.demo.pages.Page"),
        ("wikistate.testing.wiki.FakeWiki", "wikistate.testing.wiki.FakeWiki"),
    ],
)
def test_members_follow_their_module(old: str, new: str) -> None:
    """A row for a member comes before the row for its module; other names stay."""
    assert find_new_name(old) == new


def test_reference_holds_the_surface() -> None:
    """An empty reference would break nothing."""
    assert {path.stem for path in REFERENCE.iterdir()} == set(SURFACE)
    sizes = {part: len(read_reference(part)) for part in SURFACE}
    assert sizes["commands"] >= 16
    assert sizes["configuration"] >= 100
    assert sizes["metrics"] >= 30
    assert sizes["exit_codes"] == 9
    assert sizes["job_settings"] == 6
    assert len(read_reference("streams")["streams"]) >= 10
    assert len(read_reference("urls")["source"]) == 8
    assert len(read_reference("urls")["sink"]) == 5


def test_unknown_url_is_not_understood() -> None:
    """The examples of the reference are understood for a reason."""
    assert not is_understood("amqps://host/queue", "source")


@pytest.mark.parametrize(
    ("reference", "current", "breaks"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, []),
        ({"a": ["x"]}, {"a": ["y", "x"]}, []),
        ({"a": 1}, {}, ["part: 'a' is removed"]),
        ({"a": 1}, {"a": 2}, ["part: a: changed from 1 to 2"]),
        ({"a": 1}, {"a": True}, ["part: a: changed from 1 to True"]),
        ({"a": {"b": None}}, {"a": {"b": 0}}, ["part: a: b: changed from None to 0"]),
        ({"a": ["x", "y"]}, {"a": ["x"]}, ["part: a: 'y' is removed"]),
        ({"a": [{"x": 1}]}, {"a": [{"x": 1, "y": 2}]}, []),
        ({"a": [{"x": 1}]}, {"a": [{"x": 2}]}, ["part: a: {'x': 1} is removed"]),
        ({}, {"a": {"required": True}}, ["part: 'a' is new and required"]),
        ({}, {"a": {"required": False}}, []),
    ],
)
def test_only_additions_are_allowed(reference: Any, current: Any, breaks: list[str]) -> None:
    """An added entry that users must give is a break as well."""
    assert list(find_breaks(reference, current, "part")) == breaks


def test_keys_of_sections_maps_lists_and_unions_are_found() -> None:
    """The members of a union may be split into classes of their own without a change for a file."""
    section = {"properties": {"x": {"type": "integer", "default": 1, "minimum": 0}}, "required": []}
    other = {"properties": {"x": {"type": "string", "default": ""}, "y": {"enum": ["A"]}}, "required": ["y"]}
    schema = {
        "$defs": {"Section": section, "Other": other},
        "properties": {
            "one": {"$ref": "#/$defs/Section"},
            "map": {"additionalProperties": {"$ref": "#/$defs/Section"}, "type": "object"},
            "list": {"items": {"type": "string"}, "type": "array", "default": []},
            "union": {"anyOf": [{"$ref": "#/$defs/Section"}, {"$ref": "#/$defs/Other"}, {"type": "null"}]},
        },
        "required": ["one"],
    }
    keys = configuration_keys(schema)
    assert set(keys) == {"one", "one.x", "map", "map.NAME.x", "list", "union", "union.x", "union.y"}
    assert keys["one"]["required"]
    assert keys["one.x"] == {"types": ["integer"], "defaults": [1], "required": False, "bounds": {"minimum": 0}}
    assert keys["list"]["types"] == ["list of string"]
    assert keys["union.x"] == {
        "types": ["integer", "string"],
        "defaults": [1, ""],
        "required": False,
        "bounds": {"minimum": 0},
    }
    assert keys["union.y"]["types"] == ["'A'"]


def test_settings_are_flattened_by_key() -> None:
    """An empty mapping is a value."""
    assert flatten({"a": {"b": 1, "c": {}}, "d": [1]}) == {
        "a.b": {"value": 1},
        "a.c": {"value": {}},
        "d": {"value": [1]},
    }
