"""Values, snaks and statements as triples.

A structured value occurs twice: in a simple form, and as a value node. The IRI of a value node is a hash of its content,
so that statements with the same value share the node. The same holds for reference nodes.
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
    """Make a literal with a type of XML Schema."""
    return Literal(str(text), datatype=term(XSD, datatype))


def ontology_term(name: str) -> NamedNode:
    """Return a term of the ontology of Wikibase."""
    return term(ONTOLOGY, name)


class RdfNodes:
    """Builder of the triples of statements. It collects the shared nodes, each once, for the end of the document."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._shared: dict[NamedNode, list[Triple]] = {}

    def shared(self) -> Iterator[Triple]:
        """Yield the triples of the collected nodes."""
        for triples in self._shared.values():
            yield from triples

    def statement(self, entity: NamedNode, statement: Statement, *, is_best: bool) -> Iterator[Triple]:
        """Yield the triples of a statement; with `is_best`, also its direct claims."""
        vocabulary = self._vocabulary
        if is_best:
            yield from self._direct_claims(entity, statement)
        node = vocabulary.statement(statement.guid)
        yield Triple(entity, vocabulary.property("p", statement.property), node)
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
        vocabulary, value = self._vocabulary, statement.value
        if value is Special.NONE:
            yield Triple(entity, TYPE, vocabulary.property("wdno", statement.property))
            return
        yield Triple(
            entity, vocabulary.property("wdt", statement.property), self._simple_value(value, seed=statement.guid)
        )
        if isinstance(value, Identifier) and value.iri:
            yield Triple(entity, vocabulary.property("wdtn", statement.property), NamedNode(value.iri))

    def _reference(self, snaks: tuple[Snak, ...]) -> NamedNode:
        digest = hashlib.sha1(repr(snaks).encode(), usedforsecurity=False).hexdigest()
        node = self._vocabulary.reference(digest)
        if node not in self._shared:
            triples = self._shared[node] = [Triple(node, TYPE, ontology_term("Reference"))]
            for number, snak in enumerate(snaks):
                triples += self._snak(node, "pr", snak.property, snak.value, seed=f"{digest}{number}")
        return node

    def _snak(self, subject: NamedNode, role: str, property_id: str, value: Value, *, seed: str) -> Iterator[Triple]:
        vocabulary = self._vocabulary
        if value is Special.NONE:
            yield Triple(subject, TYPE, vocabulary.property("wdno", property_id))
            return
        yield Triple(subject, vocabulary.property(role, property_id), self._simple_value(value, seed=seed))
        if isinstance(value, Identifier) and value.iri:
            yield Triple(subject, vocabulary.property(f"{role}n", property_id), NamedNode(value.iri))
        if isinstance(value, Quantity | Moment | Coordinate):
            yield Triple(subject, vocabulary.property(f"{role}v", property_id), self._value_node(value))
            if isinstance(value, Quantity) and (normal := _normalize_quantity(value)):
                yield Triple(subject, vocabulary.property(f"{role}n", property_id), self._value_node(normal))

    def _simple_value(self, value: Value, *, seed: str) -> NamedNode | Literal | BlankNode:
        match value:
            case EntityLink(id=entity_id):
                return self._vocabulary.entity(entity_id)
            case Link(iri=iri):
                return NamedNode(iri)
            case Special():
                # The name depends on the statement only, so that it is the same in each document.
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
            self._shared[node] = []  # set before its triples, as a value in its base unit links to itself
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
    """Return an item of Wikidata: each Wikibase uses these for calendars, globes and the unit "one"."""
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
    """Return the quantity in the base unit, which is its own normal form; None without one."""
    return Quantity(*value.normalized, normalized=value.normalized) if value.normalized else None


def best_ranked(statements: Iterable[Statement]) -> set[str]:
    """Return the ids of the best-ranked statements of each property: the preferred ones, else the normal ones."""
    by_property: dict[str, list[Statement]] = {}
    for statement in statements:
        by_property.setdefault(statement.property, []).append(statement)
    found: set[str] = set()
    for candidates in by_property.values():
        ranks = {statement.rank for statement in candidates}
        rank = Rank.PREFERRED if Rank.PREFERRED in ranks else Rank.NORMAL
        found |= {statement.guid for statement in candidates if statement.rank is rank}
    return found
