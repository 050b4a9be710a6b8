"""Small entities as a munged store holds them, for tests that delete, link and move them."""

from __future__ import annotations

from pyoxigraph import RdfFormat, Triple, parse

PREFIXES = """
@prefix wd: <http://www.wikidata.org/entity/> .
@prefix wds: <http://www.wikidata.org/entity/statement/> .
@prefix wdref: <http://www.wikidata.org/reference/> .
@prefix wdv: <http://www.wikidata.org/value/> .
@prefix p: <http://www.wikidata.org/prop/> .
@prefix ps: <http://www.wikidata.org/prop/statement/> .
@prefix psv: <http://www.wikidata.org/prop/statement/value/> .
@prefix prv: <http://www.wikidata.org/prop/reference/value/> .
@prefix wikibase: <http://wikiba.se/ontology#> .
@prefix schema: <http://schema.org/> .
@prefix prov: <http://www.w3.org/ns/prov#> .
@prefix ontolex: <http://www.w3.org/ns/lemon/ontolex#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
"""

VALUES = """
wdv:v1 a wikibase:QuantityValue ; wikibase:quantityAmount "12.5"^^xsd:decimal ; wikibase:quantityNormalized wdv:v2 .
wdv:v2 a wikibase:QuantityValue ; wikibase:quantityAmount "125"^^xsd:decimal ; wikibase:quantityNormalized wdv:v2 .
wdref:r1 a wikibase:Reference ; prv:P813 wdv:v3 .
wdv:v3 a wikibase:TimeValue ; wikibase:timeValue "2020-01-01T00:00:00Z"^^xsd:dateTime .
"""
"""A value with its normalised form, which names itself, and a reference with a separate value. Numbers have no plus sign,
unlike those of Wikibase, because stores that keep numbers by value return them without it."""

SITE = '<https://en.wikipedia.org/> wikibase:wikiGroup "wikipedia" .'


def make_property(name: str) -> frozenset[Triple]:
    """Return a property with its declarations: a predicate, and a class for entities without a value of it."""
    root = "http://www.wikidata.org"
    return parse_triples(f"""
wd:{name} a wikibase:Property ; rdfs:label "{name}" ;
  wikibase:directClaim <{root}/prop/direct/{name}> ; wikibase:novalue <{root}/prop/novalue/{name}> .
<{root}/prop/direct/{name}> a owl:ObjectProperty .
<{root}/prop/novalue/{name}> a owl:Class ; owl:complementOf <{root}/.well-known/genid/{name}> .
<{root}/.well-known/genid/{name}> a owl:Restriction ; owl:onProperty <{root}/prop/direct/{name}> .
""")


def parse_triples(turtle: str) -> frozenset[Triple]:
    """Return the triples of a snippet that uses `PREFIXES`."""
    return frozenset(quad.triple for quad in parse((PREFIXES + turtle).encode(), RdfFormat.TURTLE))


def make_item(entity: str, *, revision: int = 1) -> frozenset[Triple]:
    """Return an item with a statement that uses all of `VALUES`."""
    return parse_triples(f"""
    wd:{entity} a wikibase:Item ; schema:version {revision} ; rdfs:label "{entity} ok"@en ; p:P1 wds:{entity}-s1 .
    wds:{entity}-s1 a wikibase:Statement ; ps:P1 "12.5" ; psv:P1 wdv:v1 ; prov:wasDerivedFrom wdref:r1 .
    """)


def make_article_link(entity: str, title: str) -> frozenset[Triple]:
    """Return the triple that links an article to an item."""
    return parse_triples(f"<https://en.wikipedia.org/wiki/{title}> schema:about wd:{entity} .")


def make_article(title: str) -> frozenset[Triple]:
    """Return the other triples of a linked article."""
    return parse_triples(f"""
    <https://en.wikipedia.org/wiki/{title}> a schema:Article ; schema:inLanguage "en" ;
        schema:isPartOf <https://en.wikipedia.org/> ; schema:name "{title}"@en .
    """)


def make_lexeme(entity: str) -> frozenset[Triple]:
    """Return a lexeme with a form and a sense, each with a statement."""
    return parse_triples(f"""
    wd:{entity} a wikibase:Lexeme, ontolex:LexicalEntry ; schema:version 1 ;
        ontolex:lexicalForm wd:{entity}-F1 ; ontolex:sense wd:{entity}-S1 .
    wd:{entity}-F1 a wikibase:Form ; p:P2 wds:{entity}-F1-s1 .
    wds:{entity}-F1-s1 a wikibase:Statement ; ps:P2 "f" ; psv:P2 wdv:v1 .
    wd:{entity}-S1 a wikibase:Sense ; p:P2 wds:{entity}-S1-s1 .
    wds:{entity}-S1-s1 a wikibase:Statement ; ps:P2 "s" .
    """)
