"""The glossary as data: its terms and the words that are not used for them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.unit.language.words import Ban, ban

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = "docs/concepts/glossary.md"

_CELLS = 4
_QUOTED = re.compile(r"`([^`]+)`")
_CAMEL_CASE = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_NO_WORD = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Term:
    """A row of the glossary.

    Attributes:
        group: Title of the section.
        term: The word that is used.
        meaning: Its definition, one sentence.
        source: Public document that defines it, or "wikistate".
        banned: Words that are not used for it; an asterisk stands for any ending.
    """

    group: str
    term: str
    meaning: str
    source: str
    banned: tuple[str, ...]

    def bans(self) -> Iterator[Ban]:
        """Yield a ban for each word that is not used for the term."""
        for word in self.banned:
            yield ban(word.replace("*", r"\w*"), f"{self.term!r}", rule="banned synonym")


def read_terms(page: str) -> list[Term]:
    """Return the rows of all tables of the page, in their order.

    Raises:
        ValueError: A row does not have four cells.
    """
    terms: list[Term] = []
    group = ""
    for line in page.splitlines():
        if line.startswith("## "):
            group = line[3:].strip()
        if not line.startswith("|") or line.startswith(("|---", "| term ")):
            continue
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if len(cells) != _CELLS:
            raise ValueError(f"{PAGE}: a row has {len(cells)} cells instead of {_CELLS}: {line}")
        term, meaning, source, banned = cells
        terms.append(Term(group, term, meaning, source, tuple(_QUOTED.findall(banned))))
    return terms


def in_words(text: str) -> str:
    """Return the words of prose and identifiers in lower case, with one space between them and at both ends."""
    return f" {_NO_WORD.sub(' ', _CAMEL_CASE.sub(' ', text).lower()).strip()} "


def is_used(term: str, corpus: str) -> bool:
    """Return whether the term or its plural stands in a text that `in_words` made."""
    words = in_words(term).strip()
    return any(f" {words}{ending} " in corpus for ending in ("", "s", "es", "d", "ing"))
