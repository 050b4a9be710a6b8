"""The documents of the fake Wikibase have the form of the RDF dump format."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

import pytest
from pyoxigraph import BlankNode, Literal, NamedNode, RdfFormat, Triple, parse

from wikistate.testing.wikibase import (
    COMMONS,
    WIKIDATA,
    EntityGenerator,
    Item,
    MediaInfo,
    Redirect,
    Statement,
    Vocabulary,
)
from wikistate.testing.wikibase.documents import RevisionStamp, describe, serialize_triples
from wikistate.testing.wikibase.entities import Rank, Sitelink
from wikistate.testing.wikibase.entity_generator import PROPERTIES
from wikistate.testing.wikibase.values import (
    Coordinate,
    Datatype,
    EntityLink,
    Identifier,
    Moment,
    Quantity,
    Snak,
    Special,
)
from wikistate.testing.wikibase.vocabulary import ONTOLOGY, OWL, SCHEMA, TYPE, XSD, term

if TYPE_CHECKING:
    from wikistate.testing.wikibase.entities import AnyEntity
    from wikistate.testing.wikibase.values import Value

VOCABULARY = Vocabulary("http://w.example")
STAMP = RevisionStamp(7, "2026-06-01T12:00:00Z")
ITEM = VOCABULARY.entity("Q1")
GENERATOR = EntityGenerator(Random(8))
FORMATS = {"ttl": RdfFormat.TURTLE, "nt": RdfFormat.N_TRIPLES}


def triples_of(entity: AnyEntity, vocabulary: Vocabulary = VOCABULARY) -> set[Triple]:
    """Return the triples of the document of an entity."""
    return set(describe(entity, STAMP, vocabulary))


def make_item(value: Value, *, property_id: str = "P1", entity: str = "Q1", guid: str = "") -> Item:
    """Make an item with one statement."""
    return Item(id=entity, statements=(Statement(guid or f"{entity}$A", property_id, value),))


def objects(triples: set[Triple], subject: NamedNode, predicate: NamedNode) -> set[str]:
    """Return the objects of the triples with this subject and predicate, as text."""
    return {str(triple.object) for triple in triples if (triple.subject, triple.predicate) == (subject, predicate)}


def predicate_names(triples: set[Triple], subject: NamedNode) -> set[str]:
    """Return the local names of the predicates of a subject."""
    return {triple.predicate.value.rpartition("#")[2] for triple in triples if triple.subject == subject}


def entities() -> list[AnyEntity]:
    """Return one entity of each kind."""
    return [
        GENERATOR.make_item("Q1", triples=300),
        GENERATOR.make_property("P8", Datatype.EXTERNAL_ID),
        GENERATOR.make_lexeme("L1"),
        GENERATOR.make_media("M5", "A picture.jpg"),
        Redirect(id="Q2", target="Q1"),
    ]


@pytest.mark.parametrize("form", ["ttl", "nt"])
@pytest.mark.parametrize("entity", entities(), ids=lambda entity: entity.id)
def test_both_formats_have_the_same_triples(entity: AnyEntity, form: str) -> None:
    """Each format can be parsed to the triples of the document, including the labels of blank nodes."""
    document = describe(entity, STAMP, VOCABULARY)
    assert len(set(document)) == len(document)
    body = serialize_triples(document, form, VOCABULARY)
    assert {quad.triple for quad in parse(body, format=FORMATS[form])} == set(document)


def test_data_node_has_the_revision() -> None:
    """Its IRI has https even if the concept base has http, and it has counters."""
    data = NamedNode("https://w.example/wiki/Special:EntityData/Q1")
    document = describe(make_item(Identifier("12")), STAMP, VOCABULARY)
    assert document[0] == Triple(data, TYPE, term(SCHEMA, "Dataset"))
    triples = set(document)
    assert objects(triples, data, term(SCHEMA, "about")) == {"<http://w.example/entity/Q1>"}
    assert objects(triples, data, term(SCHEMA, "version")) == {str(Literal("7", datatype=term(XSD, "integer")))}
    assert objects(triples, data, term(SCHEMA, "softwareVersion")) == {'"1.0.0"'}
    for name, number in (("statements", 1), ("identifiers", 1), ("sitelinks", 0)):
        assert objects(triples, data, term(ONTOLOGY, name)) == {
            str(Literal(str(number), datatype=term(XSD, "integer")))
        }


@pytest.mark.parametrize("datatype", Datatype)
def test_every_datatype_has_values(datatype: Datatype) -> None:
    """A hundred values of each datatype can be serialised and parsed."""
    statements = tuple(Statement(f"Q1${number}", "P1", GENERATOR.make_value(datatype)) for number in range(100))
    document = describe(Item(id="Q1", statements=statements), STAMP, VOCABULARY)
    assert {
        quad.triple for quad in parse(serialize_triples(document, "nt", VOCABULARY), format=RdfFormat.N_TRIPLES)
    } == set(document)


def test_only_best_ranked_statements_have_direct_claims() -> None:
    """A preferred statement outranks the normal ones; a deprecated statement is never best-ranked."""
    statements = (
        Statement("Q1$A", "P1", EntityLink("Q10")),
        Statement("Q1$B", "P1", EntityLink("Q11"), Rank.PREFERRED),
        Statement("Q1$C", "P1", EntityLink("Q12"), Rank.DEPRECATED),
        Statement("Q1$D", "P2", EntityLink("P13"), Rank.DEPRECATED),
    )
    triples = triples_of(Item(id="Q1", statements=statements))
    assert objects(triples, ITEM, VOCABULARY.property("wdt", "P1")) == {str(VOCABULARY.entity("Q11"))}
    assert objects(triples, ITEM, VOCABULARY.property("wdt", "P2")) == set()
    best = {triple.subject for triple in triples if triple.object == term(ONTOLOGY, "BestRank")}
    assert best == {VOCABULARY.statement("Q1$B")}
    assert objects(triples, VOCABULARY.statement("Q1$C"), term(ONTOLOGY, "rank")) == {f"<{ONTOLOGY}DeprecatedRank>"}


def test_unknown_value_is_a_blank_node_with_a_stable_label() -> None:
    """The label is the same in each revision; no value is a class."""
    some = triples_of(make_item(Special.SOME))
    (label,) = {triple.object for triple in some if isinstance(triple.object, BlankNode)}
    assert Triple(ITEM, VOCABULARY.property("wdt", "P1"), label) in some
    assert Triple(VOCABULARY.statement("Q1$A"), VOCABULARY.property("ps", "P1"), label) in some
    later = triples_of(replace(make_item(Special.SOME), labels={"en": "other"}))
    assert label in {triple.object for triple in later}
    none = triples_of(make_item(Special.NONE))
    assert Triple(ITEM, TYPE, VOCABULARY.property("wdno", "P1")) in none
    assert Triple(VOCABULARY.statement("Q1$A"), TYPE, VOCABULARY.property("wdno", "P1")) in none


@pytest.mark.parametrize("value", [Quantity("+5"), Moment("2001-12-31T00:00:00Z"), Coordinate(1.5, -2.25)], ids=repr)
def test_entities_with_the_same_value_share_its_node(value: Value) -> None:
    """The value may be the main value, a qualifier or part of a reference; equal references share their node, too."""
    reference = (Snak("P3", value),)
    inner = replace(make_item(EntityLink("Q9")).statements[0], qualifiers=(Snak("P2", value),), references=(reference,))
    one = triples_of(Item(id="Q1", statements=(inner, replace(inner, guid="Q1$B"))))
    other = triples_of(Item(id="Q2", statements=(replace(inner, guid="Q2$A"), Statement("Q2$B", "P1", value))))
    shared = {triple.subject for triple in one} & {triple.subject for triple in other}
    kinds = {str(node).split("/")[3] for node in shared}
    assert kinds == {"value", "reference"}
    assert all(
        not predicate_names(one, node) ^ predicate_names(other, node) for node in shared if isinstance(node, NamedNode)
    )


def test_quantity_links_to_its_normalised_form() -> None:
    """The node of the normalised form links to itself."""
    triples = triples_of(make_item(Quantity("+5", "Q828224", normalized=("+5000", "Q11573"))))
    normal = term(ONTOLOGY, "quantityNormalized")
    links = {(triple.subject, triple.object) for triple in triples if triple.predicate == normal}
    assert len(links) == 2
    assert sum(start == end for start, end in links) == 1
    assert predicate_names(triples, VOCABULARY.statement("Q1$A")) >= {
        "http://w.example/prop/statement/value-normalized/P1"
    }


def test_identifier_has_its_normalised_form() -> None:
    """It is on the statement and on the direct claim, unless the property has no formatter."""
    triples = triples_of(make_item(Identifier("12", "http://ids.example/12")))
    assert objects(triples, ITEM, VOCABULARY.property("wdtn", "P1")) == {"<http://ids.example/12>"}
    assert objects(triples, VOCABULARY.statement("Q1$A"), VOCABULARY.property("psn", "P1")) == {
        "<http://ids.example/12>"
    }
    assert not objects(triples_of(make_item(Identifier("12"))), ITEM, VOCABULARY.property("wdtn", "P1"))


def test_coordinate_outside_the_earth_names_its_globe() -> None:
    """The longitude is first."""
    point = objects(triples_of(make_item(Coordinate(1.5, -2.25, globe="Q405"))), ITEM, VOCABULARY.property("wdt", "P1"))
    assert point == {
        '"<http://www.wikidata.org/entity/Q405> Point(-2.25 1.5)"^^<http://www.opengis.net/ont/geosparql#wktLiteral>'
    }


def test_sitelink_is_an_article_and_a_group() -> None:
    """The article has its badges, and the URL encodes the title as wikis do."""
    link = Sitelink("https://de.wikipedia.org", "Straße (Bär)", "de", badges=("Q17437796",))
    triples = triples_of(Item(id="Q1", sitelinks=(link,)))
    article = NamedNode("https://de.wikipedia.org/wiki/Stra%C3%9Fe_(B%C3%A4r)")
    assert objects(triples, article, term(SCHEMA, "about")) == {str(ITEM)}
    assert objects(triples, article, term(SCHEMA, "name")) == {'"Straße (Bär)"@de'}
    assert objects(triples, article, term(ONTOLOGY, "badge")) == {str(VOCABULARY.entity("Q17437796"))}
    assert objects(triples, NamedNode("https://de.wikipedia.org/"), term(ONTOLOGY, "wikiGroup")) == {'"wikipedia"'}


def test_property_declares_all_of_its_roles() -> None:
    """It also declares the class of entities without a value of the property."""
    triples = triples_of(GENERATOR.make_property("P8", Datatype.EXTERNAL_ID))
    node = VOCABULARY.entity("P8")
    assert objects(triples, node, term(ONTOLOGY, "propertyType")) == {f"<{ONTOLOGY}ExternalId>"}
    assert objects(triples, node, term(ONTOLOGY, "directClaimNormalized")) == {str(VOCABULARY.property("wdtn", "P8"))}
    assert objects(triples, VOCABULARY.property("wdt", "P8"), TYPE) == {f"<{OWL}DatatypeProperty>"}
    assert predicate_names(triples, VOCABULARY.property("wdno", "P8")) == {"type", "complementOf"}
    item = triples_of(GENERATOR.make_property("P1", Datatype.ITEM))
    assert objects(item, VOCABULARY.property("wdt", "P1"), TYPE) == {f"<{OWL}ObjectProperty>"}


def test_lexeme_links_to_forms_and_senses_before_their_triples() -> None:
    """Streaming readers of a document rely on this order."""
    document = describe(GENERATOR.make_lexeme("L1"), STAMP, VOCABULARY)
    parts = {triple.object for triple in document if triple.predicate.value.endswith(("#lexicalForm", "#sense"))}
    assert {str(part)[-3] for part in parts} == {"F", "S"}
    for part in parts:
        first = next(position for position, triple in enumerate(document) if triple.subject == part)
        link = next(position for position, triple in enumerate(document) if triple.object == part)
        assert link < first


def test_media_info_and_its_properties_belong_to_different_wikis() -> None:
    """Commons has media info and uses the properties of Wikidata."""
    vocabulary = Vocabulary(COMMONS, WIKIDATA)
    media = MediaInfo(id="M5", file="A b.jpg", statements=make_item(Quantity("+5"), entity="M5").statements)
    triples = triples_of(media, vocabulary)
    node = NamedNode("https://commons.wikimedia.org/entity/M5")
    assert objects(triples, node, NamedNode("http://www.wikidata.org/prop/P1")) == {
        "<https://commons.wikimedia.org/entity/statement/M5-A>"
    }
    text = serialize_triples(describe(media, STAMP, vocabulary), "ttl", vocabulary).decode()
    assert "sdcs:M5-A" in text
    assert "wdt:P1" in text
    assert "<https://commons.wikimedia.org/value/" in text
    assert "<https://commons.wikimedia.org/wiki/Special:EntityData/>" in text


def test_redirect_has_only_its_target() -> None:
    """The document has the data node and ``owl:sameAs``."""
    triples = triples_of(Redirect(id="Q2", target="Q1"))
    same = Triple(VOCABULARY.entity("Q2"), term(OWL, "sameAs"), ITEM)
    assert same in triples
    assert {str(triple.subject) for triple in triples} == {str(VOCABULARY.document("Q2")), str(VOCABULARY.entity("Q2"))}
    assert len(triples) == 7


@pytest.mark.parametrize("size", [300, 1000, 4000])
def test_item_has_about_the_requested_size(size: int) -> None:
    """It is larger rather than smaller."""
    item = EntityGenerator(Random(2)).make_item("Q1", triples=size)
    assert size <= len(triples_of(item)) <= 1.7 * size


def test_same_seed_gives_the_same_entities() -> None:
    """Another seed gives other entities."""
    one, same, other = (EntityGenerator(Random(seed)).make_item("Q1", triples=500) for seed in (1, 1, 2))
    assert triples_of(one) == triples_of(same) != triples_of(other)


def test_statements_use_every_datatype() -> None:
    """There are also datatypes, values and ranks that are rare in reality."""
    statements = [GENERATOR.make_statement("Q1") for _ in range(1000)]
    assert {PROPERTIES[statement.property] for statement in statements} == set(Datatype)
    assert {statement.value for statement in statements} >= set(Special)
    assert {statement.rank for statement in statements} == set(Rank)
    assert {statement.guid[0] for statement in statements} == {"q", "Q"}
