"""Munging and comparison of entities with rdflib in a plain way: a graph, its queries, sets of triples.

The measurement `rdf` runs it in a separate environment. It treats valid documents of items as wikistate does (see
docs/concepts/munging.md). It does not handle hostile documents, other formats or other kinds of entities.

    python rdflib_munge.py FOLDER ENTITY_ID...

For each id FOLDER has ``ID.before.ttl`` and ``ID.after.ttl``. The output is JSON: seconds of CPU for all entities, without
the start of the process, and the number of triples that each patch adds, removes, links and unlinks.
"""

from __future__ import annotations

import json
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rdflib  # type: ignore[import-not-found]  # installed in the environment of this peer
from rdflib.namespace import PROV, RDF, SKOS, XSD  # type: ignore[import-not-found]

if TYPE_CHECKING:
    from collections.abc import Iterable

    Triples = set[Any]

# Literals stay as in the document: otherwise rdflib would normalise numbers.
rdflib.NORMALIZE_LITERALS = False

WIKIBASE = rdflib.Namespace("http://wikiba.se/ontology#")
SCHEMA = rdflib.Namespace("http://schema.org/")
ROOT = "http://www.wikidata.org/"
DATA, DATA_HTTP = f"https{ROOT[4:]}wiki/Special:EntityData/", f"{ROOT}wiki/Special:EntityData/"
ENTITY, STATEMENT = f"{ROOT}entity/", f"{ROOT}entity/statement/"
VALUE, REFERENCE, PROP = f"{ROOT}value/", f"{ROOT}reference/", f"{ROOT}prop/"
GENID = f"{ROOT}.well-known/genid/"

OMITTED = {SCHEMA.name, SKOS.prefLabel}
OMITTED_TYPES = {WIKIBASE.Item, WIKIBASE.Lexeme, WIKIBASE.Form, WIKIBASE.Sense}
NUMBERS = {XSD.decimal, XSD.integer}

_NUMBER = re.compile(r"[+-]?[0-9]*\.?[0-9]*")
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u206a-\u206f]")
_BLANK = re.compile(rb"(?<=\s)_:(\w+)")


def read(body: bytes) -> Any:
    """Parse a document. rdflib renames blank nodes in each run, so these are replaced by IRIs before."""
    graph = rdflib.Graph()
    graph.parse(data=_BLANK.sub(rb"<%s\1>" % GENID.encode(), body), format="turtle")
    return graph


def normal(term: Any) -> Any:
    """Return a term with invisible characters removed, and with zero in place of an invalid number."""
    if not isinstance(term, rdflib.Literal):
        return term
    if term.datatype in NUMBERS:
        return term if term and _NUMBER.fullmatch(term) else rdflib.Literal("0", datatype=term.datatype)
    if (term.datatype is None or term.datatype == XSD.string) and _INVISIBLE.search(term):
        return rdflib.Literal(_INVISIBLE.sub("", term), lang=term.language)
    return term


def is_in(term: Any, namespace: str) -> bool:
    """Return whether an IRI is directly in a namespace."""
    return isinstance(term, rdflib.URIRef) and term.startswith(namespace) and "/" not in term[len(namespace) :]


def munge(graph: Any, entity_id: str) -> Triples:
    """Return the triples of a document that a store holds."""
    entity = rdflib.URIRef(ENTITY + entity_id)
    stored = set(of_entity(graph, entity))
    statements = {o for _, p, o in stored if is_in(p, PROP) and is_in(o, STATEMENT)}
    stored |= {t for each in statements for t in graph.triples((each, None, None)) if t[2] != WIKIBASE.Statement}
    references = {o for s, p, o in stored if s in statements and p == PROV.wasDerivedFrom}
    stored |= {t for each in references for t in graph.triples((each, None, None)) if t[2] != WIKIBASE.Reference}
    values = {o for s, _, o in stored if s in statements or s in references if is_in(o, VALUE)}
    values |= set(graph.objects(None, WIKIBASE.quantityNormalized))
    stored |= {t for each in values for t in graph.triples((each, None, None))}
    for article in graph.subjects(RDF.type, SCHEMA.Article):
        stored.update(graph.triples((article, None, None)))
    stored.update(graph.triples((None, WIKIBASE.wikiGroup, None)))
    stored |= {t for t in graph if t[0].startswith((PROP, GENID)) and keeps(t)}
    stored |= of_document(graph, entity)
    return {(s, p, normal(o)) for s, p, o in stored}


def of_entity(graph: Any, entity: Any) -> Iterable[Any]:
    """Yield the triples of an entity without the redundant ones."""
    for s, p, o in graph.triples((entity, None, None)):
        if p not in OMITTED and not (p == RDF.type and o in OMITTED_TYPES):
            yield s, p, o


def of_document(graph: Any, entity: Any) -> Triples:
    """Return the triples of the document about the entity."""
    documents = [s for s in set(graph.subjects()) if is_in(s, DATA) or is_in(s, DATA_HTTP)]
    return {
        (entity, p, o)
        for document in documents
        for p, o in graph.predicate_objects(document)
        if p in {SCHEMA.version, SCHEMA.dateModified} or p.startswith(str(WIKIBASE))
    }


def keeps(triple: Any) -> bool:
    """Return whether a store holds this triple of a property."""
    subject, predicate, _ = triple
    return bool(subject.startswith((f"{PROP}novalue/", GENID)) or predicate == RDF.type)


def diff(before: Triples, after: Triples) -> tuple[Triples, Triples, Triples, Triples]:
    """Return the added, removed, linked and unlinked triples."""
    added, removed = after - before, before - after
    linked, unlinked = set(filter(is_shared, added)), set(filter(is_shared, removed))
    return added - linked, removed - unlinked, linked, unlinked


def is_shared(triple: Any) -> bool:
    """Return whether other entities may have the triple, too."""
    subject, predicate, _ = triple
    return is_in(subject, VALUE) or is_in(subject, REFERENCE) or bool(predicate == WIKIBASE.wikiGroup)


def main() -> None:
    """Munge and compare the documents of each entity."""
    folder, entity_ids = Path(sys.argv[1]), sys.argv[2:]
    pairs = [[(folder / f"{each}.{when}.ttl").read_bytes() for when in ("before", "after")] for each in entity_ids]
    began = time.process_time()
    counts = []
    for entity_id, (before, after) in zip(entity_ids, pairs, strict=True):
        patch = diff(munge(read(before), entity_id), munge(read(after), entity_id))
        counts.append([len(part) for part in patch])
    print(json.dumps({"seconds": time.process_time() - began, "counts": counts}))


if __name__ == "__main__":
    main()
