"""Layers of settings: each a nested mapping that knows where each of its keys was written.

Later layers win, key by key (a deep merge). The origin of a key travels with it, so that an error can say
``config.yaml:7`` or ``--set`` and not only what is wrong.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from wikistate.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

KeyPath = tuple[str, ...]
"""The place of a setting: ``("stream_manager", "source", "stream")``."""


def format_key(path: Iterable[object]) -> str:
    """The place of a setting as the operator writes it."""
    return ".".join(str(part) for part in path)


@dataclass(slots=True)
class Layer:
    """Settings from one place.

    Attributes:
        values: The nested mapping.
        origins: Where each key was written, by its path, for example ``config.yaml:7`` or ``--source``.
        strict: Whether an unknown key is an error. In a file it is a warning, because a file must survive that an
            older version of the job runs it after a rollback; what was typed just now can be typed again.
    """

    values: dict[str, Any] = field(default_factory=dict)
    origins: dict[KeyPath, str] = field(default_factory=dict)
    strict: bool = False

    def put(self, path: KeyPath, value: object, origin: str) -> None:
        """Sets one key, making the mappings above it.

        Raises:
            ConfigError: Something above the key is already set and is not a mapping.
        """
        inner = self.values
        for depth, part in enumerate(path[:-1], start=1):
            inner = inner.setdefault(part, {})
            if not isinstance(inner, dict):
                raise ConfigError(
                    f"{origin}: {format_key(path[:depth])} is not a mapping, so {format_key(path)} cannot be set."
                )
        inner[path[-1]] = value
        self.origins[path] = origin


def read_file(file: Path) -> Layer:
    """Reads a YAML (or JSON) file.

    Raises:
        ConfigError: The file cannot be read, is not YAML, or is not a mapping; says the line.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {error.strerror}.", hint="Check the path after --config.") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file}: is not UTF-8 at byte {error.start}.") from None
    try:
        node = yaml.compose(text, Loader=_Loader)
        values = yaml.load(text, Loader=_Loader)  # noqa: S506  (the loader below is a safe one)
    except yaml.YAMLError as error:
        raise ConfigError(f"{file}: is not YAML: {_format_yaml_error(error)}.") from None
    if values is None:
        return Layer()
    if not isinstance(values, dict):
        raise ConfigError(f"{file}: must be a mapping with keys like stream_manager, found {type(values).__name__}.")
    layer = Layer(values=values)
    _record_origins(node, (), str(file), layer.origins)
    return layer


_Loader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _format_yaml_error(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    place = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    return f"{getattr(error, 'problem', None) or error}{place}"


def _record_origins(node: yaml.Node | None, path: KeyPath, file: str, origins: dict[KeyPath, str]) -> None:
    if not isinstance(node, yaml.MappingNode):
        return
    for key, value in node.value:
        inner = (*path, str(key.value))
        origins[inner] = f"{file}:{key.start_mark.line + 1}"
        _record_origins(value, inner, file, origins)


def parse_assignment(text: str) -> tuple[KeyPath, Any]:
    """``a.b.c=value`` as a path and a value; the value is read as YAML, so that numbers and lists are what they look like.

    Raises:
        ConfigError: There is no ``=``, no key, or the value is not YAML.
    """
    key, equals, value = text.partition("=")
    path = tuple(key.strip().split("."))
    if not equals or not all(path):
        raise ConfigError(f"--set {text}: expected path.to.key=value, for example enrich.batch_size=20.")
    try:
        return path, yaml.load(value, Loader=_Loader)  # noqa: S506  (a safe loader, see above)
    except yaml.YAMLError as error:
        raise ConfigError(f"--set {text}: the value is not YAML: {_format_yaml_error(error)}.") from None


def merge(layers: Iterable[Layer]) -> Layer:
    """One layer out of many, later ones winning key by key; lists are replaced, not joined."""
    merged = Layer()
    for layer in layers:
        merged.values = _merge_mappings(merged.values, layer.values)
        merged.origins |= layer.origins
    return merged


def _merge_mappings(lower: Mapping[str, Any], upper: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(lower)
    for key, value in upper.items():
        below = result.get(key)
        both = isinstance(below, dict) and isinstance(value, dict)
        result[key] = _merge_mappings(below, value) if both else value  # type: ignore[arg-type]  # mypy does not narrow by `both`
    return result
