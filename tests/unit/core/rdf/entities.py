"""Complete entities of each kind, as a wiki writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.unit.core.rdf.turtle import COMMONS, STATED, WIKIDATA, triples

if TYPE_CHECKING:
    from pyoxigraph import Triple

    from wikistate.core.rdf.uris import Uris

_ITEM = f"""
data:Q1 a schema:Dataset ; schema:about wd:Q1 ; cc:license <http://x/cc0> ; schema:softwareVersion "1.0.0" ; {STATED} ;
  wikibase:statements 4 ; wikibase:sitelinks 1 ; wikibase:identifiers 1 .
wd:Q1 a wikibase:Item ; rdfs:label "one"@en , "یک"@fa ; skos:prefLabel "one"@en ; schema:name "one"@en ;
  schema:description "number"@en ; skos:altLabel "1"@en ;
  wdt:P1 wd:Q2 ; wdt:P2 "12"^^xsd:decimal ; wdt:P3 _:some ; a wdno:P4 ;
  p:P1 s:Q1-a ; p:P2 s:q1-b ; p:P3 s:Q1-c ; p:P4 s:Q1-d .
s:Q1-a a wikibase:Statement , wikibase:BestRank ; wikibase:rank wikibase:NormalRank ; ps:P1 wd:Q2 ;
  pq:P5 "2020-01-01T00:00:00Z"^^xsd:dateTime ; pqv:P5 v:time ; prov:wasDerivedFrom ref:a , ref:b .
s:q1-b a wikibase:Statement , wikibase:BestRank ; ps:P2 12.0 ; psv:P2 v:inch ; psn:P2 v:metre .
s:Q1-c a wikibase:Statement ; ps:P3 _:some .
s:Q1-d a wikibase:Statement , wdno:P4 .
ref:a a wikibase:Reference ; pr:P6 "2020-01-01T00:00:00Z"^^xsd:dateTime ; prv:P6 v:time .
ref:b a wikibase:Reference ; pr:P7 <http://x/> .
v:time a wikibase:TimeValue ; wikibase:timeValue "2020-01-01T00:00:00Z"^^xsd:dateTime ; wikibase:timePrecision 11 .
v:inch a wikibase:QuantityValue ; wikibase:quantityAmount 12.0 ; wikibase:quantityUnit wd:Q3 ; wikibase:quantityNormalized v:metre .
v:metre a wikibase:QuantityValue ; wikibase:quantityAmount 0.3 ; wikibase:quantityNormalized v:metre .
<https://en.x.org/wiki/1> a schema:Article ; schema:about wd:Q1 ; schema:inLanguage "en" ; schema:isPartOf <https://en.x.org/> ;
  schema:name "1"@en ; wikibase:badge wd:Q4 .
<https://en.x.org/> wikibase:wikiGroup "wikipedia" .
wd:P1 a wikibase:Property ; rdfs:label "is"@en ; wikibase:directClaim wdt:P1 . p:P1 a owl:ObjectProperty .
wd:Q2 a wikibase:Item ; rdfs:label "two"@en .
wdno:P4 a owl:Class ; owl:complementOf _:none . _:none a owl:Restriction ; owl:onProperty wdt:P4 ; owl:someValuesFrom owl:Thing .
"""

_PROPERTY = f"""
data:P1 a schema:Dataset ; schema:about wd:P1 ; {STATED} .
wd:P1 a wikibase:Property ; rdfs:label "is"@en ; wikibase:propertyType wikibase:WikibaseItem ; wikibase:directClaim wdt:P1 ;
  wikibase:claim p:P1 ; wikibase:novalue wdno:P1 ; p:P1 s:P1-a .
s:P1-a a wikibase:Statement ; ps:P1 wd:E10 .
p:P1 a owl:ObjectProperty . wdt:P1 a owl:ObjectProperty .
wdno:P1 a owl:Class ; owl:complementOf _:none . _:none a owl:Restriction ; owl:onProperty wdt:P1 ; owl:someValuesFrom owl:Thing .
"""

_LEXEME = f"""
data:L1 a schema:Dataset ; schema:about wd:L1 ; {STATED} .
wd:L1 a wikibase:Lexeme , ontolex:LexicalEntry ; rdfs:label "go"@en ; wikibase:lemma "go"@en ; dct:language wd:Q1860 ;
  wikibase:lexicalCategory wd:Q5 ; ontolex:lexicalForm wd:L1-F1 ; ontolex:sense wd:L1-S1 ; p:P1 s:L1-a .
s:L1-a a wikibase:Statement ; ps:P1 1 .
wd:L1-F1 a wikibase:Form , ontolex:Form ; rdfs:label "went"@en ; ontolex:representation "went"@en ;
  wikibase:grammaticalFeature wd:Q6 ; p:P1 s:L1-F1-a .
s:L1-F1-a a wikibase:Statement ; psv:P1 v:a . v:a a wikibase:TimeValue ; wikibase:timePrecision 9 .
wd:L1-S1 a wikibase:Sense , ontolex:LexicalSense ; rdfs:label "move"@en ; skos:definition "move"@en ; p:P1 s:L1-S1-a .
s:L1-S1-a a wikibase:Statement ; prov:wasDerivedFrom ref:a . ref:a a wikibase:Reference ; prv:P1 v:a .
"""

_MEDIUM = f"""
sdcdata:M1 a schema:Dataset ; schema:about sdc:M1 ; {STATED} .
sdc:M1 a wikibase:MediaInfo , schema:ImageObject ; rdfs:label "a cat"@en ; schema:contentUrl <http://x/cat.png> ; schema:width 640 ;
  wdt:P180 wd:Q146 ; p:P180 sdcs:M1-a .
sdcs:M1-a a wikibase:Statement ; ps:P180 wd:Q146 ; pqv:P1 sdcv:a ; prov:wasDerivedFrom sdcref:a .
sdcv:a a wikibase:TimeValue ; wikibase:timePrecision 9 . sdcref:a a wikibase:Reference ; pr:P1 _:some .
"""

_REDIRECT = f"data:Q9 a schema:Dataset ; schema:about wd:Q9 ; {STATED} . wd:Q9 owl:sameAs wd:Q1 ."

ENTITIES: dict[str, tuple[str, Uris, list[Triple]]] = {
    "item": ("Q1", WIKIDATA, triples(_ITEM)),
    "property": ("P1", WIKIDATA, triples(_PROPERTY)),
    "lexeme": ("L1", WIKIDATA, triples(_LEXEME)),
    "medium": ("M1", COMMONS, triples(_MEDIUM)),
    "redirect": ("Q9", WIKIDATA, triples(_REDIRECT)),
}
"""Id, IRIs of the wiki and triples in the order of the document, by kind."""
