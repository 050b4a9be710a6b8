"""Layers of settings: nested mappings with the origin of each key.

Later layers override earlier ones key by key (a deep merge). Each key keeps its origin, so that an error names
``config.yaml:7`` or ``--set`` as well as the mistake.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from wikistate.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

_KEY_END = re.compile(r"[:\s]")
_QUOTED = re.compile(r"'[^']{2,}'")

KeyPath = tuple[str, ...]
"""The path of a setting: ``("stream_manager", "source", "stream")``."""


def format_key(path: Iterable[object]) -> str:
    """Return the path of a setting as the operator writes it."""
    return ".".join(str(part) for part in path)


@dataclass(slots=True)
class Layer:
    """Settings of one origin: a file, the command line or the defaults.

    Attributes:
        values: The nested mapping.
        origins: The origin of each key by its path, for example ``config.yaml:7`` or ``--source``.
        strict: Whether an unknown key is an error. In a file it is a warning: after a rollback an older version of the
            job must still accept the file. A command line can be corrected immediately.
    """

    values: dict[str, Any] = field(default_factory=dict, repr=False)  # it may hold secrets
    origins: dict[KeyPath, str] = field(default_factory=dict)
    strict: bool = False

    def put(self, path: KeyPath, value: object, origin: str) -> None:
        """Set one key, and create the mappings above it.

        Raises:
            ConfigError: A key above it is already set and is not a mapping.
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
    """Read a YAML (or JSON) file.

    Raises:
        ConfigError: The file cannot be read, is not YAML, or is not a mapping. The error names the line.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {error.strerror}.", hint="Check the path after --config.") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file}: is not UTF-8 at byte {error.start}.") from None
    try:
        node, values = _parse(text)
    except _YAML_ERRORS as error:
        raise ConfigError(f"{file}: is not YAML: {_format_yaml_error(error)}.") from None
    if values is None:
        return Layer()
    if not isinstance(values, dict):
        raise ConfigError(f"{file}: must be a mapping with keys like stream_manager, found {type(values).__name__}.")
    layer = Layer(values=values)
    _record_origins(node, (), str(file), layer.origins)
    return layer


_YAML_ERRORS = (yaml.YAMLError, ValueError, RecursionError, AttributeError, LookupError, TypeError)
"""Errors of the loaders. Besides their own they raise those of Python, for numbers and dates that it cannot hold, and for a
tag that does not fit its value, such as ``!!bool x``."""

_FAST_LOADER: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MAX_OPENING = 2_000
"""Characters that may open a list or a mapping. The fast loader calls itself for each depth and would end the process."""


def _choose_loader(text: str) -> type[yaml.SafeLoader]:
    """Return a safe loader; for a text that may be nested deeply the one that raises `RecursionError`."""
    return _FAST_LOADER if sum(map(text.count, "[{-?:")) < _MAX_OPENING else yaml.SafeLoader


_MAX_NODES = 1_000_000
"""Values of a file, each counted as often as an alias repeats it. Ten levels of aliases to aliases are more than memory holds."""


def _parse(text: str) -> tuple[yaml.Node | None, Any]:
    """Return the node of a text and its value; None and None for an empty text.

    Raises:
        ValueError: It is larger than a file of settings, or contains itself. Other errors are among `_YAML_ERRORS`.
    """
    loader = _choose_loader(text)(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None, None
        if _count_nodes(node, {}) > _MAX_NODES:
            raise ValueError(f"its aliases repeat more than {_MAX_NODES} values, or a value contains itself")
        return node, loader.construct_document(node)
    finally:
        loader.dispose()


def _count_nodes(node: yaml.Node, counted: dict[int, int]) -> int:
    if (known := counted.get(id(node))) is not None:
        return known
    counted[id(node)] = _MAX_NODES + 1  # a value that contains itself has no end
    match node:
        case yaml.MappingNode():
            inner = [each for pair in node.value for each in pair]
        case yaml.SequenceNode():
            inner = node.value
        case _:
            inner = []
    total = 1 + sum(_count_nodes(each, counted) for each in inner)
    counted[id(node)] = total
    return total


def _format_yaml_error(error: Exception) -> str:
    if isinstance(error, AttributeError | LookupError):
        return f"a tag (two exclamation marks) does not fit its value: {type(error).__name__}: {error}"
    mark = getattr(error, "problem_mark", None)
    place = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    problem = str(getattr(error, "problem", None) or error)
    # A quoted text may be a secret that begins with a mark of YAML, such as * or !.
    return _QUOTED.sub("'…'", problem) + place


def _record_origins(node: yaml.Node | None, path: KeyPath, file: str, origins: dict[KeyPath, str]) -> None:
    if not isinstance(node, yaml.MappingNode):
        return
    for key, value in node.value:
        inner = (*path, str(key.value))
        origins[inner] = f"{file}:{key.start_mark.line + 1}"
        _record_origins(value, inner, file, origins)


def parse_assignment(text: str) -> tuple[KeyPath, Any]:
    """Return the path and the value of ``a.b.c=value``. The value is parsed as YAML: numbers and lists have their types.

    Raises:
        ConfigError: There is no ``=``, no key, or the value is not YAML.
    """
    key, equals, value = text.partition("=")
    path = tuple(key.strip().split("."))
    if not equals or not all(path):
        shown = f"{key}=…" if equals else _KEY_END.split(text, maxsplit=1)[0]  # the rest may be a secret
        raise ConfigError(f"--set {shown}: expected path.to.key=value, for example enrich.batch_size=20.")
    try:
        return path, _parse(value)[1]
    except _YAML_ERRORS as error:
        # The value may be a secret.
        raise ConfigError(f"--set {key}=…: the value is not YAML: {_format_yaml_error(error)}.") from None


def merge(layers: Iterable[Layer]) -> Layer:
    """Return one layer of many. Later layers override earlier ones key by key; lists are replaced and not joined."""
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
