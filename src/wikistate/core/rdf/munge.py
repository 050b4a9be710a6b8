"""Munging: selection of the triples that a store holds from the RDF of an entity.

The rules are those of the query service ("Wikibase/Indexing/RDF Dump Format", "WDQS data differences", mediawiki.org).
The kind of its subject decides whether a triple is kept. A subject is reachable if a kept triple links to it:

=============  ====================================================  ===================================================
subject        kept triples                                          links to
=============  ====================================================  ===================================================
data node      none; ``schema:version``, ``schema:dateModified``
               and ``wikibase:...`` move to the entity
entity, forms  all but the types Item, Lexeme, Form and Sense,       statements, by ``p:...``; forms and senses, by
and senses     ``schema:name``, ``skos:prefLabel``, and the labels   ``ontolex:lexicalForm`` and ``ontolex:sense``
               of lexemes, forms and senses
other entity   none
statement      if reachable, all but the type Statement; if not,     references, by ``prov:wasDerivedFrom``; values, by
               ``prov:wasDerivedFrom``                               any predicate
reference      if reachable, all but the type Reference              values, by ``prv:...`` and ``prn:...``
value          if reachable, all; if not, its types                  ``wikibase:quantityNormalized``, from any value
property       under ``novalue/`` all, otherwise types
blank node     all
other          all of a sitelink (a ``schema:Article``) and of a
               reachable node; otherwise ``wikibase:wikiGroup``
=============  ====================================================  ===================================================

The data node is the subject that is ``schema:about`` the entity, is not a sitelink, and states a revision or is a
``schema:Dataset``. It has any IRI: a wiki makes it from its server, article path and content language.

The result does not depend on the order of the document: links are followed after all triples were read, so that a form
may stand before its lexeme and a statement before its entity.
"""

from __future__ import annotations

from itertools import chain, compress, repeat
from operator import attrgetter, eq
from typing import TYPE_CHECKING, Final

from pyoxigraph import Literal, NamedNode, Triple

from wikistate.core.rdf.coordinates import is_latitude_first, skolemize, to_longitude_first
from wikistate.core.rdf.subjects import group_by_subject, is_sitelink
from wikistate.core.rdf.uris import namespace_of
from wikistate.core.rdf.vocabulary import (
    ABOUT,
    BOOKKEEPING,
    DATE_MODIFIED,
    DERIVED_FROM,
    FORM,
    ITEM,
    LABEL,
    LEXEME,
    LEXEME_SENSE,
    LEXICAL_FORM,
    NAME,
    PREFERRED_LABEL,
    QUANTITY_NORMALIZED,
    REFERENCE,
    SENSE,
    STATEMENT,
    TYPE,
    VERSION,
    WIKI_GROUP,
    WIKIBASE,
)
from wikistate.errors import MungeError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wikistate.core.rdf.normalize import Node
    from wikistate.core.rdf.subjects import Groups, SubjectGroups
    from wikistate.core.rdf.uris import Uris

_PART_PREDICATES: Final = frozenset({LEXICAL_FORM, SENSE})
_IMPLICIT_TYPES: Final = frozenset({ITEM, LEXEME, FORM, LEXEME_SENSE})
_LABEL_COPIES: Final = frozenset({NAME, PREFERRED_LABEL})
_LABELS: Final = _LABEL_COPIES | {LABEL}
_REQUIRED_PREDICATES: Final = frozenset({VERSION, DATE_MODIFIED})
_MAX_SHOWN: Final = 3

_predicate = attrgetter("predicate")
_object = attrgetter("object")


def munge(triples: list[Triple], entity_id: str, uris: Uris) -> frozenset[Triple]:
    """Return the triples of an entity's document that a store holds.

    Args:
        triples: All triples of the document, normalised, in any order.
        entity_id: Id of the requested entity.
        uris: IRIs of the wiki.

    Raises:
        MungeError: The document is about another entity, holds only unknown IRIs, lacks the revision and its date, or has
            triples about the bookkeeping of wikistate in a store.
    """
    entity = NamedNode(uris.entity_iri(entity_id))
    subjects = group_by_subject(triples, uris)
    document = _select_document(entity_id, entity, subjects)
    _check_others(entity_id, subjects)
    traversal = _EntityTraversal(subjects, uris)
    traversal.run(entity, is_lexeme=entity_id.startswith("L"))
    if traversal.unreachable and not traversal.triples:
        raise MungeError(
            f"The document has no known triple about {entity_id}, but triples about "
            f"{_format_sample(traversal.unreachable)}.",
            hint="Compare the concept base in the settings with the prefix wd: of the document.",
            entity=entity_id,
        )
    munged = skolemize(traversal.triples, traversal.objects, uris, subjects=subjects.blank)
    if is_latitude_first(document):
        munged = to_longitude_first(munged)
    return frozenset(chain(munged, _move_document_triples(document, entity, entity_id)))


class _EntityTraversal:
    """Traversal from an entity to all nodes that belong to it.

    Attributes:
        triples: Triples that belong to the entity.
        objects: Objects of these triples. Reading them from the triples again would take longer than keeping them.
        unreachable: Subjects of triples that are not reachable.
    """

    def __init__(self, subjects: SubjectGroups, uris: Uris) -> None:
        self._subjects = subjects
        self._uris = uris
        self._reachable: set[Node] = set()
        self.triples: list[Triple] = []
        self.objects: list[Node] = []
        self.unreachable: set[Node] = set()

    def run(self, entity: NamedNode, *, is_lexeme: bool) -> None:
        """Traverse all kinds of subjects. A step links only to kinds of later steps, but values link to values.

        Therefore the normalised values of all values are marked as reachable first.
        """
        self._mark_normalised_values()
        self._keep_entities(entity, is_lexeme=is_lexeme)
        self._keep_statements()
        self._keep_references()
        self._keep_values()
        self._keep_properties()
        self._keep_others(entity)
        for group in self._subjects.blank.values():
            self._keep(group)

    def _keep(self, group: list[Triple]) -> None:
        self.triples += group
        self.objects += map(_object, group)

    def _mark_reachable(self, nodes: Iterable[Node], groups: Groups) -> None:
        self._reachable.update(groups.keys() & nodes)

    def _mark_normalised_values(self) -> None:
        for group in self._subjects.values.values():
            self._reachable.update(_object(triple) for triple in group if triple.predicate == QUANTITY_NORMALIZED)

    def _keep_entities(self, entity: NamedNode, *, is_lexeme: bool) -> None:
        omitted = _LABELS if is_lexeme else _LABEL_COPIES
        waiting: list[Node] = [entity]
        seen: set[Node] = set()
        parts = f"{entity.value}-"
        while waiting:
            node = waiting.pop()
            if node not in seen:
                seen.add(node)
                found = self._keep_entity(self._subjects.entities.get(node, []), omitted)
                # A document describes no other entity: a form of another one is linked at most.
                waiting += (part for part in found if str(part.value).startswith(parts))
                omitted = _LABELS  # all further nodes are forms and senses

    def _keep_entity(self, group: list[Triple], omitted: frozenset[NamedNode]) -> list[Node]:
        """Keep the triples of an entity, a form or a sense. Return the forms and senses that it links to."""
        predicates = list(map(_predicate, group))
        claims = {each for each in set(predicates) if namespace_of(each.value) == self._uris.prop}
        statements: list[Node] = []
        parts: list[Node] = []
        for triple, predicate, value in zip(group, predicates, map(_object, group), strict=True):
            if predicate in omitted or (predicate == TYPE and value in _IMPLICIT_TYPES):
                continue
            self.triples.append(triple)
            self.objects.append(value)
            if predicate in claims:
                statements.append(value)
            elif predicate in _PART_PREDICATES:
                parts.append(value)
        self._mark_reachable(statements, self._subjects.statements)
        return parts

    def _keep_statements(self) -> None:
        selected: list[Triple] = []
        for node, group in self._subjects.statements.items():
            selected += group if node in self._reachable else self._select_unreachable(node, group, {DERIVED_FROM})
        predicates, values = list(map(_predicate, selected)), list(map(_object, selected))
        for triple, predicate, value in zip(selected, predicates, values, strict=True):
            if value == STATEMENT and predicate == TYPE:
                continue
            self.triples.append(triple)
            self.objects.append(value)
        self._mark_reachable(compress(values, map(eq, predicates, repeat(DERIVED_FROM))), self._subjects.references)
        self._mark_reachable(values, self._subjects.values)

    def _keep_references(self) -> None:
        values: list[Node] = []
        to_values = self._uris.reference_values
        for node, group in self._subjects.references.items():
            if node not in self._reachable:
                self._select_unreachable(node, group, frozenset())
                continue
            for triple, predicate, value in zip(group, map(_predicate, group), map(_object, group), strict=True):
                if predicate == TYPE and value == REFERENCE:
                    continue
                self.triples.append(triple)
                self.objects.append(value)
                if namespace_of(predicate.value) in to_values:
                    values.append(value)
        self._mark_reachable(values, self._subjects.values)

    def _keep_values(self) -> None:
        for node, group in self._subjects.values.items():
            self._keep(group if node in self._reachable else self._select_unreachable(node, group, {TYPE}))

    def _keep_properties(self) -> None:
        for node, group in self._subjects.properties.items():
            is_novalue = str(node.value).startswith(self._uris.novalue)
            self._keep(group if is_novalue else [triple for triple in group if triple.predicate == TYPE])

    def _keep_others(self, entity: NamedNode) -> None:
        for node, group in self._subjects.others.items():
            # A page of another entity would be written in its place.
            belongs = node in self._reachable or (is_sitelink(group) and entity in _read_about(group))
            self._keep(group if belongs else self._select_unreachable(node, group, {WIKI_GROUP}))

    def _select_unreachable(self, node: Node, group: list[Triple], predicates: Iterable[NamedNode]) -> list[Triple]:
        """Return the triples of an unreachable subject that are kept nevertheless: those of some predicates."""
        found = [triple for triple in group if triple.predicate in predicates]
        if len(found) < len(group):
            self.unreachable.add(node)
        return found


def _select_document(entity_id: str, entity: NamedNode, subjects: SubjectGroups) -> list[Triple]:
    """Return the triples of the entity's data node; empty without any data node.

    A document may have data nodes of other entities, such as the target of a redirect: their revisions are not those of the
    entity.

    Raises:
        MungeError: All data nodes are about other entities, or about the entity under another IRI.
    """
    about = {node: _read_about(group) for node, group in subjects.documents.items()}
    own = [
        group
        for node, group in subjects.documents.items()
        if entity in about[node] or (not about[node] and _read_id(node) == entity_id)
    ]
    if own or not subjects.documents:
        return list(chain.from_iterable(own))
    others = {str(each) for each in chain.from_iterable(about.values())} or set(map(_read_id, subjects.documents))
    raise MungeError(
        f"The document is not about {entity_id} but about {', '.join(sorted(others)[:_MAX_SHOWN])}.",
        hint="Compare the concept base in the settings with the prefix wd: of the document.",
        entity=entity_id,
    )


def _read_about(group: list[Triple]) -> set[object]:
    return {triple.object for triple in group if triple.predicate == ABOUT}


def _read_id(node: Node) -> str:
    return str(node.value).rpartition("/")[2]


def _check_others(entity_id: str, subjects: SubjectGroups) -> None:
    if forged := [node for node in subjects.others if str(node.value).startswith(BOOKKEEPING)]:
        raise MungeError(
            f"The document about {entity_id} has triples about {_format_sample(forged)}, which is reserved for the bookkeeping "
            "of wikistate in a store.",
            hint="No Wikibase writes this: check the proxies between the wiki and the job.",
            entity=entity_id,
        )


def _move_document_triples(document: list[Triple], entity: NamedNode, entity_id: str) -> Iterable[Triple]:
    """Return the triples of the document that move to the entity: revision, date, counts."""
    pairs = {(triple.predicate, triple.object) for triple in document}
    moved = {(key, value) for key, value in pairs if key in _REQUIRED_PREDICATES or key.value.startswith(WIKIBASE)}
    for key, value in moved:
        if not isinstance(value, Literal):
            raise MungeError(f"{key.value} of {entity_id} is {value}, but must be a literal.", entity=entity_id)
    if missing := _REQUIRED_PREDICATES - {key for key, _ in moved}:
        raise MungeError(
            f"The document about {entity_id} lacks {_format_sample(missing)}.",
            hint="Fetch it as RDF of the whole entity, such as Special:EntityData/Q1.ttl?flavor=dump.",
            entity=entity_id,
        )
    return [Triple(entity, key, value) for key, value in moved]


def _format_sample(nodes: Iterable[Node]) -> str:
    return ", ".join(sorted(map(str, nodes))[:_MAX_SHOWN])
