"""Munging and comparing entities with rdflib, in the plain way: a graph, its own queries, sets of triples.

Run by the measurement `rdf` in an environment of its own. It does what wikistate does to documents of items that are in
order (see docs/concepts/munging.md), and no more: it takes no care of hostile documents, other formats or other kinds of
entities.

    python rdflib_munge.py FOLDER ENTITY_ID...

For each id FOLDER has ``ID.before.ttl`` and ``ID.after.ttl``. Writes JSON: seconds of CPU for all of them, without the
start of the process, and how many triples each patch adds, removes, links and unlinks.
"""

from __future__ import annotations

import json
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rdflib  # type: ignore[import-not-found]  # only its own environment has it
from rdflib.namespace import PROV, RDF, SKOS, XSD  # type: ignore[import-not-found]

if TYPE_CHECKING:
    from collections.abc import Iterable

    Triples = set[Any]

# As the wiki wrote them: rdflib would write numbers its own way.
rdflib.NORMALIZE_LITERALS = False

WIKIBASE = rdflib.Namespace("http://wikiba.se/ontology#")
SCHEMA = rdflib.Namespace("http://schema.org/")
ROOT = "http://www.wikidata.org/"
DATA, DATA_HTTP = f"https{ROOT[4:]}wiki/Special:EntityData/", f"{ROOT}wiki/Special:EntityData/"
ENTITY, STATEMENT = f"{ROOT}entity/", f"{ROOT}entity/statement/"
VALUE, REFERENCE, PROP = f"{ROOT}value/", f"{ROOT}reference/", f"{ROOT}prop/"
GENID = f"{ROOT}.well-known/genid/"

UNSAID = {SCHEMA.name, SKOS.prefLabel}
UNSAID_TYPES = {WIKIBASE.Item, WIKIBASE.Lexeme, WIKIBASE.Form, WIKIBASE.Sense}
NUMBERS = {XSD.decimal, XSD.integer}

_NUMBER = re.compile(r"[+-]?[0-9]*\.?[0-9]*")
_UNSEEN = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u206a-\u206f]")
_BLANK = re.compile(rb"(?<=\s)_:(\w+)")


def read(body: bytes) -> Any:
    """The document as a graph. rdflib gives blank nodes new names each time, so they are named before."""
    graph = rdflib.Graph()
    graph.parse(data=_BLANK.sub(rb"<%s\1>" % GENID.encode(), body), format="turtle")
    return graph


def normal(term: Any) -> Any:
    """Texts without what nobody sees, and numbers that are some."""
    if not isinstance(term, rdflib.Literal):
        return term
    if term.datatype in NUMBERS:
        return term if term and _NUMBER.fullmatch(term) else rdflib.Literal("0", datatype=term.datatype)
    if (term.datatype is None or term.datatype == XSD.string) and _UNSEEN.search(term):
        return rdflib.Literal(_UNSEEN.sub("", term), lang=term.language)
    return term


def is_in(term: Any, namespace: str) -> bool:
    """Whether an IRI stands directly in a namespace."""
    return isinstance(term, rdflib.URIRef) and term.startswith(namespace) and "/" not in term[len(namespace) :]


def munge(graph: Any, entity_id: str) -> Triples:
    """What a store keeps of a document."""
    entity = rdflib.URIRef(ENTITY + entity_id)
    kept = set(of_entity(graph, entity))
    statements = {o for _, p, o in kept if is_in(p, PROP) and is_in(o, STATEMENT)}
    kept |= {t for each in statements for t in graph.triples((each, None, None)) if t[2] != WIKIBASE.Statement}
    references = {o for s, p, o in kept if s in statements and p == PROV.wasDerivedFrom}
    kept |= {t for each in references for t in graph.triples((each, None, None)) if t[2] != WIKIBASE.Reference}
    values = {o for s, _, o in kept if s in statements or s in references if is_in(o, VALUE)}
    values |= set(graph.objects(None, WIKIBASE.quantityNormalized))
    kept |= {t for each in values for t in graph.triples((each, None, None))}
    for article in graph.subjects(RDF.type, SCHEMA.Article):
        kept.update(graph.triples((article, None, None)))
    kept.update(graph.triples((None, WIKIBASE.wikiGroup, None)))
    kept |= {t for t in graph if t[0].startswith((PROP, GENID)) and keeps(t)}
    kept |= of_document(graph, entity)
    return {(s, p, normal(o)) for s, p, o in kept}


def of_entity(graph: Any, entity: Any) -> Iterable[Any]:
    """What an entity says of itself, each thing once."""
    for s, p, o in graph.triples((entity, None, None)):
        if p not in UNSAID and not (p == RDF.type and o in UNSAID_TYPES):
            yield s, p, o


def of_document(graph: Any, entity: Any) -> Triples:
    """What the document says of the entity."""
    documents = [s for s in set(graph.subjects()) if is_in(s, DATA) or is_in(s, DATA_HTTP)]
    return {
        (entity, p, o)
        for document in documents
        for p, o in graph.predicate_objects(document)
        if p in {SCHEMA.version, SCHEMA.dateModified} or p.startswith(str(WIKIBASE))
    }


def keeps(triple: Any) -> bool:
    """Whether a property's triple is kept."""
    subject, predicate, _ = triple
    return bool(subject.startswith((f"{PROP}novalue/", GENID)) or predicate == RDF.type)


def diff(before: Triples, after: Triples) -> tuple[Triples, Triples, Triples, Triples]:
    """Added, removed, linked, unlinked."""
    added, removed = after - before, before - after
    linked, unlinked = set(filter(is_shared, added)), set(filter(is_shared, removed))
    return added - linked, removed - unlinked, linked, unlinked


def is_shared(triple: Any) -> bool:
    """Whether other entities may have it, too."""
    subject, predicate, _ = triple
    return is_in(subject, VALUE) or is_in(subject, REFERENCE) or bool(predicate == WIKIBASE.wikiGroup)


def main() -> None:
    """Does it to each entity."""
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
