"""What a statement may say: the values of all of Wikibase's datatypes (mediawiki.org, "Wikibase/DataModel")."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum, auto
from typing import NamedTuple, TypeAlias

UNIT_ONE = "Q199"
"""The unit of what is counted."""


class Datatype(StrEnum):
    """The datatype of a property, by its name in RDF."""

    ITEM = "WikibaseItem"
    PROPERTY = "WikibaseProperty"
    LEXEME = "WikibaseLexeme"
    FORM = "WikibaseForm"
    SENSE = "WikibaseSense"
    ENTITY_SCHEMA = "EntitySchema"
    STRING = "String"
    EXTERNAL_ID = "ExternalId"
    URL = "Url"
    MONOLINGUAL = "Monolingualtext"
    QUANTITY = "Quantity"
    TIME = "Time"
    COORDINATE = "GlobeCoordinate"
    FILE = "CommonsMedia"
    GEO_SHAPE = "GeoShape"
    TABLE = "TabularData"
    MATH = "Math"
    SCORE = "MusicalNotation"


@dataclass(frozen=True, slots=True)
class EntityLink:
    """Another entity: an item, a property, a lexeme, one of its forms or senses, an entity schema."""

    id: str


@dataclass(frozen=True, slots=True)
class Text:
    """A string, or music in LilyPond's notation."""

    text: str


@dataclass(frozen=True, slots=True)
class Identifier:
    """An external identifier; `iri` is its normalised form where the property has a formatter for it."""

    text: str
    iri: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """An IRI: a URL, or a file, a shape or a table on Commons."""

    iri: str


@dataclass(frozen=True, slots=True)
class Monolingual:
    """A text in a language."""

    text: str
    language: str


@dataclass(frozen=True, slots=True)
class Formula:
    """MathML."""

    markup: str


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with its sign, an item as its unit, bounds, and itself in the base unit."""

    amount: str
    unit: str = UNIT_ONE
    lower: str = ""
    upper: str = ""
    normalized: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """A time: 11 is a precision of a day, 9 of a year; Q1985727 is the Gregorian calendar, Q1985786 the Julian one."""

    time: str
    precision: int = 11
    calendar: str = "Q1985727"


@dataclass(frozen=True, slots=True)
class Coordinate:
    """A place on a globe; Q2 is the Earth."""

    latitude: float
    longitude: float
    precision: float = 0.0001
    globe: str = "Q2"


class Special(Enum):
    """What is said instead of a value."""

    SOME = auto()
    """There is one, and it is not known."""
    NONE = auto()
    """There is none."""


Value: TypeAlias = (
    EntityLink | Text | Identifier | Link | Monolingual | Formula | Quantity | Moment | Coordinate | Special
)


class Snak(NamedTuple):
    """A property and what is said with it."""

    property: str
    value: Value
