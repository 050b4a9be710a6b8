"""Entities as values (mediawiki.org, "Wikibase/DataModel"). Nothing here changes: an edit makes a new entity."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wikistate.testing.wikibase.values import Datatype, Snak, Value

Texts: TypeAlias = "Mapping[str, str]"
"""By language code."""


class Rank(StrEnum):
    """How much a statement counts."""

    PREFERRED = "PreferredRank"
    NORMAL = "NormalRank"
    DEPRECATED = "DeprecatedRank"


@dataclass(frozen=True, slots=True)
class Statement:
    """What an entity says of itself.

    Attributes:
        guid: ``Q1$…``; those of old statements have the entity's id in lower case.
        property: Property id.
        value: What it says.
        rank: How much it counts.
        qualifiers: Under which circumstances.
        references: Where that is said; each a group of snaks.
    """

    guid: str
    property: str
    value: Value
    rank: Rank = Rank.NORMAL
    qualifiers: tuple[Snak, ...] = ()
    references: tuple[tuple[Snak, ...], ...] = ()


class Sitelink(NamedTuple):
    """A page of a client wiki that is about an item.

    Attributes:
        site: The client's origin, such as ``https://en.wikipedia.org``.
        title: The page's title in text form.
        language: The client's language.
        group: ``wikipedia``, ``wiktionary``…
        badges: Items.
    """

    site: str
    title: str
    language: str
    group: str = "wikipedia"
    badges: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """What all entities have. `id` is the entity's id."""

    id: str
    statements: tuple[Statement, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Described(Entity):
    """An entity with names."""

    labels: Texts = field(default_factory=dict)
    descriptions: Texts = field(default_factory=dict)
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Item(Described):
    """An item, Q."""

    sitelinks: tuple[Sitelink, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Property(Described):
    """A property, P."""

    datatype: Datatype


@dataclass(frozen=True, slots=True, kw_only=True)
class Form(Entity):
    """A form of a lexeme, L1-F1."""

    representations: Texts
    features: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sense(Entity):
    """A sense of a lexeme, L1-S1."""

    glosses: Texts


@dataclass(frozen=True, slots=True, kw_only=True)
class Lexeme(Entity):
    """A lexeme, L. Language and category are items."""

    lemmas: Texts
    language: str
    category: str
    forms: tuple[Form, ...] = ()
    senses: tuple[Sense, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaInfo(Entity):
    """What is said of a file, M with the number of its page."""

    file: str
    captions: Texts = field(default_factory=dict)
    mime_type: str = "image/jpeg"
    size: int = 123_456
    width: int = 1024
    height: int = 768


@dataclass(frozen=True, slots=True, kw_only=True)
class Redirect(Entity):
    """An entity that was merged into another one."""

    target: str


AnyEntity: TypeAlias = Item | Property | Lexeme | MediaInfo | Redirect


class EntityKind(StrEnum):
    """Kinds of entities that have pages, by the letter of their ids."""

    ITEM = "Q"
    PROPERTY = "P"
    LEXEME = "L"
    MEDIA = "M"

    @property
    def model(self) -> str:
        """The content model of such entities."""
        return {"Q": "wikibase-item", "P": "wikibase-property", "L": "wikibase-lexeme", "M": "wikibase-mediainfo"}[self]


def kind_of(entity_id: str) -> EntityKind:
    """The kind of an entity, by its id."""
    return EntityKind(entity_id[0])
