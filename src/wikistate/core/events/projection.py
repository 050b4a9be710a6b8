"""Projection: the part of an event that a schema knows.

A producer may be ahead of the version that a job is pinned to; newer fields are removed, so that the event is valid
again. A schema is compiled once into nested closures, and only objects that lose a field are copied: a page_change of 70
fields takes 5 to 8 µs, against 75 µs for a traversal of the schema.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Projection = Callable[[Any], Any]
"""Function that removes unknown fields from a value. Returns the same object if nothing is removed, else a new one."""

_Children = tuple[tuple[str, Projection], ...]


def compile_projection(schema: object) -> Projection | None:
    """Compile a materialised schema; return None if it never removes anything.

    Only a closed object (``additionalProperties: false``) loses fields. An open object keeps all its fields, and its
    declared properties are projected. Values of maps and items of arrays are projected. A value of the wrong type stays
    unchanged: the validator rejects it.
    """
    if not isinstance(schema, Mapping) or "$ref" in schema:
        return None
    if (items := compile_projection(schema.get("items"))) is not None:
        return _compile_array(items)
    others = schema.get("additionalProperties", True)
    if (values := compile_projection(others)) is not None and not schema.get("properties"):
        return _compile_map(values)
    children = _compile_children(schema)
    if others is False and "patternProperties" not in schema:
        return _compile_closed(frozenset(schema.get("properties", ())), children)
    return _compile_open(children) if children else None


def _compile_children(schema: Mapping[str, Any]) -> _Children:
    compiled = ((name, compile_projection(child)) for name, child in schema.get("properties", {}).items())
    return tuple((name, child) for name, child in compiled if child is not None)


def _compile_closed(known: frozenset[str], children: _Children) -> Projection:
    knows_all = known.issuperset  # half the time of comparing a view of the keys

    def leaf(value: Any) -> Any:
        if not isinstance(value, dict) or knows_all(value):
            return value
        result = value.copy()
        for name in value:
            if name not in known:
                del result[name]
        return result

    return _compile_node(leaf, children) if children else leaf


def _compile_open(children: _Children) -> Projection:
    return _compile_node(lambda value: value, children)


def _compile_node(cut: Projection, children: _Children) -> Projection:
    def project(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        result = cut(value)
        for name, child in children:
            inner = value.get(name)
            if inner is not None and (projected := child(inner)) is not inner:
                if result is value:
                    result = value.copy()
                result[name] = projected
        return result

    return project


def _compile_map(child: Projection) -> Projection:
    def project(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        result = value
        for name, inner in value.items():
            if (projected := child(inner)) is not inner:
                if result is value:
                    result = value.copy()
                result[name] = projected
        return result

    return project


def _compile_array(child: Projection) -> Projection:
    def project(value: Any) -> Any:
        if not isinstance(value, list):
            return value
        projected = [child(inner) for inner in value]
        return projected if any(new is not old for new, old in zip(projected, value, strict=True)) else value

    return project
