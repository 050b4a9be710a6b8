"""Strategies for events: arbitrary JSON, and events that follow a schema."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
"""Any JSON value."""

UNKNOWN = st.dictionaries(st.sampled_from(["x_new", "x_newer", "x"]), JSON, max_size=2)
"""Fields that no bundled schema has."""

_TIMESTAMPS = st.sampled_from(["2023-04-18T11:02:33Z", "2001-01-15T00:00:00.5Z", "2030-12-31T23:59:59+01:00"])


def valid(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Return a strategy for the values that a materialised schema allows."""
    found: st.SearchStrategy[Any]
    match schema:
        case {"type": "string"}:
            found = _strings(schema)
        case {"type": "integer"}:
            found = st.integers(schema["minimum"], schema["maximum"])
        case {"type": "boolean"}:
            found = st.booleans()
        case {"type": "array"}:
            found = st.lists(valid(schema["items"]), max_size=3)
        case {"properties": properties}:
            found = _objects(properties, required=schema.get("required", []))
        case _:
            found = st.dictionaries(st.text(max_size=8), valid(schema["additionalProperties"]), max_size=2)
    return found


def _strings(schema: dict[str, Any]) -> st.SearchStrategy[str]:
    match schema:
        case {"enum": values}:
            return st.sampled_from(values)
        case {"format": "date-time"}:
            return _TIMESTAMPS
        case {"format": _}:
            return st.just("https://en.wikipedia.org/wiki/Harbour_seal")
        case _:
            return st.text(min_size=schema.get("minLength", 0), max_size=8)


def _objects(properties: dict[str, Any], *, required: list[str]) -> st.SearchStrategy[dict[str, Any]]:
    fields = {name: valid(schema) for name, schema in properties.items()}
    return st.fixed_dictionaries(
        {name: fields[name] for name in required},
        optional={name: field for name, field in fields.items() if name not in required},
    )


def littered(data: st.DataObject, value: Any, schema: dict[str, Any]) -> Any:
    """Return a copy of a valid value that has unknown fields in its closed objects."""
    match schema, value:
        case {"properties": properties}, dict():
            known = {name: littered(data, inner, properties[name]) for name, inner in value.items()}
            closed = schema.get("additionalProperties") is False
            return known | data.draw(UNKNOWN) if closed else known
        case {"type": "object", "additionalProperties": items}, dict():
            return {name: littered(data, inner, items) for name, inner in value.items()}
        case _:
            return value
