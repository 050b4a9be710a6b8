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
    ONE,
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
DERIVED = term(PROV, "wasDerivedFrom")


def xsd(text: str | float, datatype: str) -> Literal:
    """A literal with one of XML Schema's types."""
    return Literal(str(text), datatype=term(XSD, datatype))


def ontology(name: str) -> NamedNode:
    """A term of Wikibase's own ontology."""
    return term(ONTOLOGY, name)


class Nodes:
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
            yield from self._truth(entity, statement)
        node = words.statement(statement.guid)
        yield Triple(entity, words.property("p", statement.property), node)
        yield Triple(node, TYPE, ontology("Statement"))
        if is_best:
            yield Triple(node, TYPE, ontology("BestRank"))
        yield Triple(node, ontology("rank"), ontology(statement.rank))
        yield from self._snak(node, "ps", statement.property, statement.value, seed=statement.guid)
        for number, snak in enumerate(statement.qualifiers):
            yield from self._snak(node, "pq", snak.property, snak.value, seed=f"{statement.guid}{number}")
        for reference in statement.references:
            yield Triple(node, DERIVED, self._reference(reference))

    def _truth(self, entity: NamedNode, statement: Statement) -> Iterator[Triple]:
        words, value = self._vocabulary, statement.value
        if value is Special.NONE:
            yield Triple(entity, TYPE, words.property("wdno", statement.property))
            return
        yield Triple(entity, words.property("wdt", statement.property), self._simple(value, seed=statement.guid))
        if isinstance(value, Identifier) and value.iri:
            yield Triple(entity, words.property("wdtn", statement.property), NamedNode(value.iri))

    def _reference(self, snaks: tuple[Snak, ...]) -> NamedNode:
        digest = hashlib.sha1(repr(snaks).encode(), usedforsecurity=False).hexdigest()
        node = self._vocabulary.reference(digest)
        if node not in self._shared:
            triples = self._shared[node] = [Triple(node, TYPE, ontology("Reference"))]
            for number, snak in enumerate(snaks):
                triples += self._snak(node, "pr", snak.property, snak.value, seed=f"{digest}{number}")
        return node

    def _snak(self, subject: NamedNode, role: str, property_id: str, value: Value, *, seed: str) -> Iterator[Triple]:
        words = self._vocabulary
        if value is Special.NONE:
            yield Triple(subject, TYPE, words.property("wdno", property_id))
            return
        yield Triple(subject, words.property(role, property_id), self._simple(value, seed=seed))
        if isinstance(value, Identifier) and value.iri:
            yield Triple(subject, words.property(f"{role}n", property_id), NamedNode(value.iri))
        if isinstance(value, Quantity | Moment | Coordinate):
            yield Triple(subject, words.property(f"{role}v", property_id), self._node(value))
            if isinstance(value, Quantity) and (normal := _normalized(value)):
                yield Triple(subject, words.property(f"{role}n", property_id), self._node(normal))

    def _simple(self, value: Value, *, seed: str) -> NamedNode | Literal | BlankNode:
        match value:
            case EntityLink(id=entity_id):
                return self._vocabulary.entity(entity_id)
            case Link(iri=iri):
                return NamedNode(iri)
            case Special():
                # Named after the statement: the same from document to document.
                return BlankNode(hashlib.md5(seed.encode(), usedforsecurity=False).hexdigest())
            case Coordinate():
                return Literal(self._point(value), datatype=WKT)
            case literal:
                return _literal(literal)

    def _point(self, place: Coordinate) -> str:
        globe = "" if place.globe == "Q2" else f"{_of_wikidata(place.globe)} "
        return f"{globe}Point({place.longitude} {place.latitude})"

    def _node(self, value: Structured) -> NamedNode:
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
        yield Triple(node, TYPE, ontology("QuantityValue"))
        yield Triple(node, ontology("quantityAmount"), xsd(value.amount, "decimal"))
        if value.upper:
            yield Triple(node, ontology("quantityUpperBound"), xsd(value.upper, "decimal"))
            yield Triple(node, ontology("quantityLowerBound"), xsd(value.lower, "decimal"))
        unit = _of_wikidata(ONE) if value.unit == ONE else self._vocabulary.entity(value.unit)
        yield Triple(node, ontology("quantityUnit"), unit)
        if normal := _normalized(value):
            yield Triple(node, ontology("quantityNormalized"), self._node(normal))

    def _moment(self, node: NamedNode, value: Moment) -> Iterator[Triple]:
        yield Triple(node, TYPE, ontology("TimeValue"))
        yield Triple(node, ontology("timeValue"), xsd(value.time, "dateTime"))
        yield Triple(node, ontology("timePrecision"), xsd(value.precision, "integer"))
        yield Triple(node, ontology("timeTimezone"), xsd(0, "integer"))
        yield Triple(node, ontology("timeCalendarModel"), _of_wikidata(value.calendar))

    def _coordinate(self, node: NamedNode, value: Coordinate) -> Iterator[Triple]:
        yield Triple(node, TYPE, ontology("GlobecoordinateValue"))
        yield Triple(node, ontology("geoLatitude"), xsd(value.latitude, "double"))
        yield Triple(node, ontology("geoLongitude"), xsd(value.longitude, "double"))
        yield Triple(node, ontology("geoPrecision"), xsd(value.precision, "double"))
        yield Triple(node, ontology("geoGlobe"), _of_wikidata(value.globe))


def _of_wikidata(item: str) -> NamedNode:
    """Calendars, globes and the unit "one" are Wikidata's items on every Wikibase."""
    return Vocabulary(WIKIDATA).entity(item)


def _literal(value: Text | Identifier | Monolingual | Formula | Quantity | Moment) -> Literal:
    match value:
        case Text(text=text) | Identifier(text=text):
            return Literal(text)
        case Monolingual(text=text, language=language):
            return Literal(text, language=language)
        case Formula(markup=markup):
            return Literal(markup, datatype=MATHML)
        case Quantity(amount=amount):
            return xsd(amount, "decimal")
        case Moment(time=time):
            return xsd(time, "dateTime")
        case unreachable:
            assert_never(unreachable)


def _normalized(value: Quantity) -> Quantity | None:
    """The same in the base unit, which is its own normal form."""
    return Quantity(*value.normalized, normalized=value.normalized) if value.normalized else None


def best(statements: Iterable[Statement]) -> set[str]:
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
