"""Vocabulary: RDF terms of munging, comparison and stores.

Sources: "Wikibase/Indexing/RDF Dump Format" (mediawiki.org), OntoLex-Lemon, GeoSPARQL 1.1.
"""

from __future__ import annotations

from typing import Final

from pyoxigraph import NamedNode

GEO: Final = "http://www.opengis.net/ont/geosparql#"
ONTOLEX: Final = "http://www.w3.org/ns/lemon/ontolex#"
OWL: Final = "http://www.w3.org/2002/07/owl#"
PROV: Final = "http://www.w3.org/ns/prov#"
RDF: Final = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
RDFS: Final = "http://www.w3.org/2000/01/rdf-schema#"
SCHEMA: Final = "http://schema.org/"
SKOS: Final = "http://www.w3.org/2004/02/skos/core#"
WIKIBASE: Final = "http://wikiba.se/ontology#"
WIKIBASE_QUERY_SERVICE: Final = "http://wikiba.se/queryService#"
XSD: Final = "http://www.w3.org/2001/XMLSchema#"

BOOKKEEPING: Final = "urn:wikistate:"
"""Prefix of wikistate's bookkeeping in a store: its positions and possible orphans. Triples of a wiki never have it."""

TYPE: Final = NamedNode(RDF + "type")
LABEL: Final = NamedNode(RDFS + "label")
PREFERRED_LABEL: Final = NamedNode(SKOS + "prefLabel")
SAME_AS: Final = NamedNode(OWL + "sameAs")
DERIVED_FROM: Final = NamedNode(PROV + "wasDerivedFrom")

NAME: Final = NamedNode(SCHEMA + "name")
ABOUT: Final = NamedNode(SCHEMA + "about")
ARTICLE: Final = NamedNode(SCHEMA + "Article")
DATASET: Final = NamedNode(SCHEMA + "Dataset")
VERSION: Final = NamedNode(SCHEMA + "version")
DATE_MODIFIED: Final = NamedNode(SCHEMA + "dateModified")
SOFTWARE_VERSION: Final = NamedNode(SCHEMA + "softwareVersion")

LEXICAL_FORM: Final = NamedNode(ONTOLEX + "lexicalForm")
SENSE: Final = NamedNode(ONTOLEX + "sense")

STATEMENT: Final = NamedNode(WIKIBASE + "Statement")
REFERENCE: Final = NamedNode(WIKIBASE + "Reference")
ITEM: Final = NamedNode(WIKIBASE + "Item")
LEXEME: Final = NamedNode(WIKIBASE + "Lexeme")
FORM: Final = NamedNode(WIKIBASE + "Form")
LEXEME_SENSE: Final = NamedNode(WIKIBASE + "Sense")
QUANTITY_NORMALIZED: Final = NamedNode(WIKIBASE + "quantityNormalized")
BADGE: Final = NamedNode(WIKIBASE + "badge")
WIKI_GROUP: Final = NamedNode(WIKIBASE + "wikiGroup")

SUBGRAPH: Final = NamedNode(WIKIBASE_QUERY_SERVICE + "subgraph")

WKT_LITERAL: Final = NamedNode(GEO + "wktLiteral")
STRING: Final = NamedNode(XSD + "string")
DECIMAL: Final = NamedNode(XSD + "decimal")
INTEGER: Final = NamedNode(XSD + "integer")
DOUBLE: Final = NamedNode(XSD + "double")
DATE_TIME: Final = NamedNode(XSD + "dateTime")
