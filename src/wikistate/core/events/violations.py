"""Violations of a schema, described in a few short lines for a person.

An event may hold megabytes of content and come from any producer, so each quotation from it is truncated.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import orjson
from jsonschema_rs import ValidationErrorKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from jsonschema_rs import ValidationError

MAX_VIOLATIONS = 3
"""Number of violations that a message describes."""

_MAX_TEXT_LENGTH = 60  # characters of a value or name
_MAX_PATH_LENGTH = 120


def format_violations(errors: Iterable[ValidationError], document: dict[str, Any]) -> str:
    """Format the first violations as ``path: found value, expected value``, with semicolons between; empty without errors.

    Args:
        errors: Errors of the validator.
        document: The schema, from which the expected value is quoted.
    """
    try:
        first = list(islice(errors, MAX_VIOLATIONS + 1))
    except ValueError as error:
        return f"the event is not JSON: {truncate(str(error), _MAX_PATH_LENGTH)}"
    described = [_format_violation(error, document) for error in first[:MAX_VIOLATIONS]]
    return "; ".join([*described, "and more"] if len(first) > MAX_VIOLATIONS else described)


def _format_violation(error: ValidationError, document: dict[str, Any]) -> str:
    path = truncate(".".join(map(str, error.instance_path)), _MAX_PATH_LENGTH) or "the event"
    match error.kind:
        case ValidationErrorKind.Required(property=name):
            return f"{path}: {name} is missing"
        case ValidationErrorKind.AdditionalProperties(unexpected=names):
            return f"{path}: unknown {', '.join(truncate(name, _MAX_TEXT_LENGTH) for name in names[:MAX_VIOLATIONS])}"
        case _:
            return f"{path}: found {_format_found(error.instance)}, expected {_format_expected(error.schema_path, document)}"


def _format_found(value: object) -> str:
    match value:
        case dict():
            return f"an object of {len(value)} fields"
        case list():
            return f"an array of {len(value)} items"
        case str():
            return f'"{truncate(value, _MAX_TEXT_LENGTH)}"'
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case _:
            return truncate(str(value), _MAX_TEXT_LENGTH)


def _format_expected(schema_path: Sequence[str | int], document: object) -> str:
    rule: Any = document
    for step in schema_path:
        rule = rule[step]
    return f"{schema_path[-1]} {truncate(orjson.dumps(rule).decode(), _MAX_PATH_LENGTH)}"


def truncate(text: str, max_length: int) -> str:
    """Cut the text to at most `max_length` characters; three dots stand for the rest."""
    return text if len(text) <= max_length else text[: max_length - 3] + "..."
