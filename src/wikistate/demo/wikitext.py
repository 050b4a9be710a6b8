"""Generation of wikitext in eleven languages and nine scripts from the phrase banks in ``sample``.

For code the text resembles real wikitext: it has templates, links, references, tables and every Unicode plane in use.
The random generator is always an argument: the same generator in the same state gives the same text.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from random import Random
from typing import Any

MIN_ARTICLE_BYTES = 200
MAX_ARTICLE_BYTES = 30_000
"""Maximum size of an article in bytes. Sizes are distributed evenly over the magnitudes, so most articles are short."""


@dataclass(frozen=True, slots=True)
class PhraseBank:
    """Phrases of one language. Patterns have a name for ``{a}`` or ``{}`` and a number for ``{n}``."""

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
    """Load one of the bundled TOML documents."""
    return tomllib.loads(resources.files(__package__).joinpath("sample", name).read_text(encoding="utf-8"))


@cache
def load_phrases(language: str) -> PhraseBank:
    """Load the phrase bank of a language: ``en``, ``de``, ``fr``, ``ru``, ``ar``, ``he``, ``hi``, ``ja``, ``zh``, ``th``, ``el``."""
    return PhraseBank(**load_sample(f"{language}.toml"))


@cache
def load_rare_texts() -> list[str]:
    """Load rare texts: joined emoji, direction marks, combining characters, characters beyond the basic plane."""
    found: list[str] = load_sample("rarities.toml")["rarities"]
    return found


def make_title(phrases: PhraseBank, rng: Random) -> str:
    """Make a title without a namespace."""
    return rng.choice(phrases.titles).format(rng.choice(phrases.names))


def make_sentence(phrases: PhraseBank, rng: Random) -> str:
    """Make one sentence of wikitext."""
    return rng.choice(phrases.sentences).format(a=rng.choice(phrases.names), n=rng.randrange(1200, 2025))


def make_paragraph(phrases: PhraseBank, rng: Random) -> str:
    """Make a few sentences on one line; one paragraph in forty ends with rare characters."""
    text = " ".join(make_sentence(phrases, rng) for _ in range(rng.randrange(1, 6)))
    return text if rng.random() < 0.975 else f"{text} {rng.choice(load_rare_texts())}"


def make_article(phrases: PhraseBank, rng: Random, *, subject: str, category: str) -> str:
    """Make an article on `subject` of 0.2 to 30 KB."""
    goal = MIN_ARTICLE_BYTES * (MAX_ARTICLE_BYTES / MIN_ARTICLE_BYTES) ** rng.random()
    lines = [*_make_infobox(phrases, rng, subject), f"'''{subject}'''. {make_sentence(phrases, rng)}"]
    size = sum(len(line.encode()) for line in lines)
    while size < goal * 0.95:
        block = _make_block(phrases, rng)
        size += sum(len(line.encode()) + 1 for line in block)
        lines += block
    for heading in phrases.closing:
        lines += ["", f"== {heading} ==", f"* [[{make_title(phrases, rng)}]]"]
    return "\n".join([*lines, "", f"[[{category}:{rng.choice(phrases.names)}]]"])


def _make_block(phrases: PhraseBank, rng: Random) -> list[str]:
    """Make the next block of an article: mostly a paragraph, sometimes a heading, a list or a table."""
    chance = rng.random()
    if chance < 0.15:
        return ["", f"== {rng.choice(phrases.headings)} =="]
    if chance < 0.25:
        return [f"* [[{rng.choice(phrases.names)}]]: {make_sentence(phrases, rng)}" for _ in range(rng.randrange(2, 6))]
    if chance < 0.3:
        rows = [f"|-\n| [[{rng.choice(phrases.names)}]] || {rng.randrange(90_000)}" for _ in range(4)]
        return ['{| class="wikitable sortable"', *rows, "|}"]
    return ["", make_paragraph(phrases, rng)]


def _make_infobox(phrases: PhraseBank, rng: Random, subject: str) -> list[str]:
    if rng.random() < 0.4:
        return []
    coordinates = f"{{{{coord|{rng.uniform(-60, 60):.4f}|{rng.uniform(-180, 180):.4f}|display=title}}}}"
    return ["{{Infobox", f"| name = {subject}", f"| seat = [[{rng.choice(phrases.names)}]]", "}}", coordinates]


def make_discussion(phrases: PhraseBank, rng: Random) -> str:
    """Make a talk page with a thread."""
    lines = [f"== {rng.choice(phrases.headings)} =="]
    lines += [
        f"{':' * depth}{rng.choice(phrases.remarks)} --[[User:{rng.choice(phrases.users)}]]"
        for depth in range(rng.randrange(1, 4))
    ]
    return "\n".join(lines)


def edit_text(phrases: PhraseBank, rng: Random, text: str) -> str:
    """Return the text after an edit: one line more, one less, or one changed."""
    lines = text.split("\n")
    place = rng.randrange(len(lines))
    chance = rng.random()
    if chance < 0.6 or len(lines) < 4:
        lines.insert(place + 1, make_paragraph(phrases, rng))
    elif chance < 0.8:
        lines[place] = f"{lines[place]} {make_sentence(phrases, rng)}"
    else:
        del lines[place]
    return "\n".join(lines)


def make_filler(size: int, *, seed: int = 1) -> str:
    """Make English wikitext of exactly `size` bytes, for benchmarks."""
    rng, phrases, lines, length = Random(seed), load_phrases("en"), list[str](), 0
    while length < size:
        lines.append(make_paragraph(phrases, rng))
        length += len(lines[-1].encode()) + 1
    text = "\n".join(lines).encode()[:size].decode(errors="ignore")  # the cut may be within a character
    return text + " " * (size - len(text.encode()))
