"""Schemas as tables, as the Event Platform publishes them.

A line is a path, a type (with ``!`` when its parent requires it), and constraints; ``>=1.3`` begins with that version and
``<1.2`` ends before it. Integers are bounded by the integers of JavaScript, or by the minimum shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

LARGEST = 2**53 - 1

META = """
meta.domain string minLength=1
meta.dt string format=date-time maxLength=128
meta.id string
meta.request_id string
meta.stream string! minLength=1
meta.uri string format=uri-reference maxLength=8192
"""


def version_numbers(version: str) -> tuple[int, ...]:
    """Return a version as numbers that can be compared."""
    return tuple(map(int, version.split(".")))


def rows(table: str, version: str) -> set[str]:
    """Return the lines of a table that apply to a version, without the version conditions."""
    found = set()
    for line in filter(None, table.split("\n")):
        words = line.split(" ")
        is_introduced = all(
            version_numbers(version) >= version_numbers(word[2:]) for word in words if word.startswith(">=")
        )
        is_not_removed = all(
            version_numbers(version) < version_numbers(word[1:]) for word in words if word.startswith("<1")
        )
        if is_introduced and is_not_removed:
            found.add(" ".join(word for word in words if not word.startswith((">=", "<1"))))
    return found


def flat(schema: dict[str, Any], path: str = "") -> Iterator[str]:
    """Yield the lines of a table for a schema."""
    for name, field in schema.get("properties", {}).items():
        yield from row(field, f"{path}{name}", required=name in schema.get("required", ()))
    if isinstance(others := schema.get("additionalProperties"), dict):
        yield from row(others, f"{path}<key>")


def row(field: dict[str, Any], path: str, *, required: bool = False) -> Iterator[str]:
    """Yield the line of one field, and the lines of its nested fields."""
    words = [path, field["type"] + "!" * required]
    if field.get("additionalProperties") is False:
        words.append("closed")
    if field["type"] == "integer" and field["minimum"] != -LARGEST:
        words.append(f"minimum={field['minimum']}")
    words += [f"{name}={field[name]}" for name in ("format", "minLength", "maxLength") if name in field]
    if "enum" in field:
        words.append(f"enum={'|'.join(field['enum'])}")
    yield " ".join(words)
    yield from flat(field, f"{path}.")
    if "items" in field:
        yield from row(field["items"], f"{path}[]")


def fields(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield every field of a schema, at any depth."""
    nested = [*schema.get("properties", {}).values(), schema.get("items"), schema.get("additionalProperties")]
    for field in nested:
        if isinstance(field, dict):
            yield field
            yield from fields(field)
