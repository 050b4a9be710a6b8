"""Values, snaks and statements as triples.

A value with inner structure is stated twice: simply, and as a node of its own that is named after what it holds, so that
all who say the same share it. References are nodes of that sort, too.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, assert_never

from pyoxigraph import BlankNode, Literal, NamedNode, Triple

from wikistate.testing.wikibase.entities import Rank
from wikistate.testing.wikibase.values import (
    UNIT_ONE,
    Coordinate,
    EntityLink,
    Formula,
    Identifier,
    Link,
    Moment,
    Monolingual,
    Quantity,
    Special,
    Text,
)
from wikistate.testing.wikibase.vocabulary import GEO, ONTOLOGY, PROV, TYPE, WIKIDATA, XSD, Vocabulary, term

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from wikistate.testing.wikibase.entities import Statement
    from wikistate.testing.wikibase.values import Snak, Value

Structured = Quantity | Moment | Coordinate

MATHML = NamedNode("http://www.w3.org/1998/Math/MathML")
WKT = term(GEO, "wktLiteral")
DERIVED_FROM = term(PROV, "wasDerivedFrom")


def typed_literal(text: str | float, datatype: str) -> Literal:
    """A literal with one of XML Schema's types."""
    return Literal(str(text), datatype=term(XSD, datatype))


def ontology_term(name: str) -> NamedNode:
    """A term of Wikibase's own ontology."""
    return term(ONTOLOGY, name)


class RdfNodes:
    """Makes the triples of statements. The nodes that they share are gathered, each once, for the end of the document."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._shared: dict[NamedNode, list[Triple]] = {}

    def shared(self) -> Iterator[Triple]:
        """The nodes that were linked."""
        for triples in self._shared.values():
            yield from triples

    def statement(self, entity: NamedNode, statement: Statement, *, is_best: bool) -> Iterator[Triple]:
        """A statement of an entity, which is the truth on its property if no other counts more."""
        words = self._vocabulary
        if is_best:
            yield from self._direct_claims(entity, statement)
        node = words.statement(statement.guid)
        yield Triple(entity, words.property("p", statement.property), node)
        yield Triple(node, TYPE, ontology_term("Statement"))
        if is_best:
            yield Triple(node, TYPE, ontology_term("BestRank"))
        yield Triple(node, ontology_term("rank"), ontology_term(statement.rank))
        yield from self._snak(node, "ps", statement.property, statement.value, seed=statement.guid)
        for number, snak in enumerate(statement.qualifiers):
            yield from self._snak(node, "pq", snak.property, snak.value, seed=f"{statement.guid}{number}")
        for reference in statement.references:
            yield Triple(node, DERIVED_FROM, self._reference(reference))

    def _direct_claims(self, entity: NamedNode, statement: Statement) -> Iterator[Triple]:
        words, value = self._vocabulary, statement.value
        if value is Special.NONE:
            yield Triple(entity, TYPE, words.property("wdno", statement.property))
            return
        yield Triple(entity, words.property("wdt", statement.property), self._simple_value(value, seed=statement.guid))
        if isinstance(value, Identifier) and value.iri:
            yield Triple(entity, words.property("wdtn", statement.property), NamedNode(value.iri))

    def _reference(self, snaks: tuple[Snak, ...]) -> NamedNode:
        digest = hashlib.sha1(repr(snaks).encode(), usedforsecurity=False).hexdigest()
        node = self._vocabulary.reference(digest)
        if node not in self._shared:
            triples = self._shared[node] = [Triple(node, TYPE, ontology_term("Reference"))]
            for number, snak in enumerate(snaks):
                triples += self._snak(node, "pr", snak.property, snak.value, seed=f"{digest}{number}")
        return node

    def _snak(self, subject: NamedNode, role: str, property_id: str, value: Value, *, seed: str) -> Iterator[Triple]:
        words = self._vocabulary
        if value is Special.NONE:
            yield Triple(subject, TYPE, words.property("wdno", property_id))
            return
        yield Triple(subject, words.property(role, property_id), self._simple_value(value, seed=seed))
        if isinstance(value, Identifier) and value.iri:
            yield Triple(subject, words.property(f"{role}n", property_id), NamedNode(value.iri))
        if isinstance(value, Quantity | Moment | Coordinate):
            yield Triple(subject, words.property(f"{role}v", property_id), self._value_node(value))
            if isinstance(value, Quantity) and (normal := _normalize_quantity(value)):
                yield Triple(subject, words.property(f"{role}n", property_id), self._value_node(normal))

    def _simple_value(self, value: Value, *, seed: str) -> NamedNode | Literal | BlankNode:
        match value:
            case EntityLink(id=entity_id):
                return self._vocabulary.entity(entity_id)
            case Link(iri=iri):
                return NamedNode(iri)
            case Special():
                # Named after the statement: the same from document to document.
                return BlankNode(hashlib.md5(seed.encode(), usedforsecurity=False).hexdigest())
            case Coordinate():
                return Literal(self._format_point(value), datatype=WKT)
            case literal:
                return _make_literal(literal)

    def _format_point(self, place: Coordinate) -> str:
        globe = "" if place.globe == "Q2" else f"{_wikidata_item(place.globe)} "
        return f"{globe}Point({place.longitude} {place.latitude})"

    def _value_node(self, value: Structured) -> NamedNode:
        digest = hashlib.md5(repr(value).encode(), usedforsecurity=False).hexdigest()
        node = self._vocabulary.value(digest)
        if node not in self._shared:
            self._shared[node] = []  # before what it holds: a value in its base unit leads to itself
            self._shared[node] += self._structure(node, value)
        return node

    def _structure(self, node: NamedNode, value: Structured) -> Iterator[Triple]:
        match value:
            case Quantity():
                return self._quantity(node, value)
            case Moment():
                return self._moment(node, value)
            case Coordinate():
                return self._coordinate(node, value)
            case unreachable:
                assert_never(unreachable)

    def _quantity(self, node: NamedNode, value: Quantity) -> Iterator[Triple]:
        yield Triple(node, TYPE, ontology_term("QuantityValue"))
        yield Triple(node, ontology_term("quantityAmount"), typed_literal(value.amount, "decimal"))
        if value.upper:
            yield Triple(node, ontology_term("quantityUpperBound"), typed_literal(value.upper, "decimal"))
            yield Triple(node, ontology_term("quantityLowerBound"), typed_literal(value.lower, "decimal"))
        unit = _wikidata_item(UNIT_ONE) if value.unit == UNIT_ONE else self._vocabulary.entity(value.unit)
        yield Triple(node, ontology_term("quantityUnit"), unit)
        if normal := _normalize_quantity(value):
            yield Triple(node, ontology_term("quantityNormalized"), self._value_node(normal))

    def _moment(self, node: NamedNode, value: Moment) -> Iterator[Triple]:
        yield Triple(node, TYPE, ontology_term("TimeValue"))
        yield Triple(node, ontology_term("timeValue"), typed_literal(value.time, "dateTime"))
        yield Triple(node, ontology_term("timePrecision"), typed_literal(value.precision, "integer"))
        yield Triple(node, ontology_term("timeTimezone"), typed_literal(0, "integer"))
        yield Triple(node, ontology_term("timeCalendarModel"), _wikidata_item(value.calendar))

    def _coordinate(self, node: NamedNode, value: Coordinate) -> Iterator[Triple]:
        yield Triple(node, TYPE, ontology_term("GlobecoordinateValue"))
        yield Triple(node, ontology_term("geoLatitude"), typed_literal(value.latitude, "double"))
        yield Triple(node, ontology_term("geoLongitude"), typed_literal(value.longitude, "double"))
        yield Triple(node, ontology_term("geoPrecision"), typed_literal(value.precision, "double"))
        yield Triple(node, ontology_term("geoGlobe"), _wikidata_item(value.globe))


def _wikidata_item(item: str) -> NamedNode:
    """Calendars, globes and the unit "one" are Wikidata's items on every Wikibase."""
    return Vocabulary(WIKIDATA).entity(item)


def _make_literal(value: Text | Identifier | Monolingual | Formula | Quantity | Moment) -> Literal:
    match value:
        case Text(text=text) | Identifier(text=text):
            return Literal(text)
        case Monolingual(text=text, language=language):
            return Literal(text, language=language)
        case Formula(markup=markup):
            return Literal(markup, datatype=MATHML)
        case Quantity(amount=amount):
            return typed_literal(amount, "decimal")
        case Moment(time=time):
            return typed_literal(time, "dateTime")
        case unreachable:
            assert_never(unreachable)


def _normalize_quantity(value: Quantity) -> Quantity | None:
    """The same in the base unit, which is its own normal form."""
    return Quantity(*value.normalized, normalized=value.normalized) if value.normalized else None


def best_ranked(statements: Iterable[Statement]) -> set[str]:
    """The ids of the statements that count most on their property: the preferred ones, else the normal ones."""
    by_property: dict[str, list[Statement]] = {}
    for statement in statements:
        by_property.setdefault(statement.property, []).append(statement)
    found: set[str] = set()
    for rivals in by_property.values():
        ranks = {statement.rank for statement in rivals}
        rank = Rank.PREFERRED if Rank.PREFERRED in ranks else Rank.NORMAL
        found |= {statement.guid for statement in rivals if statement.rank is rank}
    return found
