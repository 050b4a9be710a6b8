"""The IRIs of a Wikibase (mediawiki.org, "Wikibase/Indexing/RDF Dump Format")."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from pyoxigraph import NamedNode

WIKIDATA = "http://www.wikidata.org"
COMMONS = "https://commons.wikimedia.org"

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
RDFS = "http://www.w3.org/2000/01/rdf-schema#"
OWL = "http://www.w3.org/2002/07/owl#"
SKOS = "http://www.w3.org/2004/02/skos/core#"
SCHEMA = "http://schema.org/"
PROV = "http://www.w3.org/ns/prov#"
ONTOLEX = "http://www.w3.org/ns/lemon/ontolex#"
DCT = "http://purl.org/dc/terms/"
CC = "http://creativecommons.org/ns#"
GEO = "http://www.opengis.net/ont/geosparql#"
XSD = "http://www.w3.org/2001/XMLSchema#"
ONTOLOGY = "http://wikiba.se/ontology#"

_COMMON = {
    "rdf": RDF,
    "xsd": XSD,
    "ontolex": ONTOLEX,
    "dct": DCT,
    "rdfs": RDFS,
    "owl": OWL,
    "wikibase": ONTOLOGY,
    "skos": SKOS,
    "schema": SCHEMA,
    "cc": CC,
    "geo": GEO,
    "prov": PROV,
}
_PROPERTY_PREFIXES = {
    "wdt": "direct/",
    "wdtn": "direct-normalized/",
    "p": "",
    "ps": "statement/",
    "psv": "statement/value/",
    "psn": "statement/value-normalized/",
    "pq": "qualifier/",
    "pqv": "qualifier/value/",
    "pqn": "qualifier/value-normalized/",
    "pr": "reference/",
    "prv": "reference/value/",
    "prn": "reference/value-normalized/",
    "wdno": "novalue/",
}


def term(namespace: str, name: str) -> NamedNode:
    """Return a term of a vocabulary."""
    return NamedNode(namespace + name)


TYPE = term(RDF, "type")
LABEL = term(RDFS, "label")


@dataclass(frozen=True)
class Vocabulary:
    """IRIs of one wiki.

    Attributes:
        concept_base: Prefix of its IRIs: its concept base without ``/entity/``.
        property_base: The same for properties and items if another wiki has these (as for Commons); else empty.
        data_base: Prefix of the IRIs of documents; empty for the usual one, of Wikidata.
    """

    concept_base: str
    property_base: str = field(default="")
    data_base: str = field(default="")

    @property
    def item_base(self) -> str:
        """Prefix of the IRIs of items and properties."""
        return self.property_base or self.concept_base

    def entity(self, entity_id: str) -> NamedNode:
        """Return the IRI of an entity. Media info belongs to the wiki itself, other entities to the wiki with the items."""
        return NamedNode(f"{self.concept_base if entity_id.startswith('M') else self.item_base}/entity/{entity_id}")

    def document(self, entity_id: str) -> NamedNode:
        """Return the data node of an entity: its document."""
        return NamedNode(f"{self.document_base}{entity_id}")

    @property
    def document_base(self) -> str:
        """Prefix of the IRIs of documents. On Wikidata they have https, although the concept base has http."""
        return self.data_base or f"{self.concept_base.replace('http:', 'https:', 1)}/wiki/Special:EntityData/"

    def statement(self, guid: str) -> NamedNode:
        """Return a statement node by the statement id ``Q1$…``."""
        return NamedNode(f"{self.concept_base}/entity/statement/{guid.replace('$', '-')}")

    def value(self, digest: str) -> NamedNode:
        """Return a value node."""
        return NamedNode(f"{self.concept_base}/value/{digest}")

    def reference(self, digest: str) -> NamedNode:
        """Return a reference node."""
        return NamedNode(f"{self.concept_base}/reference/{digest}")

    def property(self, prefix: str, property_id: str) -> NamedNode:
        """Return a property in one of its roles, by the usual prefix such as ``wdt`` or ``psv``."""
        return NamedNode(f"{self.item_base}/prop/{_PROPERTY_PREFIXES[prefix]}{property_id}")

    @cached_property
    def prefixes(self) -> dict[str, str]:
        """Prefixes that its Turtle declares."""
        own = "sdc" if self.property_base else ""
        return {
            **_COMMON,
            "wd": f"{self.item_base}/entity/",
            **({"sdc": f"{self.concept_base}/entity/"} if own else {}),
            f"{own}data": self.document_base,
            f"{own}s": f"{self.concept_base}/entity/statement/",
            f"{own}ref": f"{self.concept_base}/reference/",
            f"{own}v": f"{self.concept_base}/value/",
            **{prefix: f"{self.item_base}/prop/{path}" for prefix, path in _PROPERTY_PREFIXES.items()},
        }
