"""Wikitext in eleven languages and nine scripts, put together from the phrase banks in ``sample``.

It reads like the real thing to code (templates, links, references, tables, every Unicode plane in use) and, from
afar, to people. The random generator is always an argument: the same one in the same state gives the same text.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from random import Random
from typing import Any

SMALLEST = 200
LARGEST = 30_000
"""Bytes of an article; the sizes in between are spread evenly over the magnitudes, so most articles are short."""


@dataclass(frozen=True, slots=True)
class Bank:
    """The phrases of one language: patterns take a name for ``{a}`` or ``{}`` and a number for ``{n}``."""

    names: list[str]
    titles: list[str]
    sentences: list[str]
    headings: list[str]
    closing: list[str]
    comments: list[str]
    reasons: list[str]
    users: list[str]
    remarks: list[str]


def load_sample(name: str) -> dict[str, Any]:
    """One of the bundled TOML documents."""
    return tomllib.loads(resources.files(__package__).joinpath("sample", name).read_text(encoding="utf-8"))


@cache
def bank(language: str) -> Bank:
    """The phrase bank of a language: ``en``, ``de``, ``fr``, ``ru``, ``ar``, ``he``, ``hi``, ``ja``, ``zh``, ``th``, ``el``."""
    return Bank(**load_sample(f"{language}.toml"))


@cache
def rarities() -> list[str]:
    """What ordinary sentences do not hold: joined emoji, direction marks, combining characters, the astral planes."""
    found: list[str] = load_sample("rarities.toml")["rarities"]
    return found


def title(phrases: Bank, rng: Random) -> str:
    """A title, without namespace."""
    return rng.choice(phrases.titles).format(rng.choice(phrases.names))


def sentence(phrases: Bank, rng: Random) -> str:
    """One sentence of wikitext."""
    return rng.choice(phrases.sentences).format(a=rng.choice(phrases.names), n=rng.randrange(1200, 2025))


def paragraph(phrases: Bank, rng: Random) -> str:
    """A few sentences on one line; one in forty ends with something rare."""
    text = " ".join(sentence(phrases, rng) for _ in range(rng.randrange(1, 6)))
    return text if rng.random() < 0.975 else f"{text} {rng.choice(rarities())}"


def article(phrases: Bank, rng: Random, *, subject: str, category: str) -> str:
    """An article on `subject` of 0.2 to 30 KB."""
    goal = SMALLEST * (LARGEST / SMALLEST) ** rng.random()
    lines = [*_infobox(phrases, rng, subject), f"'''{subject}'''. {sentence(phrases, rng)}"]
    size = sum(len(line.encode()) for line in lines)
    while size < goal * 0.95:
        block = _block(phrases, rng)
        size += sum(len(line.encode()) + 1 for line in block)
        lines += block
    for heading in phrases.closing:
        lines += ["", f"== {heading} ==", f"* [[{title(phrases, rng)}]]"]
    return "\n".join([*lines, "", f"[[{category}:{rng.choice(phrases.names)}]]"])


def _block(phrases: Bank, rng: Random) -> list[str]:
    """What comes next in an article: mostly a paragraph, sometimes a heading, a list or a table."""
    chance = rng.random()
    if chance < 0.15:
        return ["", f"== {rng.choice(phrases.headings)} =="]
    if chance < 0.25:
        return [f"* [[{rng.choice(phrases.names)}]]: {sentence(phrases, rng)}" for _ in range(rng.randrange(2, 6))]
    if chance < 0.3:
        rows = [f"|-\n| [[{rng.choice(phrases.names)}]] || {rng.randrange(90_000)}" for _ in range(4)]
        return ['{| class="wikitable sortable"', *rows, "|}"]
    return ["", paragraph(phrases, rng)]


def _infobox(phrases: Bank, rng: Random, subject: str) -> list[str]:
    if rng.random() < 0.4:
        return []
    coordinates = f"{{{{coord|{rng.uniform(-60, 60):.4f}|{rng.uniform(-180, 180):.4f}|display=title}}}}"
    return ["{{Infobox", f"| name = {subject}", f"| seat = [[{rng.choice(phrases.names)}]]", "}}", coordinates]


def discussion(phrases: Bank, rng: Random) -> str:
    """A talk page with a thread."""
    lines = [f"== {rng.choice(phrases.headings)} =="]
    lines += [
        f"{':' * depth}{rng.choice(phrases.remarks)} --[[User:{rng.choice(phrases.users)}]]"
        for depth in range(rng.randrange(1, 4))
    ]
    return "\n".join(lines)


def amended(phrases: Bank, rng: Random, text: str) -> str:
    """The text after an edit: a line more, a line less, or a line reworded."""
    lines = text.split("\n")
    place = rng.randrange(len(lines))
    chance = rng.random()
    if chance < 0.6 or len(lines) < 4:
        lines.insert(place + 1, paragraph(phrases, rng))
    elif chance < 0.8:
        lines[place] = f"{lines[place]} {sentence(phrases, rng)}"
    else:
        del lines[place]
    return "\n".join(lines)


def filler(size: int, *, seed: int = 1) -> str:
    """English wikitext of exactly `size` bytes, for benchmarks."""
    rng, phrases, lines, length = Random(seed), bank("en"), list[str](), 0
    while length < size:
        lines.append(paragraph(phrases, rng))
        length += len(lines[-1].encode()) + 1
    text = "\n".join(lines).encode()[:size].decode(errors="ignore")  # the cut may have gone through a character
    return text + " " * (size - len(text.encode()))
