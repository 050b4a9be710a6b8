"""The validation of layers of settings as one `Configuration`, with errors that name the next step."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args, get_origin

from pydantic import BaseModel, ValidationError

from wikistate.config.authentication import find_refused_logins
from wikistate.config.layers import Layer, format_key, merge
from wikistate.config.model import Configuration
from wikistate.errors import SettingsError
from wikistate.secret import HIDDEN, Secret, is_secret_name, mask_url

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pydantic_core import ErrorDetails

    from wikistate.config.layers import KeyPath


MAX_NUMBER = 2**63 - 1
"""The largest number of a setting. The systems that settings are passed to have 64 bits."""


@dataclass(frozen=True, slots=True)
class LoadedConfiguration:
    """A configuration, and warnings about settings that do not stop the job."""

    configuration: Configuration
    warnings: tuple[str, ...]


def load(layers: Sequence[Layer]) -> LoadedConfiguration:
    """Merge the layers and validate the result.

    Unknown keys of lenient layers are dropped with a warning; see `Layer.strict`.

    Raises:
        ConfigError: A setting is not valid. The message has a line for each key: its origin, its value, the allowed values
            and the nearest valid spelling.
    """
    merged = merge(layers)
    problems = [_format_bad_number(path, value, merged) for path, value in _find_bad_numbers(merged.values)]
    problems += [_format_refused_login(path, merged) for path in find_refused_logins(merged.values)]
    if problems:
        raise SettingsError(problems)
    strict = {path for layer in layers if layer.strict for path in layer.origins}
    warnings: list[str] = []
    try:
        return LoadedConfiguration(Configuration.model_validate(merged.values), ())
    except ValidationError as error:
        unknown = [_error_path(detail) for detail in error.errors() if detail["type"] == "extra_forbidden"]
    for path in unknown:
        if path not in strict:
            warnings.append(f"{_format_unknown_key(path, merged)} It is ignored.")
            _drop(merged.values, path)
    try:
        return LoadedConfiguration(Configuration.model_validate(merged.values), tuple(warnings))
    except ValidationError as error:
        problems = [_format_error(detail, merged) for detail in error.errors()]
    raise SettingsError(problems, hint="All keys: wikistate config schema")


def _find_bad_numbers(values: object, path: KeyPath = ()) -> Iterator[tuple[KeyPath, int | float]]:
    """Yield the numbers that no setting can have: those that need more than 64 bits, infinity and "not a number"."""
    if isinstance(values, dict):
        for key, value in values.items():
            yield from _find_bad_numbers(value, (*path, str(key)))
    elif isinstance(values, list):
        for value in values:
            yield from _find_bad_numbers(value, path)
    elif isinstance(values, int | float) and not -MAX_NUMBER <= values <= MAX_NUMBER:
        yield path, values


def _format_bad_number(path: KeyPath, value: float, layer: Layer) -> str:
    return (
        f"{_origin_prefix(path, layer)}{format_key(path)}: found {_format_found(path, value)}; numbers must be from "
        f"{-MAX_NUMBER} to {MAX_NUMBER}."
    )


def _format_refused_login(path: KeyPath, layer: Layer) -> str:
    return (
        f"{_origin_prefix(path, layer)}{mask_url(format_key(path))}: the URL has a user name or password, which must not "
        "be there. The login of a wiki belongs under wikis.DOMAIN.credentials, that of Kafka into the properties; a route "
        "needs none."
    )


def resolve_key(path: KeyPath, value: object) -> KeyPath:
    """Return the path of a setting that was split at each dot.

    The names in a map (Kafka properties, routes, wikis) contain dots: in ``….properties.max.request.size`` and
    ``wikis.my.wiki.api`` some parts belong together.

    Args:
        path: The setting as it was written, split at each dot.
        value: The value of the setting; a mapping is a whole entry of such a map.
    """
    kind: Any = Configuration
    for depth, part in enumerate(path):
        if get_origin(kind) is dict:
            return (*path[:depth], *_split_entry(get_args(kind)[1], path[depth:], value))
        if not _is_settings(kind) or part not in kind.model_fields:
            break  # the validation reports it
        kind = kind.model_fields[part].annotation
    return path


def _split_entry(kind: Any, path: KeyPath, value: object) -> KeyPath:
    """Return the name of an entry as one part, and the following parts if entries have settings."""
    end = len(path)
    if _is_settings(kind) and not isinstance(value, dict) and len(path) > 1:
        end = max((step for step in range(1, end) if path[step] in kind.model_fields), default=end - 1)
    return (format_key(path[:end]), *path[end:])


def _is_settings(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _error_path(detail: ErrorDetails) -> KeyPath:
    return tuple(str(part) for part in detail["loc"])


def _drop(values: dict[str, Any], path: KeyPath) -> None:
    for part in path[:-1]:
        values = values[part]
    del values[path[-1]]


def _origin_prefix(path: KeyPath, layer: Layer) -> str:
    """Return the origin of the key, or of the nearest key above it."""
    for length in range(len(path), 0, -1):
        origin = layer.origins.get(path[:length])
        if origin:
            return f"{origin}: "
    return ""


def _format_error(detail: ErrorDetails, layer: Layer) -> str:
    path = _error_path(detail)
    if detail["type"] == "extra_forbidden":
        return _format_unknown_key(path, layer)
    found = "" if detail["type"] == "missing" else f" found {_format_found(path, detail['input'])};"
    return f"{_origin_prefix(path, layer)}{format_key(path)}:{found} {_format_expected(detail)}"


def _format_found(path: KeyPath, value: object) -> str:
    """Return a wrong value, unless it is a secret or may hold one."""
    if isinstance(value, list) and all(isinstance(item, int | float) for item in value):
        return _shorten(value)
    if isinstance(value, dict | list | set):
        return f"a {type(value).__name__}"
    return HIDDEN if _may_hold_secret(path) else _shorten(value)


def _may_hold_secret(path: KeyPath) -> bool:
    """Return whether the setting is a secret, or a section with one, or has the name of one."""
    kind: Any = Configuration
    for part in path:
        if is_secret_name(part):
            return True
        if _is_settings(kind):
            field = kind.model_fields.get(part)
            kind = None if field is None else field.annotation
        else:
            kind = get_args(kind)[-1] if get_origin(kind) is dict else None
    return _includes_secret(kind)


def _includes_secret(kind: Any) -> bool:
    if _is_settings(kind):
        return any(_includes_secret(field.annotation) for field in kind.model_fields.values())
    return kind is Secret or kind is Any or any(map(_includes_secret, get_args(kind)))


def _shorten(value: object) -> str:
    try:
        text = mask_url(repr(value))
    except ValueError:  # Python writes no number of more than some thousand digits
        text = "a number of thousands of digits"
    return text if len(text) <= 60 else f"{text[:57]}..."  # noqa: PLR2004  (fits into a line)


def _format_expected(detail: ErrorDetails) -> str:
    expected = detail.get("ctx", {}).get("expected")
    if detail["type"] in {"literal_error", "enum"} and expected:
        allowed = [choice.strip(" '") for choice in str(expected).replace(" or ", ", ").split(",")]
        nearest = difflib.get_close_matches(str(detail["input"]), allowed, n=1, cutoff=0.5)
        return f"allowed: {', '.join(allowed)}" + (f"; did you mean {nearest[0]}?" if nearest else "")
    return detail["msg"][:1].lower() + detail["msg"][1:]


def _format_unknown_key(path: KeyPath, layer: Layer) -> str:
    known = list(_known_keys(Configuration, path[:-1]))
    nearest = difflib.get_close_matches(path[-1], known, n=1, cutoff=0.6)
    advice = f"did you mean {format_key((*path[:-1], nearest[0]))}?" if nearest else f"known here: {', '.join(known)}."
    return f"{_origin_prefix(path, layer)}{format_key(path)}: there is no such key; {advice}"


def _known_keys(model: type[BaseModel], path: KeyPath) -> Iterator[str]:
    """Yield the keys that are allowed below a path."""
    current: Any = model
    for part in path:
        # In a map of named settings, skip the name.
        current = current.model_fields[part].annotation if _is_settings(current) else get_args(current)[-1]
    if _is_settings(current):
        yield from current.model_fields
