"""Documents of entities: the RDF of ``Special:EntityData/Q1.ttl?flavor=dump`` (mediawiki.org, "RDF Dump Format")."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple, assert_never
from urllib.parse import quote

from pyoxigraph import BlankNode, Literal, NamedNode, RdfFormat, Triple, serialize

from wikistate.testing.wikibase.entities import Described, Entity, Item, Lexeme, MediaInfo, Property, Redirect
from wikistate.testing.wikibase.rdf_nodes import RdfNodes, best_ranked, ontology_term, typed_literal
from wikistate.testing.wikibase.values import Datatype, Identifier
from wikistate.testing.wikibase.vocabulary import CC, DCT, LABEL, ONTOLEX, OWL, SCHEMA, SKOS, TYPE, term

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from wikistate.testing.wikibase.entities import AnyEntity, Form, Sense, Sitelink, Texts
    from wikistate.testing.wikibase.vocabulary import Vocabulary

FORMATS = {"ttl": RdfFormat.TURTLE, "nt": RdfFormat.N_TRIPLES}
CONTENT_TYPES = {"ttl": "text/turtle; charset=UTF-8", "nt": "application/n-triples; charset=UTF-8"}

_LICENCE = NamedNode("http://creativecommons.org/publicdomain/zero/1.0/")
_FORMAT_VERSION = "1.0.0"
_SAME = term(OWL, "sameAs")
_ABOUT = term(SCHEMA, "about")
_NAME = term(SCHEMA, "name")

_IRI_DATATYPES = frozenset(Datatype) - {
    *(Datatype.STRING, Datatype.EXTERNAL_ID, Datatype.MONOLINGUAL, Datatype.QUANTITY, Datatype.TIME),
    *(Datatype.COORDINATE, Datatype.MATH, Datatype.SCORE),
}
"""Datatypes with IRIs as values."""

_PROPERTY_ROLES = {
    "directClaim": "wdt",
    "claim": "p",
    "statementProperty": "ps",
    "statementValue": "psv",
    "statementValueNormalized": "psn",
    "qualifier": "pq",
    "qualifierValue": "pqv",
    "qualifierValueNormalized": "pqn",
    "reference": "pr",
    "referenceValue": "prv",
    "referenceValueNormalized": "prn",
    "novalue": "wdno",
}


class RevisionStamp(NamedTuple):
    """Revision of a document, and the time of that revision in RFC 3339."""

    revision: int
    modified: str


def describe(entity: AnyEntity, stamp: RevisionStamp, vocabulary: Vocabulary) -> list[Triple]:
    """Return the document of an entity, in the order of a real one. No triple occurs twice."""
    return list(dict.fromkeys(_DocumentBuilder(vocabulary).document(entity, stamp)))


def serialize_triples(triples: Iterable[Triple], name: str, vocabulary: Vocabulary) -> bytes:
    """Return a document as ``ttl`` or ``nt``."""
    prefixes = vocabulary.prefixes if name == "ttl" else None
    return serialize(triples, format=FORMATS[name], prefixes=prefixes) or b""


class _DocumentBuilder:
    """Builder of one document."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._nodes = RdfNodes(vocabulary)

    def document(self, entity: AnyEntity, stamp: RevisionStamp) -> Iterator[Triple]:
        node = self._vocabulary.entity(entity.id)
        yield from self._head(entity, node, stamp)
        match entity:
            case Redirect(target=target):
                yield Triple(node, _SAME, self._vocabulary.entity(target))
            case Item():
                yield from self._item(entity, node)
            case Property():
                yield from self._property(entity, node)
            case Lexeme():
                yield from self._lexeme(entity, node)
            case MediaInfo():
                yield from self._media(entity, node)
            case unreachable:
                assert_never(unreachable)
        yield from self._nodes.shared()

    def _head(self, entity: AnyEntity, node: NamedNode, stamp: RevisionStamp) -> Iterator[Triple]:
        data = self._vocabulary.document(entity.id)
        yield Triple(data, TYPE, term(SCHEMA, "Dataset"))
        yield Triple(data, _ABOUT, node)
        yield Triple(data, term(CC, "license"), _LICENCE)
        yield Triple(data, term(SCHEMA, "softwareVersion"), Literal(_FORMAT_VERSION))
        yield Triple(data, term(SCHEMA, "version"), typed_literal(stamp.revision, "integer"))
        yield Triple(data, term(SCHEMA, "dateModified"), typed_literal(stamp.modified, "dateTime"))
        if isinstance(entity, Redirect):
            return
        for name, number in _page_properties(entity).items():
            yield Triple(data, ontology_term(name), typed_literal(number, "integer"))

    def _item(self, item: Item, node: NamedNode) -> Iterator[Triple]:
        yield Triple(node, TYPE, ontology_term("Item"))
        yield from _name_triples(item, node)
        yield from self._statements(item, node)
        for link in item.sitelinks:
            yield from self._sitelink(link, node)

    def _sitelink(self, link: Sitelink, node: NamedNode) -> Iterator[Triple]:
        article = NamedNode(f"{link.site}/wiki/{quote(link.title.replace(' ', '_'), safe=';@$!*(),/~:')}")
        client = NamedNode(f"{link.site}/")
        yield Triple(article, TYPE, term(SCHEMA, "Article"))
        yield Triple(article, _ABOUT, node)
        yield Triple(article, term(SCHEMA, "inLanguage"), Literal(link.language))
        yield Triple(article, term(SCHEMA, "isPartOf"), client)
        yield Triple(article, _NAME, Literal(link.title, language=link.language))
        for badge in link.badges:
            yield Triple(article, ontology_term("badge"), self._vocabulary.entity(badge))
        yield Triple(client, ontology_term("wikiGroup"), Literal(link.group))

    def _property(self, found: Property, node: NamedNode) -> Iterator[Triple]:
        yield Triple(node, TYPE, ontology_term("Property"))
        yield from _name_triples(found, node)
        yield from self._statements(found, node)
        yield Triple(node, ontology_term("propertyType"), ontology_term(found.datatype))
        roles = _PROPERTY_ROLES | ({"directClaimNormalized": "wdtn"} if found.datatype is Datatype.EXTERNAL_ID else {})
        for name, prefix in roles.items():
            yield Triple(node, ontology_term(name), self._vocabulary.property(prefix, found.id))
        yield from self._declarations(found)

    def _declarations(self, found: Property) -> Iterator[Triple]:
        kind = "ObjectProperty" if found.datatype in _IRI_DATATYPES else "DatatypeProperty"
        for prefix in ("p", "psv", "pqv", "prv", "psn", "pqn", "prn"):
            yield Triple(self._vocabulary.property(prefix, found.id), TYPE, term(OWL, "ObjectProperty"))
        for prefix in ("wdt", "ps", "pq", "pr"):
            yield Triple(self._vocabulary.property(prefix, found.id), TYPE, term(OWL, kind))
        none = self._vocabulary.property("wdno", found.id)
        all_others = BlankNode(hashlib.md5(f"{found.id} none".encode(), usedforsecurity=False).hexdigest())
        yield Triple(none, TYPE, term(OWL, "Class"))
        yield Triple(none, term(OWL, "complementOf"), all_others)
        yield Triple(all_others, TYPE, term(OWL, "Restriction"))
        yield Triple(all_others, term(OWL, "onProperty"), self._vocabulary.property("wdt", found.id))
        yield Triple(all_others, term(OWL, "someValuesFrom"), term(OWL, "Thing"))

    def _lexeme(self, lexeme: Lexeme, node: NamedNode) -> Iterator[Triple]:
        yield Triple(node, TYPE, term(ONTOLEX, "LexicalEntry"))
        yield Triple(node, TYPE, ontology_term("Lexeme"))
        yield from _text_triples(node, lexeme.lemmas, ontology_term("lemma"), LABEL)
        yield Triple(node, term(DCT, "language"), self._vocabulary.entity(lexeme.language))
        yield Triple(node, ontology_term("lexicalCategory"), self._vocabulary.entity(lexeme.category))
        yield from self._statements(lexeme, node)
        for form in lexeme.forms:
            yield from self._form(form, node)
        for sense in lexeme.senses:
            yield from self._sense(sense, node)

    def _form(self, form: Form, lexeme: NamedNode) -> Iterator[Triple]:
        node = self._vocabulary.entity(form.id)
        yield Triple(lexeme, term(ONTOLEX, "lexicalForm"), node)
        yield Triple(node, TYPE, term(ONTOLEX, "Form"))
        yield Triple(node, TYPE, ontology_term("Form"))
        yield from _text_triples(node, form.representations, term(ONTOLEX, "representation"), LABEL)
        for feature in form.features:
            yield Triple(node, ontology_term("grammaticalFeature"), self._vocabulary.entity(feature))
        yield from self._statements(form, node)

    def _sense(self, sense: Sense, lexeme: NamedNode) -> Iterator[Triple]:
        node = self._vocabulary.entity(sense.id)
        yield Triple(lexeme, term(ONTOLEX, "sense"), node)
        yield Triple(node, TYPE, term(ONTOLEX, "LexicalSense"))
        yield Triple(node, TYPE, ontology_term("Sense"))
        yield from _text_triples(node, sense.glosses, term(SKOS, "definition"), LABEL)
        yield from self._statements(sense, node)

    def _media(self, media: MediaInfo, node: NamedNode) -> Iterator[Triple]:
        path = quote(media.file.replace(" ", "_"))
        for kind in (ontology_term("Mediainfo"), term(SCHEMA, "MediaObject"), term(SCHEMA, "ImageObject")):
            yield Triple(node, TYPE, kind)
        yield from _text_triples(node, media.captions, term(SCHEMA, "caption"), LABEL)
        yield Triple(node, term(SCHEMA, "encodingFormat"), Literal(media.mime_type))
        yield Triple(node, term(SCHEMA, "contentUrl"), NamedNode(f"{self._vocabulary.concept_base}/images/{path}"))
        yield Triple(
            node, term(SCHEMA, "url"), NamedNode(f"{self._vocabulary.concept_base}/wiki/Special:FilePath/{path}")
        )
        for name, number in (("contentSize", media.size), ("height", media.height), ("width", media.width)):
            yield Triple(node, term(SCHEMA, name), typed_literal(number, "integer"))
        yield from self._statements(media, node)

    def _statements(self, entity: Entity, node: NamedNode) -> Iterator[Triple]:
        true = best_ranked(entity.statements)
        for statement in entity.statements:
            yield from self._nodes.statement(node, statement, is_best=statement.guid in true)


def _name_triples(entity: Described, node: NamedNode) -> Iterator[Triple]:
    yield from _text_triples(node, entity.labels, LABEL, term(SKOS, "prefLabel"), _NAME)
    yield from _text_triples(node, entity.descriptions, term(SCHEMA, "description"))
    for language, aliases in entity.aliases.items():
        for alias in aliases:
            yield Triple(node, term(SKOS, "altLabel"), Literal(alias, language=language))


def _text_triples(node: NamedNode, texts: Texts, *predicates: NamedNode) -> Iterator[Triple]:
    for language, text in texts.items():
        for predicate in predicates:
            yield Triple(node, predicate, Literal(text, language=language))


def _page_properties(entity: Entity) -> dict[str, int]:
    """Return the counts of the entity: page properties that documents also contain."""
    counters = {
        "statements": len(entity.statements),
        "identifiers": sum(isinstance(statement.value, Identifier) for statement in entity.statements),
    }
    return counters | {"sitelinks": len(entity.sitelinks)} if isinstance(entity, Item) else counters
