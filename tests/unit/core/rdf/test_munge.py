from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyoxigraph import Literal, NamedNode, Triple
from tests.unit.core.rdf.entities import ENTITIES
from tests.unit.core.rdf.turtle import COMMONS, STATED, WIKIDATA, kept, triples

from wikistate.core.rdf.munge import munge
from wikistate.core.rdf.uris import Uris
from wikistate.errors import MungeError

CLAIM = "wd:Q1 p:P1 s:q1-a ."
CASES = {
    "types that follow from the id": (
        "wd:Q1 a wikibase:Item , wikibase:Lexeme , wikibase:Form , wikibase:Sense .",
        "",
    ),
    "other types of the entity": (
        "wd:Q1 a wikibase:Property , wikibase:MediaInfo , ontolex:LexicalEntry .",
        "wd:Q1 a wikibase:Property , wikibase:MediaInfo , ontolex:LexicalEntry .",
    ),
    "labels, once and in all languages": (
        'wd:Q1 rdfs:label "a"@en , "b"@de ; schema:name "a"@en , "b"@de ; skos:prefLabel "a"@en , "b"@de .',
        'wd:Q1 rdfs:label "a"@en , "b"@de .',
    ),
    "descriptions, aliases": (
        'wd:Q1 schema:description "a"@en ; skos:altLabel "b"@en , "c"@en .',
        'wd:Q1 schema:description "a"@en ; skos:altLabel "b"@en , "c"@en .',
    ),
    "labels of other entities": (
        'wd:Q2 rdfs:label "a"@en ; a wikibase:Item . wd:Q1 wdt:P1 wd:Q2 .',
        "wd:Q1 wdt:P1 wd:Q2 .",
    ),
    "entities whose id begins like the entity's": ('wd:Q10 rdfs:label "a" . wd:Q1-F1 rdfs:label "a" .', ""),
    "a redirect": ("wd:Q1 owl:sameAs wd:Q2 .", "wd:Q1 owl:sameAs wd:Q2 ."),
    "unknown triples of the entity": ("wd:Q1 <http://x/p> <http://x/o> .", "wd:Q1 <http://x/p> <http://x/o> ."),
    "simple values": ("wd:Q1 wdt:P1 1 ; wdtn:P2 <http://x/> .", "wd:Q1 wdt:P1 1 ; wdtn:P2 <http://x/> ."),
    "a statement": (
        f"{CLAIM} s:q1-a a wikibase:Statement , wikibase:BestRank , wdno:P1 ; ps:P1 2 ; pq:P2 3 .",
        f"{CLAIM} s:q1-a a wikibase:BestRank , wdno:P1 ; ps:P1 2 ; pq:P2 3 .",
    ),
    "a statement before its entity": (f"s:q1-a ps:P1 2 . {CLAIM}", f"{CLAIM} s:q1-a ps:P1 2 ."),
    "violations of constraints": (
        f"{CLAIM} s:q1-a ps:P1 1 ; wikibase:hasViolationForConstraint s:P1-x .",
        f"{CLAIM} s:q1-a ps:P1 1 ; wikibase:hasViolationForConstraint s:P1-x .",
    ),
    "a statement without an entity": ("wd:Q1 wdt:P1 1 . s:q2-a ps:P1 2 ; a wikibase:BestRank .", "wd:Q1 wdt:P1 1 ."),
    "a statement without a claim that leads to it": (
        "wd:Q1 wdt:P1 s:q1-a ; <http://x/p> s:q1-a . s:q1-a ps:P1 2 .",
        "wd:Q1 wdt:P1 s:q1-a ; <http://x/p> s:q1-a .",
    ),
    "a reference of a statement without an entity": (
        "s:q2-a ps:P1 2 ; prov:wasDerivedFrom ref:a . ref:a pr:P1 1 .",
        "s:q2-a prov:wasDerivedFrom ref:a . ref:a pr:P1 1 .",
    ),
    "a reference": (
        f"{CLAIM} s:q1-a prov:wasDerivedFrom ref:a . ref:a a wikibase:Reference ; pr:P1 1 .",
        f"{CLAIM} s:q1-a prov:wasDerivedFrom ref:a . ref:a pr:P1 1 .",
    ),
    "a reference without a statement": ("wd:Q1 wdt:P1 1 . ref:a a wikibase:Reference ; pr:P1 1 .", "wd:Q1 wdt:P1 1 ."),
    "a reference that is not a source": (
        f"{CLAIM} s:q1-a pq:P1 ref:a . ref:a pr:P1 1 .",
        f"{CLAIM} s:q1-a pq:P1 ref:a .",
    ),
    "values of statements and qualifiers": (
        f"{CLAIM} s:q1-a psv:P1 v:a ; pqv:P1 v:b . v:a a wikibase:TimeValue ; wikibase:timeValue 1 . v:b <http://x/p> 2 .",
        f"{CLAIM} s:q1-a psv:P1 v:a ; pqv:P1 v:b . v:a a wikibase:TimeValue ; wikibase:timeValue 1 . v:b <http://x/p> 2 .",
    ),
    "values of references, normalised ones, too": (
        f"{CLAIM} s:q1-a prov:wasDerivedFrom ref:a . ref:a prv:P1 v:a ; prn:P1 v:b . v:a <http://x/p> 1 . v:b <http://x/p> 2 .",
        f"{CLAIM} s:q1-a prov:wasDerivedFrom ref:a . ref:a prv:P1 v:a ; prn:P1 v:b . v:a <http://x/p> 1 . v:b <http://x/p> 2 .",
    ),
    "a value that a reference has as something else": (
        f"{CLAIM} s:q1-a prov:wasDerivedFrom ref:a . ref:a pr:P1 v:a . v:a <http://x/p> 1 .",
        f"{CLAIM} s:q1-a prov:wasDerivedFrom ref:a . ref:a pr:P1 v:a .",
    ),
    "values through references, in reverse order": (
        f"v:b <http://x/p> 2 . v:a wikibase:quantityNormalized v:b . ref:a prv:P1 v:a . s:q1-a prov:wasDerivedFrom ref:a . {CLAIM}",
        f"v:b <http://x/p> 2 . v:a wikibase:quantityNormalized v:b . ref:a prv:P1 v:a . s:q1-a prov:wasDerivedFrom ref:a . {CLAIM}",
    ),
    "types of values without an entity": (
        "v:a a wikibase:TimeValue ; wikibase:timeValue 1 .",
        "v:a a wikibase:TimeValue .",
    ),
    "a normalised value": (
        f"{CLAIM} s:q1-a psv:P1 v:a . v:a wikibase:quantityNormalized v:b . v:b wikibase:quantityAmount 1 .",
        f"{CLAIM} s:q1-a psv:P1 v:a . v:a wikibase:quantityNormalized v:b . v:b wikibase:quantityAmount 1 .",
    ),
    "a value that is its own normalised value": (
        "v:a wikibase:quantityNormalized v:a ; wikibase:quantityAmount 1 .",
        "v:a wikibase:quantityNormalized v:a ; wikibase:quantityAmount 1 .",
    ),
    "declared properties": (
        "p:P1 a owl:ObjectProperty ; rdfs:label 1 . wdt:P1 a owl:DatatypeProperty ; <http://x/p> 1 .",
        "p:P1 a owl:ObjectProperty . wdt:P1 a owl:DatatypeProperty .",
    ),
    "classes of no value": (
        "wdno:P1 a owl:Class ; owl:complementOf _:x . _:x a owl:Restriction ; owl:onProperty wdt:P1 .",
        "wdno:P1 a owl:Class ; owl:complementOf genid:x . genid:x a owl:Restriction ; owl:onProperty wdt:P1 .",
    ),
    "some value": (
        f"wd:Q1 wdt:P1 _:x . {CLAIM} s:q1-a ps:P1 _:y .",
        f"wd:Q1 wdt:P1 genid:x . {CLAIM} s:q1-a ps:P1 genid:y .",
    ),
    "a sitelink, its type last": (
        '<https://x.org/wiki/A> schema:about wd:Q1 ; schema:inLanguage "x" ; schema:isPartOf <https://x.org/> ; a schema:Article .',
        '<https://x.org/wiki/A> schema:about wd:Q1 ; schema:inLanguage "x" ; schema:isPartOf <https://x.org/> ; a schema:Article .',
    ),
    "a sitelink in pieces": (
        "<https://x.org/wiki/A> schema:about wd:Q1 . wd:Q1 wdt:P1 1 . <https://x.org/wiki/A> a schema:Article .",
        "<https://x.org/wiki/A> schema:about wd:Q1 . wd:Q1 wdt:P1 1 . <https://x.org/wiki/A> a schema:Article .",
    ),
    "a sitelink of another entity": (
        "<https://x.org/wiki/A> schema:about wd:Q2 ; a schema:Article . wd:Q1 wdt:P1 1 .",
        "wd:Q1 wdt:P1 1 .",
    ),
    "an entity of another wiki as a sitelink": (
        "<http://other.org/entity/Q1> a schema:Article ; schema:about <http://other.org/entity/Q2> . wd:Q1 wdt:P1 1 .",
        "wd:Q1 wdt:P1 1 .",
    ),
    "a page that is about nothing": ("<https://x.org/A> a schema:Article . wd:Q1 wdt:P1 1 .", "wd:Q1 wdt:P1 1 ."),
    "a site's group": (
        '<https://x.org/> wikibase:wikiGroup "wikipedia" ; rdfs:label "x" .',
        '<https://x.org/> wikibase:wikiGroup "wikipedia" .',
    ),
    "unknown triples": ("wd:Q1 wdt:P1 1 . <http://x/s> <http://x/p> 1 .", "wd:Q1 wdt:P1 1 ."),
    "triples about the document": (
        'data:Q1 cc:license <http://x/l> ; schema:softwareVersion "1.0.0" ; schema:inLanguage "en" .',
        "",
    ),
    "counts": (
        "data:Q1 wikibase:statements 3 ; wikibase:sitelinks 0 .",
        "wd:Q1 wikibase:statements 3 ; wikibase:sitelinks 0 .",
    ),
}
LEXEME_CASES = {
    "a lexeme": (
        'wd:L1 a ontolex:LexicalEntry , wikibase:Lexeme ; rdfs:label "a"@en ; wikibase:lemma "a"@en ; dct:language wd:Q1860 .',
        'wd:L1 a ontolex:LexicalEntry ; wikibase:lemma "a"@en ; dct:language wd:Q1860 .',
    ),
    "forms and senses before their lexeme": (
        """wd:L1-F1 a ontolex:Form , wikibase:Form ; rdfs:label "a"@en ; ontolex:representation "a"@en ; p:P1 s:l1-f1-a .
        wd:L1-S1 a ontolex:LexicalSense , wikibase:Sense ; rdfs:label "b"@en ; skos:definition "b"@en .
        wd:L1 ontolex:sense wd:L1-S1 ; ontolex:lexicalForm wd:L1-F1 . s:l1-f1-a ps:P1 1 .""",
        """wd:L1-F1 a ontolex:Form ; ontolex:representation "a"@en ; p:P1 s:l1-f1-a .
        wd:L1-S1 a ontolex:LexicalSense ; skos:definition "b"@en .
        wd:L1 ontolex:sense wd:L1-S1 ; ontolex:lexicalForm wd:L1-F1 . s:l1-f1-a ps:P1 1 .""",
    ),
    "entities and forms of others as parts": (
        """wd:L1 ontolex:lexicalForm wd:Q42 , wd:L10-F1 ; ontolex:sense wd:L2-S1 . wd:Q42 wdt:P1 666 .
        wd:L10-F1 ontolex:representation "a"@en . wd:L2-S1 skos:definition "b"@en .""",
        "wd:L1 ontolex:lexicalForm wd:Q42 , wd:L10-F1 ; ontolex:sense wd:L2-S1 .",
    ),
    "forms of other lexemes": (
        'wd:L2-F1 ontolex:representation "a"@en . wd:L1 wdt:P1 wd:L2-F1 .',
        "wd:L1 wdt:P1 wd:L2-F1 .",
    ),
}
MEDIA_CASES = {
    "captions and files": (
        'sdc:M1 a wikibase:MediaInfo ; rdfs:label "a"@en ; schema:contentUrl <http://x/a.png> ; wdt:P180 wd:Q1 .',
        'sdc:M1 a wikibase:MediaInfo ; rdfs:label "a"@en ; schema:contentUrl <http://x/a.png> ; wdt:P180 wd:Q1 .',
    ),
    "statements of their own under another wiki's properties": (
        """sdc:M1 p:P1 sdcs:M1-a . sdcs:M1-a a wikibase:Statement ; psv:P1 sdcv:a ; prov:wasDerivedFrom sdcref:a .
        sdcv:a wikibase:timeValue 1 . sdcref:a a wikibase:Reference ; pr:P1 1 .""",
        """sdc:M1 p:P1 sdcs:M1-a . sdcs:M1-a psv:P1 sdcv:a ; prov:wasDerivedFrom sdcref:a .
        sdcv:a wikibase:timeValue 1 . sdcref:a pr:P1 1 .""",
    ),
    "items of the other wiki as parts": (
        "sdc:M1 ontolex:sense wd:Q1 ; wdt:P180 wd:Q1 . wd:Q1 wdt:P1 666 .",
        "sdc:M1 ontolex:sense wd:Q1 ; wdt:P180 wd:Q1 .",
    ),
    "labels of depicted entities": ('wd:Q1 rdfs:label "a"@en . sdc:M1 wdt:P180 wd:Q1 .', "sdc:M1 wdt:P180 wd:Q1 ."),
}


@pytest.mark.parametrize("case", CASES)
def test_items_are_munged(case: str) -> None:
    """The cases show which triples of a document are kept, by kind of subject."""
    document, expected = CASES[case]
    assert kept(document) == set(triples(expected))


@pytest.mark.parametrize("case", LEXEME_CASES)
def test_lexemes_are_munged(case: str) -> None:
    """Forms and senses belong to the lexeme that links to them, in any order; their labels are redundant."""
    document, expected = LEXEME_CASES[case]
    assert kept(document, "L1") == set(triples(expected))


@pytest.mark.parametrize("case", MEDIA_CASES)
def test_media_are_munged(case: str) -> None:
    """Media have statements of their own wiki under the properties of the other one."""
    document, expected = MEDIA_CASES[case]
    assert kept(document, "M1", COMMONS) == set(triples(expected))


def test_metadata_of_the_document_moves_to_the_entity() -> None:
    """Revision, date and counts become those of the entity, under either scheme of the document, each pair once."""
    document = triples(
        f"data:Q1 {STATED} ; wikibase:identifiers 2 . wd:Q1 wdt:P1 1 ."
        "<http://www.wikidata.org/wiki/Special:EntityData/Q1> schema:version 7 ."
    )
    assert munge(document, "Q1", WIKIDATA) == set(triples(f"wd:Q1 {STATED} ; wikibase:identifiers 2 ; wdt:P1 1 ."))


def test_https_concept_base_is_kept() -> None:
    """IRIs with https are not rewritten, and not taken for IRIs of another wiki."""
    text = (
        "<https://x.org/wiki/Special:EntityData/Q1> {0} . <https://x.org/entity/Q1> a wikibase:Item ; rdfs:label 'a' ."
    )
    found = munge(triples(text.format(STATED)), "Q1", Uris.for_wikibase("https://x.org"))
    assert found == set(triples(f"<https://x.org/entity/Q1> rdfs:label 'a' ; {STATED} ."))


@pytest.mark.parametrize("ending", ["", "@en", "^^<http://x/d>"])
def test_long_literals_are_cut(ending: str) -> None:
    """Literals are cut to 32767 UTF-16 code units; language and datatype stay."""
    assert kept(f'wd:Q1 wdt:P1 "{"a" * 65534}"{ending} .') == set(triples(f'wd:Q1 wdt:P1 "{"a" * 32767}"{ending} .'))
    assert kept(f'wd:Q1 wdt:P1 "{"a" * 32767}"{ending} .') == set(triples(f'wd:Q1 wdt:P1 "{"a" * 32767}"{ending} .'))


def test_cut_does_not_split_a_character() -> None:
    """A character of two code units at the bound is removed as a whole."""
    assert kept(f'wd:Q1 wdt:P1 "{"🜚" * 16384}" .') == set(triples(f'wd:Q1 wdt:P1 "{"🜚" * 16383}" .'))


def test_points_of_the_old_format_are_swapped() -> None:
    """Format 0.0.1 has the latitude first; stores have the longitude first.

    The place of the version does not matter.
    """
    globe = "<http://x/moon> "
    text = 'wd:Q1 wdt:P1 "{0}Point({1})"^^geo:wktLiteral , "Point({1})" .'
    version = 'data:Q1 schema:softwareVersion "{0}" .'
    for point in ("", globe):
        old = text.format(point, "1.2 3.4")
        new = text.format(point, "3.4 1.2").replace('"Point(3.4 1.2)" .', '"Point(1.2 3.4)" .')
        assert kept(f"{old} {version.format('0.0.1')}") == set(triples(new))
        assert kept(f"{old} {version.format('1.0.0')}") == set(triples(old))


REJECTED = {
    "another entity": (f"data:Q2 {STATED} . wd:Q2 a wikibase:Item .", "not about Q1 but about Q2"),
    "another wiki": (
        f"<https://x.org/wiki/Special:EntityData/Q1> {STATED} . <https://x.org/entity/Q1> a wikibase:Item .",
        "no known triple about Q1",
    ),
    "the same entity under other IRIs": (
        (
            f"data:Q1 schema:about <https://www.wikidata.org/entity/Q1> ; {STATED} ."
            "<https://www.wikidata.org/entity/Q1> wdt:P1 1 . <https://x.org/wiki/A> a schema:Article ."
        ),
        "not about Q1 but about <https://www.wikidata.org/entity/Q1>",
    ),
    "nothing that is known": ("<http://x/s> <http://x/p> 1 .", "no known triple about Q1"),
    "no revision": (
        'data:Q1 schema:dateModified "2024-05-01T00:00:00Z"^^xsd:dateTime . wd:Q1 a wikibase:Item .',
        "schema.org/version",
    ),
    "no date": ("data:Q1 schema:version 7 . wd:Q1 a wikibase:Item .", "schema.org/dateModified"),
    "a revision that is not a number": (
        f"data:Q1 {STATED} ; schema:version <http://x/7> . wd:Q1 wdt:P1 1 .",
        "must be a literal",
    ),
    "the bookkeeping of a store": (
        f"data:Q1 {STATED} . wd:Q1 wdt:P1 1 . <urn:wikistate:store> a schema:Article ; <urn:wikistate:x> wd:Q2 .",
        "has triples about <urn:wikistate:store>",
    ),
    "nothing at all": ("", "lacks <http://schema.org/dateModified>"),
}


@pytest.mark.parametrize("case", REJECTED)
def test_invalid_documents_are_rejected(case: str) -> None:
    """A document of another entity, or without a revision, is never written to a store."""
    document, message = REJECTED[case]
    with pytest.raises(MungeError, match=message) as raised:
        munge(triples(document), "Q1", WIKIDATA)
    assert raised.value.ids == {"entity": "Q1"}


@pytest.mark.parametrize("name", ENTITIES)
@given(seed=st.integers())
def test_order_does_not_matter(name: str, seed: int) -> None:
    """Any order and any repetition of a document's triples give the same result."""
    entity_id, uris, document = ENTITIES[name]
    shuffled = document + document[::3]
    random.Random(seed).shuffle(shuffled)
    assert munge(shuffled, entity_id, uris) == munge(document, entity_id, uris)


@pytest.mark.parametrize("name", ENTITIES)
def test_munging_is_idempotent(name: str) -> None:
    """Munged triples are kept when they are munged again, if the metadata of the document is there."""
    entity_id, uris, document = ENTITIES[name]
    once = munge(document, entity_id, uris)
    stated = [triple for triple in document if "Special:EntityData" in str(triple.subject)]
    assert munge([*stated, *once], entity_id, uris) == once


def test_entities_of_all_kinds_hold_no_blank_node_and_no_document() -> None:
    """Neither ever reaches a store."""
    for entity_id, uris, document in ENTITIES.values():
        for triple in munge(document, entity_id, uris):
            assert isinstance(triple.subject, NamedNode)
            assert isinstance(triple.object, NamedNode | Literal)
            assert "Special:EntityData" not in triple.subject.value
            assert isinstance(triple, Triple)


DATA_NODES = {
    "article path of short URLs": "https://www.wikidata.org/wiki/Special:EntityData/",
    "article path of a new wiki": "http://host:8080/index.php/Special:EntityData/",
    "article path with the title in the query": "http://host/index.php?title=Special:EntityData/",
    "article path of another word": "http://host/view/Special:EntityData/",
    "article path at the root": "http://host/Special:EntityData/",
    "article path like the namespace of entities": "http://www.wikidata.org/entity/Special:EntityData/",
    "article path like the namespace of properties": "http://www.wikidata.org/prop/Special:EntityData/",
    "content language German": "http://host/wiki/Spezial:EntityData/",
    "content language Russian": "http://host/wiki/%D0%A1%D0%BB%D1%83%D0%B6%D0%B5%D0%B1%D0%BD%D0%B0%D1%8F:EntityData/",
    "another scheme than the concept base": "https://www.wikidata.org/wiki/Special:EntityData/",
    "another host than the concept base": "http://wiki.internal/wiki/Special:EntityData/",
}
SITELINK = '<https://x.org/wiki/A> a schema:Article ; schema:about wd:Q1 ; schema:inLanguage "x" .'


@pytest.mark.parametrize("case", DATA_NODES)
def test_data_node_is_found_by_the_entity_that_it_is_about(case: str) -> None:
    """A wiki makes its address from its server, article path and content language."""
    node = f"<{DATA_NODES[case]}Q1>"
    kept_triples = f'wd:Q1 rdfs:label "a"@en ; p:P1 s:q1-a . s:q1-a ps:P1 1 . {SITELINK}'
    document = f"{node} a schema:Dataset ; schema:about wd:Q1 ; {STATED} ; wikibase:statements 1 . {kept_triples}"
    expected = set(triples(f"wd:Q1 {STATED} ; wikibase:statements 1 . {kept_triples}"))
    assert munge(triples(document), "Q1", WIKIDATA) == expected
    redirect = f"{node} schema:about wd:Q1 ; a schema:Dataset ; {STATED} . wd:Q1 owl:sameAs wd:Q2 ."
    assert munge(triples(redirect), "Q1", WIKIDATA) == set(triples(f"wd:Q1 {STATED} ; owl:sameAs wd:Q2 ."))
    lexeme = f"{node} schema:about wd:L1 ; a schema:Dataset ; {STATED} . wd:L1 wikibase:lemma 'a' ."
    assert munge(triples(lexeme), "L1", WIKIDATA) == set(triples(f"wd:L1 {STATED} ; wikibase:lemma 'a' ."))


def test_data_node_of_another_entity_does_not_count() -> None:
    """The document of a redirect may describe its target as well; the revision of the redirect is its own."""
    other = 'schema:version 9 ; schema:dateModified "2025-05-01T00:00:00Z"^^xsd:dateTime ; wikibase:statements 3'
    for base in ("data:{}", "<http://host/index.php/Special:EntityData/{}>"):
        own, target = base.format("Q1"), base.format("Q2")
        document = (
            f"{own} schema:about wd:Q1 ; {STATED} . wd:Q1 owl:sameAs wd:Q2 . {target} schema:about wd:Q2 ; {other} ."
        )
        assert munge(triples(document), "Q1", WIKIDATA) == set(triples(f"wd:Q1 {STATED} ; owl:sameAs wd:Q2 ."))


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (f"<http://h/view/Special:EntityData/Q2> schema:about wd:Q2 ; {STATED} .", "not about Q1 but about"),
        (
            f"<http://h/view/Special:EntityData/Q1> schema:about <http://h/entity/Q1> ; {STATED} .",
            "not about Q1 but about <http://h/entity/Q1>",
        ),
        (
            "<http://h/view/Special:EntityData/Q1> a schema:Dataset ; schema:about wd:Q1 . wd:Q1 a wikibase:Property .",
            "lacks <http://schema.org/dateModified>, <http://schema.org/version>",
        ),
        (f"{SITELINK} wd:Q1 a wikibase:Property .", "lacks <http://schema.org/dateModified>"),
    ],
)
def test_data_node_at_any_address_is_checked(document: str, message: str) -> None:
    """A document of another entity, of another concept base, or without a revision is rejected as at the usual address."""
    with pytest.raises(MungeError, match=message):
        munge(triples(document), "Q1", WIKIDATA)
