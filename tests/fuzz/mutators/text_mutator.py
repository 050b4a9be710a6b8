"""Mutations of text: its words and lines, words of the format, nesting and repetition."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.fuzz.mutators.oddities import nest, odd_address, odd_text

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

_WORDS = re.compile(r"\s+|\w+|[^\w\s]")
_ADDRESS = re.compile(r"https?://[^\s\"'<>\\]*")
_BRACKETS = (
    *(("<<( ", ")>> "), ("[", "]"), ("(", ")"), ("{", "}"), ("<< ", " >>"), ("<div>", "</div>"), ("<!--", "-->")),
    *(
        ('"""', '"""'),
        ("[ <a:b> ", "] "),
        ("- ", ""),
        ("? ", ""),
        ("{a: ", "}"),
        ("&a [", "]"),
        ("<link ", ">"),
        ("<a ", ""),
    ),
)
_MAX_CHARS = 600_000
"""Characters of a result. Inputs within it take no more than the time limit, whatever the reader does in linear time."""


def mutate_text(text: str, rng: random.Random, *, tokens: Sequence[str] = (), others: Sequence[str] = ()) -> str:
    """Return a text with some mutations.

    Args:
        text: The text.
        rng: Source of all choices.
        tokens: Words of the format.
        others: Other texts of the same target, whose lines are spliced in.
    """
    for _ in range(rng.choice((1, 1, 2, 3, 5))):
        text = _mutate_once(text, rng, tokens, others)[:_MAX_CHARS]
    return text


def _mutate_once(  # noqa: PLR0911  (one for each mutation)
    text: str, rng: random.Random, tokens: Sequence[str], others: Sequence[str]
) -> str:
    match rng.randrange(12):
        case 0 | 1 | 2:
            return _mutate_words(text, rng, tokens)
        case 3 | 4:
            return _mutate_lines(text, rng, others)
        case 5:
            return _insert(text, rng, odd_text(rng))
        case 6 if tokens:
            return _insert(text, rng, rng.choice(tokens))
        case 7:
            return _insert(text, rng, nest(rng, rng.choice(_BRACKETS)))
        case 8:
            unit = rng.choice((*tokens, *_WORDS.findall(text[:4096]), " ", "\n", "<", "a"))
            return _insert(text, rng, unit * min(rng.choice((2, 100, 3_000, 60_000)), _MAX_CHARS // max(1, len(unit))))
        case 9:
            return text[: rng.randrange(len(text) + 1)]
        case 10 if found := list(_ADDRESS.finditer(text)):
            place = rng.choice(found)
            return text[: place.start()] + odd_address(rng) + text[place.end() :]
        case _:
            at, size = rng.randrange(len(text) + 1), rng.choice((1, 3, 20, 200))
            return text[:at] + text[at + size :]


def _mutate_words(text: str, rng: random.Random, tokens: Sequence[str]) -> str:
    words = _WORDS.findall(text)
    if not words:
        return odd_text(rng)
    index = rng.randrange(len(words))
    match rng.randrange(5):
        case 0:
            words[index] = odd_text(rng)
        case 1:
            words[index] = rng.choice(tokens) if tokens else odd_text(rng)
        case 2:
            words[index] = words[rng.randrange(len(words))]
        case 3:
            del words[index]
        case _:
            other = rng.randrange(len(words))
            words[index], words[other] = words[other], words[index]
    return "".join(words)


def _mutate_lines(text: str, rng: random.Random, others: Sequence[str]) -> str:
    lines = text.splitlines(keepends=True)
    if not lines:
        return "\n" * rng.choice((1, 1000))
    index = rng.randrange(len(lines))
    match rng.randrange(7):
        case 0:
            del lines[index]
        case 1:
            lines[index:index] = [lines[index]] * rng.choice((1, 2, 300))
        case 2:
            rng.shuffle(lines)
        case 3 if others:
            donor = rng.choice(others).splitlines(keepends=True) or [""]
            lines[index:index] = donor[rng.randrange(len(donor)) :][: rng.choice((1, 3, 20))]
        case 4:
            lines[index] = lines[index].rstrip("\r\n")
        case 5:
            lines = [line.replace("\n", "\r\n" if rng.random() < 0.5 else "\r") for line in lines]
        case _:
            lines[index] = lines[rng.randrange(len(lines))]
    return "".join(lines)


def _insert(text: str, rng: random.Random, piece: str) -> str:
    at = rng.choice((0, len(text), rng.randrange(len(text) + 1), rng.randrange(len(text) + 1)))
    return text[:at] + piece + text[at:]
