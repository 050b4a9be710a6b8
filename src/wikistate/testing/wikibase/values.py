"""Values of statements, for all datatypes of Wikibase (mediawiki.org, "Wikibase/DataModel").

The IRI of a value node is a hash of the `repr` of its value: keep the names of these classes and their fields.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum, auto
from typing import NamedTuple, TypeAlias

UNIT_ONE = "Q199"
"""Unit of quantities without a unit."""


class Datatype(StrEnum):
    """Datatype of a property, by its name in RDF."""

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
    """Link to an entity: an item, a property, a lexeme, a form, a sense or an entity schema."""

    id: str


@dataclass(frozen=True, slots=True)
class Text:
    """String, or music in the notation of LilyPond."""

    text: str


@dataclass(frozen=True, slots=True)
class Identifier:
    """External identifier; `iri` is its normalised form if the property has a formatter."""

    text: str
    iri: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """IRI: a URL, or a file, a shape or a table on Commons."""

    iri: str


@dataclass(frozen=True, slots=True)
class Monolingual:
    """Text in a language."""

    text: str
    language: str


@dataclass(frozen=True, slots=True)
class Formula:
    """Formula in MathML."""

    markup: str


@dataclass(frozen=True, slots=True)
class Quantity:
    """Number with its sign, an item as the unit, bounds, and its normalised form in the base unit."""

    amount: str
    unit: str = UNIT_ONE
    lower: str = ""
    upper: str = ""
    normalized: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """Time: 11 is a precision of a day, 9 of a year; Q1985727 is the Gregorian calendar, Q1985786 the Julian one."""

    time: str
    precision: int = 11
    calendar: str = "Q1985727"


@dataclass(frozen=True, slots=True)
class Coordinate:
    """Coordinate on a globe; Q2 is the Earth."""

    latitude: float
    longitude: float
    precision: float = 0.0001
    globe: str = "Q2"


class Special(Enum):
    """Marker in place of a value."""

    SOME = auto()
    """Unknown value: it exists and is not known."""
    NONE = auto()
    """No value: it does not exist."""


Value: TypeAlias = (
    EntityLink | Text | Identifier | Link | Monolingual | Formula | Quantity | Moment | Coordinate | Special
)


class Snak(NamedTuple):
    """Property with its value."""

    property: str
    value: Value
