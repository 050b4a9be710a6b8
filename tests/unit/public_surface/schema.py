"""The keys of a JSON Schema and of a settings document, flattened so that two versions can be compared key by key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "pattern", "minLength", "maxLength")


def configuration_keys(schema: dict[str, Any]) -> dict[str, Any]:
    """Return each key with its types, defaults and bounds.

    The keys of all members of a union count, as a file may set each of them. ``NAME`` stands for a name that the
    operator chooses, ``[]`` for an item of a list.

    Args:
        schema: A schema in the form that pydantic writes, with definitions under ``$defs``.
    """
    keys: dict[str, Any] = {}
    for key, found in _walk(schema, "", schema.get("$defs", {})):
        known = keys.setdefault(key, {"types": [], "defaults": [], "required": True, "bounds": {}})
        known["types"] = sorted({*known["types"], *found["types"]})
        known["defaults"] += [default for default in found["defaults"] if default not in known["defaults"]]
        known["required"] = known["required"] and found["required"]
        known["bounds"] |= found["bounds"]
    return keys


def _walk(node: dict[str, Any], prefix: str, definitions: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    required = node.get("required", [])
    for name, value in node.get("properties", {}).items():
        members = list(_members(value, definitions))
        yield (
            f"{prefix}{name}",
            {
                "types": sorted({kind for member in members for kind in _types(member, definitions)}),
                "defaults": [value["default"]] if "default" in value else [],
                "required": name in required,
                "bounds": {bound: member[bound] for member in members for bound in _BOUNDS if bound in member},
            },
        )
        for member in members:
            yield from _walk_inner(member, f"{prefix}{name}", definitions)


def _walk_inner(node: dict[str, Any], prefix: str, definitions: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    yield from _walk(node, f"{prefix}.", definitions)
    for key, path in (("additionalProperties", f"{prefix}.NAME"), ("items", f"{prefix}.[]")):
        if isinstance(node.get(key), dict):
            for member in _members(node[key], definitions):
                yield from _walk_inner(member, path, definitions)


def _members(node: dict[str, Any], definitions: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the members of a union, with references followed; a node without either is its only member."""
    unions = [inner for key in ("anyOf", "oneOf", "allOf") for inner in node.get(key, [])]
    if "$ref" in node:
        yield from _members(definitions[node["$ref"].rpartition("/")[2]], definitions)
    elif unions:
        for inner in unions:
            yield from _members(inner, definitions)
    else:
        yield node


def _types(node: dict[str, Any], definitions: dict[str, Any]) -> list[str]:
    if "enum" in node or "const" in node:
        return [repr(value) for value in node.get("enum", [node.get("const")])]
    if node.get("type") == "array":
        items = sorted(
            {kind for member in _members(node.get("items", {}), definitions) for kind in _types(member, definitions)}
        )
        return [f"list of {' | '.join(items)}"]
    return [node.get("type", "any")]


def flatten(document: Any, prefix: str = "") -> dict[str, Any]:
    """Return the values of a document by their keys, with dots between the names."""
    if not isinstance(document, dict) or not document:
        return {prefix: {"value": document}}
    flat: dict[str, Any] = {}
    for name, value in document.items():
        flat |= flatten(value, f"{prefix}.{name}" if prefix else str(name))
    return flat
