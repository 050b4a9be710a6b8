"""The small Wikibase's documents have the shapes of the RDF dump format."""

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

WORDS = Vocabulary("http://w.example")
STAMP = RevisionStamp(7, "2026-06-01T12:00:00Z")
ITEM = WORDS.entity("Q1")
AUTHOR = EntityGenerator(Random(8))
FORMATS = {"ttl": RdfFormat.TURTLE, "nt": RdfFormat.N_TRIPLES}


def triples_of(entity: AnyEntity, words: Vocabulary = WORDS) -> set[Triple]:
    """Its document."""
    return set(describe(entity, STAMP, words))


def saying(value: Value, *, property_id: str = "P1", entity: str = "Q1", guid: str = "") -> Item:
    """An item with one statement."""
    return Item(id=entity, statements=(Statement(guid or f"{entity}$A", property_id, value),))


def objects(triples: set[Triple], subject: NamedNode, predicate: NamedNode) -> set[str]:
    """What is said of a subject, as text."""
    return {str(triple.object) for triple in triples if (triple.subject, triple.predicate) == (subject, predicate)}


def about(triples: set[Triple], subject: NamedNode) -> set[str]:
    """The local names of what is said of a subject."""
    return {triple.predicate.value.rpartition("#")[2] for triple in triples if triple.subject == subject}


def entities() -> list[AnyEntity]:
    """One of each kind."""
    return [
        AUTHOR.make_item("Q1", triples=300),
        AUTHOR.make_property("P8", Datatype.EXTERNAL_ID),
        AUTHOR.make_lexeme("L1"),
        AUTHOR.make_media("M5", "A picture.jpg"),
        Redirect(id="Q2", target="Q1"),
    ]


@pytest.mark.parametrize("form", ["ttl", "nt"])
@pytest.mark.parametrize("entity", entities(), ids=lambda entity: entity.id)
def test_both_formats_say_the_same(entity: AnyEntity, form: str) -> None:
    """Each can be parsed, and gives the triples of the document, blank nodes with their labels."""
    document = describe(entity, STAMP, WORDS)
    assert len(set(document)) == len(document)
    body = serialize_triples(document, form, WORDS)
    assert {quad.triple for quad in parse(body, format=FORMATS[form])} == set(document)


def test_the_data_node_says_which_revision_it_is() -> None:
    """Over https even where concepts are not, with counters."""
    data = NamedNode("https://w.example/wiki/Special:EntityData/Q1")
    document = describe(saying(Identifier("12")), STAMP, WORDS)
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
    """A hundred of each can be written and read."""
    statements = tuple(Statement(f"Q1${number}", "P1", AUTHOR.make_value(datatype)) for number in range(100))
    document = describe(Item(id="Q1", statements=statements), STAMP, WORDS)
    assert {quad.triple for quad in parse(serialize_triples(document, "nt", WORDS), format=RdfFormat.N_TRIPLES)} == set(
        document
    )


def test_only_the_best_rank_is_the_truth() -> None:
    """A preferred statement hides the normal ones; a deprecated one never counts."""
    statements = (
        Statement("Q1$A", "P1", EntityLink("Q10")),
        Statement("Q1$B", "P1", EntityLink("Q11"), Rank.PREFERRED),
        Statement("Q1$C", "P1", EntityLink("Q12"), Rank.DEPRECATED),
        Statement("Q1$D", "P2", EntityLink("P13"), Rank.DEPRECATED),
    )
    triples = triples_of(Item(id="Q1", statements=statements))
    assert objects(triples, ITEM, WORDS.property("wdt", "P1")) == {str(WORDS.entity("Q11"))}
    assert objects(triples, ITEM, WORDS.property("wdt", "P2")) == set()
    best = {triple.subject for triple in triples if triple.object == term(ONTOLOGY, "BestRank")}
    assert best == {WORDS.statement("Q1$B")}
    assert objects(triples, WORDS.statement("Q1$C"), term(ONTOLOGY, "rank")) == {f"<{ONTOLOGY}DeprecatedRank>"}


def test_a_value_that_is_not_known_is_a_node_without_a_name_that_keeps_its_label() -> None:
    """From revision to revision; none at all is a class."""
    some = triples_of(saying(Special.SOME))
    (label,) = {triple.object for triple in some if isinstance(triple.object, BlankNode)}
    assert Triple(ITEM, WORDS.property("wdt", "P1"), label) in some
    assert Triple(WORDS.statement("Q1$A"), WORDS.property("ps", "P1"), label) in some
    later = triples_of(replace(saying(Special.SOME), labels={"en": "other"}))
    assert label in {triple.object for triple in later}
    none = triples_of(saying(Special.NONE))
    assert Triple(ITEM, TYPE, WORDS.property("wdno", "P1")) in none
    assert Triple(WORDS.statement("Q1$A"), TYPE, WORDS.property("wdno", "P1")) in none


@pytest.mark.parametrize("value", [Quantity("+5"), Moment("2001-12-31T00:00:00Z"), Coordinate(1.5, -2.25)], ids=repr)
def test_entities_that_say_the_same_share_its_node(value: Value) -> None:
    """Also one as a qualifier or in a reference of the other; and references, too."""
    reference = (Snak("P3", value),)
    inner = replace(saying(EntityLink("Q9")).statements[0], qualifiers=(Snak("P2", value),), references=(reference,))
    one = triples_of(Item(id="Q1", statements=(inner, replace(inner, guid="Q1$B"))))
    other = triples_of(Item(id="Q2", statements=(replace(inner, guid="Q2$A"), Statement("Q2$B", "P1", value))))
    shared = {triple.subject for triple in one} & {triple.subject for triple in other}
    kinds = {str(node).split("/")[3] for node in shared}
    assert kinds == {"value", "reference"}
    assert all(not about(one, node) ^ about(other, node) for node in shared if isinstance(node, NamedNode))


def test_a_quantity_leads_to_itself_in_the_base_unit() -> None:
    """Whose node leads to itself."""
    triples = triples_of(saying(Quantity("+5", "Q828224", normalized=("+5000", "Q11573"))))
    normal = term(ONTOLOGY, "quantityNormalized")
    links = {(triple.subject, triple.object) for triple in triples if triple.predicate == normal}
    assert len(links) == 2
    assert sum(start == end for start, end in links) == 1
    assert about(triples, WORDS.statement("Q1$A")) >= {"http://w.example/prop/statement/value-normalized/P1"}


def test_an_identifier_has_its_normal_form() -> None:
    """On the statement and as the truth; not where the property has none."""
    triples = triples_of(saying(Identifier("12", "http://ids.example/12")))
    assert objects(triples, ITEM, WORDS.property("wdtn", "P1")) == {"<http://ids.example/12>"}
    assert objects(triples, WORDS.statement("Q1$A"), WORDS.property("psn", "P1")) == {"<http://ids.example/12>"}
    assert not objects(triples_of(saying(Identifier("12"))), ITEM, WORDS.property("wdtn", "P1"))


def test_a_place_off_the_earth_names_its_globe() -> None:
    """Longitude comes first."""
    point = objects(triples_of(saying(Coordinate(1.5, -2.25, globe="Q405"))), ITEM, WORDS.property("wdt", "P1"))
    assert point == {
        '"<http://www.wikidata.org/entity/Q405> Point(-2.25 1.5)"^^<http://www.opengis.net/ont/geosparql#wktLiteral>'
    }


def test_a_sitelink_is_an_article_and_a_group() -> None:
    """With its badges; the title as a URL is encoded as wikis do it."""
    link = Sitelink("https://de.wikipedia.org", "Straße (Bär)", "de", badges=("Q17437796",))
    triples = triples_of(Item(id="Q1", sitelinks=(link,)))
    article = NamedNode("https://de.wikipedia.org/wiki/Stra%C3%9Fe_(B%C3%A4r)")
    assert objects(triples, article, term(SCHEMA, "about")) == {str(ITEM)}
    assert objects(triples, article, term(SCHEMA, "name")) == {'"Straße (Bär)"@de'}
    assert objects(triples, article, term(ONTOLOGY, "badge")) == {str(WORDS.entity("Q17437796"))}
    assert objects(triples, NamedNode("https://de.wikipedia.org/"), term(ONTOLOGY, "wikiGroup")) == {'"wikipedia"'}


def test_a_property_declares_all_of_its_roles() -> None:
    """With the class of what has none of it."""
    triples = triples_of(AUTHOR.make_property("P8", Datatype.EXTERNAL_ID))
    node = WORDS.entity("P8")
    assert objects(triples, node, term(ONTOLOGY, "propertyType")) == {f"<{ONTOLOGY}ExternalId>"}
    assert objects(triples, node, term(ONTOLOGY, "directClaimNormalized")) == {str(WORDS.property("wdtn", "P8"))}
    assert objects(triples, WORDS.property("wdt", "P8"), TYPE) == {f"<{OWL}DatatypeProperty>"}
    assert about(triples, WORDS.property("wdno", "P8")) == {"type", "complementOf"}
    item = triples_of(AUTHOR.make_property("P1", Datatype.ITEM))
    assert objects(item, WORDS.property("wdt", "P1"), TYPE) == {f"<{OWL}ObjectProperty>"}


def test_a_lexeme_announces_its_forms_and_senses_before_it_describes_them() -> None:
    """Those who read a document once, from its start, rely on it."""
    document = describe(AUTHOR.make_lexeme("L1"), STAMP, WORDS)
    parts = {triple.object for triple in document if triple.predicate.value.endswith(("#lexicalForm", "#sense"))}
    assert {str(part)[-3] for part in parts} == {"F", "S"}
    for part in parts:
        first = next(place for place, triple in enumerate(document) if triple.subject == part)
        announced = next(place for place, triple in enumerate(document) if triple.object == part)
        assert announced < first


def test_media_info_is_its_wikis_own_and_its_properties_are_anothers() -> None:
    """As on Commons."""
    words = Vocabulary(COMMONS, WIKIDATA)
    media = MediaInfo(id="M5", file="A b.jpg", statements=saying(Quantity("+5"), entity="M5").statements)
    triples = triples_of(media, words)
    node = NamedNode("https://commons.wikimedia.org/entity/M5")
    assert objects(triples, node, NamedNode("http://www.wikidata.org/prop/P1")) == {
        "<https://commons.wikimedia.org/entity/statement/M5-A>"
    }
    text = serialize_triples(describe(media, STAMP, words), "ttl", words).decode()
    assert "sdcs:M5-A" in text
    assert "wdt:P1" in text
    assert "<https://commons.wikimedia.org/value/" in text
    assert "<https://commons.wikimedia.org/wiki/Special:EntityData/>" in text


def test_a_redirect_says_where_it_leads_and_no_more() -> None:
    """The data node and ``owl:sameAs``."""
    triples = triples_of(Redirect(id="Q2", target="Q1"))
    same = Triple(WORDS.entity("Q2"), term(OWL, "sameAs"), ITEM)
    assert same in triples
    assert {str(triple.subject) for triple in triples} == {str(WORDS.document("Q2")), str(WORDS.entity("Q2"))}
    assert len(triples) == 7


@pytest.mark.parametrize("size", [300, 1000, 4000])
def test_an_item_is_about_as_large_as_it_is_wanted(size: int) -> None:
    """Rather larger than smaller."""
    item = EntityGenerator(Random(2)).make_item("Q1", triples=size)
    assert size <= len(triples_of(item)) <= 1.7 * size


def test_the_same_generator_makes_the_same_entities() -> None:
    """And another one others."""
    one, same, other = (EntityGenerator(Random(seed)).make_item("Q1", triples=500) for seed in (1, 1, 2))
    assert triples_of(one) == triples_of(same) != triples_of(other)


def test_statements_use_every_datatype() -> None:
    """Also those that are rare in life."""
    statements = [AUTHOR.make_statement("Q1") for _ in range(1000)]
    assert {PROPERTIES[statement.property] for statement in statements} == set(Datatype)
    assert {statement.value for statement in statements} >= set(Special)
    assert {statement.rank for statement in statements} == set(Rank)
    assert {statement.guid[0] for statement in statements} == {"q", "Q"}
