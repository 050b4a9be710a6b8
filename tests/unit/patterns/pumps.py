"""Texts that make a regular expression slow: its own parts, repeated, behind the beginnings that lead to them."""

from __future__ import annotations

import re
from itertools import product
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_PARSER: Any = re._parser  # type: ignore[attr-defined]  # the parser of the library has no public name
_CATEGORY_SAMPLES = {"DIGIT": "1", "SPACE": " ", "WORD": "a", "NOT_DIGIT": "a", "NOT_SPACE": "a", "NOT_WORD": "-"}
_CANDIDATES = 'a1 -"<>(x\n'
_ENDS = ("", "\x01")
_MAX_PARTS = 8


def generate_texts(pattern: str, flags: int, size: int) -> Iterator[str]:
    """Yield texts of about a number of characters."""
    tree = _PARSER.parse(pattern, flags)
    beginnings = list(_beginnings(tree))
    words = [f"{beginning} " for beginning in beginnings[: _MAX_PARTS // 2]]  # for a pattern with word boundaries
    parts = list(dict.fromkeys(part for part in [*beginnings[:_MAX_PARTS], *words, *_atoms(tree)] if part))
    for beginning, part, end in product(beginnings[:_MAX_PARTS], parts[: 2 * _MAX_PARTS], _ENDS):
        yield beginning + part * max(1, size // len(part)) + end


def _beginnings(tree: Any) -> Iterator[str]:
    """Yield an example of each beginning of a sequence, also within its groups."""
    yield ""
    before = ""
    items = list(tree)
    for place, item in enumerate(items):
        for inner in _subtrees(item):
            yield from (before + each for each in _beginnings(inner) if each)
        before += _example(item)
        if [str(operator) for operator, _ in items[place : place + 2]] != [
            "LITERAL",
            "LITERAL",
        ]:  # a word is one beginning
            yield before


def _atoms(tree: Any) -> Iterator[str]:
    """Yield an example of each item."""
    for item in tree:
        yield _example(item)
        for inner in _subtrees(item):
            yield from _atoms(inner)


def _subtrees(item: Any) -> Iterator[Any]:
    operator, argument = item
    match str(operator):
        case "SUBPATTERN":
            yield argument[3]
        case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
            yield argument[2]
        case "BRANCH":
            yield from argument[1]
        case "ATOMIC_GROUP":
            yield argument
        case _:
            pass


def _example(item: Any) -> str:
    operator, argument = item
    match str(operator):
        case "LITERAL":
            found = chr(argument)
        case "NOT_LITERAL":
            found = next(each for each in _CANDIDATES if ord(each) != argument)
        case "ANY":
            found = "a"
        case "IN":
            found = _member(argument)
        case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
            found = "".join(map(_example, argument[2])) * max(1, argument[0])
        case "BRANCH" | "SUBPATTERN" | "ATOMIC_GROUP":
            found = "".join(map(_example, next(_subtrees(item))))
        case _:  # positions, looks around, references
            found = ""
    return found


def _member(members: Any) -> str:
    """Return a character of a class."""
    if str(members[0][0]) == "NEGATE":
        return next((each for each in _CANDIDATES if not any(_contains(member, each) for member in members[1:])), "~")
    operator, argument = members[0]
    match str(operator):
        case "RANGE":
            return chr(argument[0])
        case "CATEGORY":
            return _CATEGORY_SAMPLES[str(argument).removeprefix("CATEGORY_")]
        case _:
            return chr(argument)


def _contains(member: Any, character: str) -> bool:
    operator, argument = member
    match str(operator):
        case "RANGE":
            return bool(argument[0] <= ord(character) <= argument[1])
        case "CATEGORY":
            name = str(argument).removeprefix("CATEGORY_")
            found = {
                "DIGIT": character.isdigit(),
                "SPACE": character.isspace(),
                "WORD": character.isalnum() or character == "_",
            }
            return found[name.removeprefix("NOT_")] is not name.startswith("NOT_")
        case _:
            return bool(argument == ord(character))
