"""Entity ids, validated when they are read.

An id becomes part of a URL and of IRIs, so a text that is not an id must be rejected before. Source of the format: the
documentation of the Wikibase data model. The largest number follows from its storage in 32 bits with a sign.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from wikistate.errors import InputError

LETTERS = "QPLME"
"""Items, properties, lexemes, media info of files, entity schemas. The order is part of `EntityId.key`: only append."""

TYPES = {"Q": "Item", "P": "Property", "L": "Lexeme", "M": "MediaInfo"}
"""Types of the entities with RDF by the letter of their ids: local names in the Wikibase ontology."""

MAX_NUMBER = 2**31 - 1

_SHAPE = re.compile(rf"([{LETTERS}])([1-9][0-9]{{0,9}})(?:-([FS])([1-9][0-9]{{0,9}}))?", re.ASCII)
_COMMON_FORM = re.compile(rf"[{LETTERS}][1-9][0-9]{{0,8}}", re.ASCII)
_ID_PREFIX = re.compile(r"[A-Za-z][0-9]", re.ASCII)
_KEY_BITS = 32


class EntityId(NamedTuple):
    """Id of an entity, or of a form or sense of a lexeme.

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
        """Number that identifies the entity of a page and sorts by letter, then number; it needs 35 bits."""
        return LETTERS.index(self.letter) << _KEY_BITS | self.number

    @classmethod
    def from_key(cls, key: int) -> EntityId:
        """Return the id of a `key`."""
        return cls(LETTERS[key >> _KEY_BITS], key & (1 << _KEY_BITS) - 1)


def parse_entity_id(text: str) -> EntityId:
    """Read an id such as ``Q42`` or ``L3-F1``.

    Raises:
        InputError: The text is not an entity id; the message has the reason.
    """
    found = _SHAPE.fullmatch(text)
    if found is None:
        raise InputError(f"{text!r:.100} is not an entity id: {_invalid_id_message(text)}.", entity=text[:100])
    letter, number, kind, part = found.groups()
    value = int(number)
    if value > MAX_NUMBER or (part and int(part) > MAX_NUMBER):
        raise InputError(f"{text!r} is not an entity id: the largest number is {MAX_NUMBER}.", entity=text)
    if kind and letter != "L":
        raise InputError(f"{text!r} is not an entity id: only lexemes have forms and senses.", entity=text)
    return EntityId(letter, value, f"{kind}{part}" if kind else "")


def parse_page_entity(text: str) -> EntityId:
    """Read the id of an entity that is a page: not a form and not a sense.

    Raises:
        InputError: The text is not the id of such an entity.
    """
    found = parse_entity_id(text)
    if found.part:
        raise InputError(f"{text!r} has no page: it is part of {found.letter}{found.number}.", entity=text)
    return found


def check_page_entity(text: str) -> None:
    """Raise the errors of `parse_page_entity`. Ids of the common form are not parsed, which is faster."""
    if _COMMON_FORM.fullmatch(text) is None:
        parse_page_entity(text)


def looks_like_id(text: str) -> bool:
    """Return whether the text begins like an id. A title that does not belongs to another page of the namespace."""
    return _ID_PREFIX.match(text) is not None


def _invalid_id_message(text: str) -> str:
    if _SHAPE.fullmatch(text.upper()):
        return "its letter must be upper case"
    if _SHAPE.fullmatch(text.strip()):
        return "it has space around it"
    return f"expected one of {LETTERS} and a number from 1 on; for a part of a lexeme, L3-F1 or L3-S1 for example"
