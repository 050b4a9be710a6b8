"""Violations: why an event is not valid, in a few short lines for a person.

An event may hold megabytes of content and come from anywhere, so everything that is quoted from it is cut.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import orjson
from jsonschema_rs import ValidationErrorKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from jsonschema_rs import ValidationError

MOST = 3
"""How many violations are told."""

_LONGEST = 60  # characters of a value or name
_LONGEST_PATH = 120


def describe(errors: Iterable[ValidationError], document: dict[str, Any]) -> str:
    """The first violations as ``path: what was found, what is expected``, parted by semicolons; empty without errors.

    Args:
        errors: What the validator found.
        document: The schema, from which the expectation is quoted.
    """
    try:
        first = list(islice(errors, MOST + 1))
    except ValueError as error:
        return f"the event is not JSON: {cut(str(error), _LONGEST_PATH)}"
    told = [_violation(error, document) for error in first[:MOST]]
    return "; ".join([*told, "and more"] if len(first) > MOST else told)


def _violation(error: ValidationError, document: dict[str, Any]) -> str:
    path = cut(".".join(map(str, error.instance_path)), _LONGEST_PATH) or "the event"
    match error.kind:
        case ValidationErrorKind.Required(property=name):
            return f"{path}: {name} is missing"
        case ValidationErrorKind.AdditionalProperties(unexpected=names):
            return f"{path}: unknown {', '.join(cut(name, _LONGEST) for name in names[:MOST])}"
        case _:
            return f"{path}: found {_found(error.instance)}, expected {_expected(error.schema_path, document)}"


def _found(value: object) -> str:
    match value:
        case dict():
            return f"an object of {len(value)} fields"
        case list():
            return f"an array of {len(value)} items"
        case str():
            return f'"{cut(value, _LONGEST)}"'
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case _:
            return cut(str(value), _LONGEST)


def _expected(schema_path: Sequence[str | int], document: object) -> str:
    rule: Any = document
    for step in schema_path:
        rule = rule[step]
    return f"{schema_path[-1]} {cut(orjson.dumps(rule).decode(), _LONGEST_PATH)}"


def cut(text: str, longest: int) -> str:
    """At most `longest` characters; three dots stand for what was left out."""
    return text if len(text) <= longest else text[: longest - 3] + "..."
