"""Target of the fuzz suite: one reader of untrusted input, and the errors that it documents."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Kind(StrEnum):
    """Form of the input, which selects the mutations."""

    JSON = "json"
    JSON_LINES = "lines of json"
    HTTP = "http"
    TEXT = "text"
    BINARY = "binary"


class WrongResultError(AssertionError):
    """Result of a reader that breaks one of its rules, although nothing was raised."""


def require(condition: object, rule: str) -> None:
    """Raise `WrongResultError` with the rule that a result breaks."""
    if not condition:
        raise WrongResultError(rule)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One reader.

    Attributes:
        name: Name on the command line, and of the folders of its seeds and regression cases.
        kind: Form of the input.
        run: Reads one input. The path is an empty folder for its files; writing elsewhere is a finding.
        errors: Exceptions that the reader documents. Any other exception is a finding.
        compressed: Whether input may be compressed after its mutation, and bombs are tried.
        tokens: Words of the format, which text mutations insert.
        seconds: Seconds of CPU that one input may take.
        cases: Inputs of the short form; fewer for a target whose inputs take long.
    """

    name: str
    kind: Kind
    run: Callable[[bytes, Path], object]
    errors: tuple[type[Exception], ...] = ()
    compressed: bool = False
    tokens: tuple[str, ...] = ()
    seconds: float = 10.0
    cases: int = 30
