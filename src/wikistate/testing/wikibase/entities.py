"""Entities as immutable values (mediawiki.org, "Wikibase/DataModel"): an edit makes a new entity.

The hash of the JSON of an entity depends on its `repr`, and so do the sizes and sums of revisions: keep these names.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wikistate.testing.wikibase.values import Datatype, Snak, Value

Texts: TypeAlias = "Mapping[str, str]"
"""Texts by language code."""


class Rank(StrEnum):
    """Rank of a statement."""

    PREFERRED = "PreferredRank"
    NORMAL = "NormalRank"
    DEPRECATED = "DeprecatedRank"


@dataclass(frozen=True, slots=True)
class Statement:
    """Statement of an entity.

    Attributes:
        guid: Statement id ``Q1$…``; the ids of old statements have the entity id in lower case.
        property: Property id.
        value: Main value.
        rank: Rank.
        qualifiers: Qualifiers.
        references: References; each is a group of snaks.
    """

    guid: str
    property: str
    value: Value
    rank: Rank = Rank.NORMAL
    qualifiers: tuple[Snak, ...] = ()
    references: tuple[tuple[Snak, ...], ...] = ()


class Sitelink(NamedTuple):
    """Sitelink from an item to a page of a client wiki.

    Attributes:
        site: Origin of the client wiki, such as ``https://en.wikipedia.org``.
        title: Title of the page in text form.
        language: Language of the client wiki.
        group: Group of the client wiki: ``wikipedia``, ``wiktionary``…
        badges: Ids of the items of the badges.
    """

    site: str
    title: str
    language: str
    group: str = "wikipedia"
    badges: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """Base of all entities. `id` is the entity id."""

    id: str
    statements: tuple[Statement, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Described(Entity):
    """Entity with labels, descriptions and aliases."""

    labels: Texts = field(default_factory=dict)
    descriptions: Texts = field(default_factory=dict)
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Item(Described):
    """Item, Q."""

    sitelinks: tuple[Sitelink, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Property(Described):
    """Property, P."""

    datatype: Datatype


@dataclass(frozen=True, slots=True, kw_only=True)
class Form(Entity):
    """Form of a lexeme, L1-F1."""

    representations: Texts
    features: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sense(Entity):
    """Sense of a lexeme, L1-S1."""

    glosses: Texts


@dataclass(frozen=True, slots=True, kw_only=True)
class Lexeme(Entity):
    """Lexeme, L. Language and category are items."""

    lemmas: Texts
    language: str
    category: str
    forms: tuple[Form, ...] = ()
    senses: tuple[Sense, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaInfo(Entity):
    """Structured data of a file, M with the number of its page."""

    file: str
    captions: Texts = field(default_factory=dict)
    mime_type: str = "image/jpeg"
    size: int = 123_456
    width: int = 1024
    height: int = 768


@dataclass(frozen=True, slots=True, kw_only=True)
class Redirect(Entity):
    """Entity that was merged into another one."""

    target: str


AnyEntity: TypeAlias = Item | Property | Lexeme | MediaInfo | Redirect


class EntityKind(StrEnum):
    """Kinds of entities with pages; the value is the letter of their ids."""

    ITEM = "Q"
    PROPERTY = "P"
    LEXEME = "L"
    MEDIA = "M"

    @property
    def model(self) -> str:
        """Content model of such entities."""
        return {"Q": "wikibase-item", "P": "wikibase-property", "L": "wikibase-lexeme", "M": "wikibase-mediainfo"}[self]


def kind_of(entity_id: str) -> EntityKind:
    """Return the kind of an entity by its id."""
    return EntityKind(entity_id[0])
