"""Munging of entities from the generator of the test Wikibase, which does not use the munger."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

import pytest
from tests.unit.core.rdf.turtle import BASE, COMMONS, WIKIDATA

from wikistate.core.rdf.munge import munge
from wikistate.core.rdf.parse import parse_triples
from wikistate.core.rdf.vocabulary import LABEL, NAME, PREFERRED_LABEL, TYPE, WIKIBASE
from wikistate.testing.wikibase.documents import CONTENT_TYPES, RevisionStamp, describe, serialize_triples
from wikistate.testing.wikibase.entities import Redirect
from wikistate.testing.wikibase.entity_generator import PROPERTIES, EntityGenerator
from wikistate.testing.wikibase.vocabulary import Vocabulary

if TYPE_CHECKING:
    from pyoxigraph import Triple

    from wikistate.testing.wikibase.entities import AnyEntity

WIKI = Vocabulary("http://www.wikidata.org")
MEDIA_WIKI = Vocabulary("https://commons.wikimedia.org", "http://www.wikidata.org")
AUTHOR = EntityGenerator(Random(6))
ENTITIES: list[AnyEntity] = [
    replace(AUTHOR.make_item("Q1", triples=2000), sitelinks=(AUTHOR.make_sitelink(1), AUTHOR.make_sitelink(2))),
    AUTHOR.make_lexeme("L1"),
    *(AUTHOR.make_property(property_id, datatype) for property_id, datatype in PROPERTIES.items()),
    AUTHOR.make_media("M1", "Cat.png"),
    Redirect(id="Q9", target="Q1"),
]
REDUNDANT_TYPES = {WIKIBASE + name for name in ("Statement", "Reference", "Item", "Lexeme", "Form", "Sense")}


@pytest.mark.parametrize("kind", ["ttl", "nt"])
@pytest.mark.parametrize("entity", ENTITIES, ids=lambda entity: entity.id)
def test_only_documented_triples_are_dropped(entity: AnyEntity, kind: str) -> None:
    """Every triple about the entity is kept, except for types and labels that are redundant."""
    wiki, uris = (MEDIA_WIKI, COMMONS) if entity.id.startswith("M") else (WIKI, WIKIDATA)
    body = serialize_triples(describe(entity, RevisionStamp(7, "2024-05-01T00:00:00Z"), wiki), kind, wiki)
    document = parse_triples(body, base=BASE, mime_type=CONTENT_TYPES[kind])
    found = {named(triple, uris.genid) for triple in munge(document, entity.id, uris)}
    lost = [triple for triple in document if named(triple, uris.genid) not in found]
    assert [triple for triple in lost if not is_left_out(triple, is_lexeme=entity.id.startswith("L"))] == []


def named(triple: Triple, genid: str) -> str:
    """Return a triple as text whose blank nodes have their names."""
    return str(triple).replace("_:", f"<{genid}").replace(">", "")


def is_left_out(triple: Triple, *, is_lexeme: bool) -> bool:
    """Return whether a triple is about the document, or repeats another one."""
    if "Special:EntityData" in str(triple.subject) or triple.predicate in {NAME, PREFERRED_LABEL}:
        return True
    if triple.predicate == TYPE:
        return str(triple.object).strip("<>") in REDUNDANT_TYPES
    return is_lexeme and triple.predicate == LABEL
