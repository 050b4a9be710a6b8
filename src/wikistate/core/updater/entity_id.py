"""Ids of entities, checked where they come in.

An id becomes part of a URL and of IRIs, so that what is not one must go no further. Source of the shapes: Wikibase data
model documentation; of the largest number: it is stored in 32 bits with a sign.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from wikistate.errors import InputError

LETTERS = "QPLME"
"""Items, properties, lexemes, media info of files, entity schemas. The order is part of `EntityId.key`: only append."""

TYPES = {"Q": "Item", "P": "Property", "L": "Lexeme", "M": "MediaInfo"}
"""What entities with RDF are, by the letter of their ids: local names in the Wikibase ontology."""

MAX_NUMBER = 2**31 - 1

_SHAPE = re.compile(rf"([{LETTERS}])([1-9][0-9]{{0,9}})(?:-([FS])([1-9][0-9]{{0,9}}))?", re.ASCII)
_COMMON_FORM = re.compile(rf"[{LETTERS}][1-9][0-9]{{0,8}}", re.ASCII)
_ID_PREFIX = re.compile(r"[A-Za-z][0-9]", re.ASCII)
_KEY_BITS = 32


class EntityId(NamedTuple):
    """The id of an entity, or of a form or sense of a lexeme.

    Attributes:
        letter: One of `LETTERS`.
        number: From 1 to `MAX_NUMBER`.
        part: ``F1`` or ``S2`` of a lexeme; empty for an entity that is a page.
    """

    letter: str
    number: int
    part: str = ""

    def __str__(self) -> str:
        return f"{self.letter}{self.number}-{self.part}" if self.part else f"{self.letter}{self.number}"

    @property
    def key(self) -> int:
        """A number that stands for a page's entity and sorts by letter, then number; it needs 35 bits."""
        return LETTERS.index(self.letter) << _KEY_BITS | self.number

    @classmethod
    def from_key(cls, key: int) -> EntityId:
        """The inverse of `key`."""
        return cls(LETTERS[key >> _KEY_BITS], key & (1 << _KEY_BITS) - 1)


def parse_entity_id(text: str) -> EntityId:
    """Read an id such as ``Q42`` or ``L3-F1``.

    Raises:
        InputError: The text is no id; the message says what is wrong with it.
    """
    found = _SHAPE.fullmatch(text)
    if found is None:
        raise InputError(f"{text!r:.100} is no entity id: {_invalid_id_message(text)}.", entity=text[:100])
    letter, number, kind, part = found.groups()
    value = int(number)
    if value > MAX_NUMBER or (part and int(part) > MAX_NUMBER):
        raise InputError(f"{text!r} is no entity id: numbers end at {MAX_NUMBER}.", entity=text)
    if kind and letter != "L":
        raise InputError(f"{text!r} is no entity id: only lexemes have forms and senses.", entity=text)
    return EntityId(letter, value, f"{kind}{part}" if kind else "")


def parse_page_entity(text: str) -> EntityId:
    """Read the id of an entity that has a page of its own: no form and no sense.

    Raises:
        InputError: It is none.
    """
    found = parse_entity_id(text)
    if found.part:
        raise InputError(f"{text!r} has no page of its own: it is part of {found.letter}{found.number}.", entity=text)
    return found


def check_page_entity(text: str) -> None:
    """Raises as `parse_page_entity`; of the many that are right it takes nothing apart."""
    if _COMMON_FORM.fullmatch(text) is None:
        parse_page_entity(text)


def looks_like_id(text: str) -> bool:
    """Whether the text begins as an id does. What does not is another page in a namespace of entities."""
    return _ID_PREFIX.match(text) is not None


def _invalid_id_message(text: str) -> str:
    if _SHAPE.fullmatch(text.upper()):
        return "its letter must be upper case"
    if _SHAPE.fullmatch(text.strip()):
        return "there is space around it"
    return f"expected one of {LETTERS} and a number from 1 on, of a lexeme's part such as L3-F1 or L3-S1"
