"""Short entities as a wiki writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wikistate.core.rdf.munge import munge
from wikistate.core.rdf.parse import parse_triples
from wikistate.core.rdf.uris import Uris

if TYPE_CHECKING:
    from pyoxigraph import Triple

BASE = "https://www.wikidata.org/wiki/Special:EntityData/Q1.ttl"
WIKIDATA = Uris.for_wikibase("http://www.wikidata.org")
COMMONS = Uris.for_federated("https://commons.wikimedia.org", "http://www.wikidata.org")

PREFIXES = """
@prefix rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
@prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
@prefix schema: <http://schema.org/> .
@prefix cc: <http://creativecommons.org/ns#> .
@prefix dct: <http://purl.org/dc/terms/> .
@prefix geo: <http://www.opengis.net/ont/geosparql#> .
@prefix prov: <http://www.w3.org/ns/prov#> .
@prefix ontolex: <http://www.w3.org/ns/lemon/ontolex#> .
@prefix wikibase: <http://wikiba.se/ontology#> .
@prefix wikibaseqs: <http://wikiba.se/queryService#> .
@prefix wd: <http://www.wikidata.org/entity/> .
@prefix data: <https://www.wikidata.org/wiki/Special:EntityData/> .
@prefix s: <http://www.wikidata.org/entity/statement/> .
@prefix v: <http://www.wikidata.org/value/> .
@prefix ref: <http://www.wikidata.org/reference/> .
@prefix p: <http://www.wikidata.org/prop/> .
@prefix wdt: <http://www.wikidata.org/prop/direct/> .
@prefix wdtn: <http://www.wikidata.org/prop/direct-normalized/> .
@prefix ps: <http://www.wikidata.org/prop/statement/> .
@prefix psv: <http://www.wikidata.org/prop/statement/value/> .
@prefix psn: <http://www.wikidata.org/prop/statement/value-normalized/> .
@prefix pq: <http://www.wikidata.org/prop/qualifier/> .
@prefix pqv: <http://www.wikidata.org/prop/qualifier/value/> .
@prefix pr: <http://www.wikidata.org/prop/reference/> .
@prefix prv: <http://www.wikidata.org/prop/reference/value/> .
@prefix prn: <http://www.wikidata.org/prop/reference/value-normalized/> .
@prefix wdno: <http://www.wikidata.org/prop/novalue/> .
@prefix genid: <http://www.wikidata.org/.well-known/genid/> .
@prefix sdc: <https://commons.wikimedia.org/entity/> .
@prefix sdcdata: <https://commons.wikimedia.org/wiki/Special:EntityData/> .
@prefix sdcs: <https://commons.wikimedia.org/entity/statement/> .
@prefix sdcv: <https://commons.wikimedia.org/value/> .
@prefix sdcref: <https://commons.wikimedia.org/reference/> .
"""

STATED = 'schema:version 7 ; schema:dateModified "2024-05-01T00:00:00Z"^^xsd:dateTime'
"""Metadata that every document has, and that the store keeps for the entity."""


def triples(text: str) -> list[Triple]:
    """Return the triples of a document with the prefixes above."""
    return parse_triples((PREFIXES + text).encode(), base=BASE)


def kept(text: str, entity_id: str = "Q1", uris: Uris = WIKIDATA) -> set[Triple]:
    """Return the triples of a document that a store keeps, without the metadata of the document."""
    data, entity = ("sdcdata", "sdc") if uris is COMMONS else ("data", "wd")
    document = triples(f"{data}:{entity_id} a schema:Dataset ; schema:about {entity}:{entity_id} ; {STATED} . {text}")
    return set(munge(document, entity_id, uris)) - set(triples(f"{entity}:{entity_id} {STATED} ."))
