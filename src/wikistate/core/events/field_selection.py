"""Field selection: reduces an event to the fields that its consumers need and keeps it valid.

Fields that the schema requires always stay, and so do `$schema`, `meta`, `dt` and the fields of the message key. The
schema is narrowed once, and a projection is compiled for the narrowed schema.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, NamedTuple

from wikistate.core.events.projection import compile_projection
from wikistate.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from wikistate.core.events.projection import Projection
    from wikistate.core.events.schema import Schema

ANY = "*"
"""In a path, every key of a map: ``revision.content_slots.*.content_body``."""

_ALWAYS = ("$schema", "meta", "dt")
_KEY = "filter.fields"

_Wanted = dict[str, "_Wanted"] | None  # None: the field with everything in it


class FieldSelection(NamedTuple):
    """Compiled selection of fields.

    Attributes:
        project: Function that returns an event without the other fields; the given event is not changed.
        kept: Paths that are not selected and stay nevertheless, because an event without them is not valid.
    """

    project: Projection
    kept: tuple[str, ...]


def select_fields(schema: Schema, paths: Collection[str], *, key_fields: Iterable[str] = ()) -> FieldSelection:
    """Compile the selection of some fields of a schema.

    Args:
        schema: Schema of the events that are written.
        paths: Dotted paths, such as ``page.page_title``; an object is selected whole. `ANY` stands for each key of a map.
        key_fields: Paths of the message key.

    Raises:
        ConfigError: The schema has no such field.
    """
    for path in paths:  # checked one by one: a wrong path within a field of the key, which stays whole, would be missed
        _SchemaNarrower(schema.uri).narrow(schema.document, _build_tree([path]), "")
    always = (name for name in _ALWAYS if schema.has_field(name))
    narrowing = _SchemaNarrower(schema.uri)
    document = narrowing.narrow(schema.document, _build_tree([*paths, *key_fields, *always]), "")
    return FieldSelection(compile_projection(document) or _return_unchanged, tuple(sorted(narrowing.kept)))


def _return_unchanged(event: Any) -> Any:
    return event


def _build_tree(paths: Iterable[str]) -> dict[str, _Wanted]:
    wanted: dict[str, _Wanted] = {}
    for path in paths:
        _insert_path(wanted, path.split("."))
    return wanted


def _insert_path(wanted: dict[str, _Wanted], path: list[str]) -> None:
    name, *rest = path
    if not rest:
        wanted[name] = None
        return
    below = wanted.setdefault(name, {})
    if below is not None:  # None: the whole field is selected already
        _insert_path(below, rest)


class _SchemaNarrower:
    """Narrowing of a schema, with the paths that are required although they are not selected."""

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self.kept: list[str] = []

    def narrow(self, schema: Any, wanted: _Wanted, path: str) -> Any:
        """Return a part of the schema with the selected and the required fields alone."""
        if wanted is None or not isinstance(schema, Mapping):
            return schema
        if "items" in schema:
            return {**schema, "items": self.narrow(schema["items"], wanted, path)}
        properties, others = schema.get("properties", {}), schema.get("additionalProperties", True)
        if not properties and not isinstance(others, Mapping):
            self._check_known(wanted, (), path)
            return schema  # a plain value, or an object with any fields
        if not properties:
            return self._narrow_map(others, wanted, path)
        self._check_known(wanted, properties, path)
        return {**schema, "properties": self._narrow_properties(schema, wanted, path), "additionalProperties": False}

    def _narrow_properties(self, schema: Mapping[str, Any], wanted: Mapping[str, _Wanted], path: str) -> dict[str, Any]:
        left = {}
        for name, child in schema["properties"].items():
            if name in wanted:
                left[name] = self.narrow(child, wanted[name], f"{path}{name}.")
            elif name in schema.get("required", ()):
                self.kept.append(path + name)
                left[name] = self.narrow(child, {}, f"{path}{name}.")
        return left

    def _narrow_map(self, values: Mapping[str, Any], wanted: Mapping[str, _Wanted], path: str) -> dict[str, Any]:
        names = {name: self.narrow(values, below, f"{path}{name}.") for name, below in wanted.items() if name != ANY}
        if ANY not in wanted:
            return {"type": "object", "properties": names, "additionalProperties": False}
        every = self.narrow(values, wanted[ANY], f"{path}{ANY}.")
        return {"type": "object", "additionalProperties": every}

    def _check_known(self, wanted: Mapping[str, _Wanted], known: Collection[str], path: str) -> None:
        for name in wanted:
            if name not in known:
                near = get_close_matches(name, known, n=1)
                raise ConfigError(
                    f"{_KEY} has {path}{name}, which events of {self._uri} do not have.",
                    hint=f"Did you mean {path}{near[0]}?" if near else f"Allowed are: {', '.join(known) or 'none'}.",
                    key=_KEY,
                )
