"""What a store keeps of the RDF that a wiki writes about an entity.

The rules are those of the query service ("Wikibase/Indexing/RDF Dump Format", "WDQS data differences", mediawiki.org).
What a triple is kept for is its subject's kind:

=============  ====================================================  ===================================================
subject        kept                                                  leads to
=============  ====================================================  ===================================================
document       nothing; ``schema:version``, ``schema:dateModified``
               and ``wikibase:...`` move to the entity
entity, forms  all but the types Item, Lexeme, Form and Sense,       statements, by ``p:...``; forms and senses, by
and senses     ``schema:name``, ``skos:prefLabel``, and the labels   ``ontolex:lexicalForm`` and ``ontolex:sense``
               of lexemes, forms and senses
other entity   nothing
statement      if led to, all but the type Statement; if not,        references, by ``prov:wasDerivedFrom``; values, by
               ``prov:wasDerivedFrom``                               any predicate
reference      if led to, all but the type Reference                 values, by ``prv:...`` and ``prn:...``
value          if led to, all; if not, its types                     ``wikibase:quantityNormalized``, whoever states it
property       under ``novalue/`` all, otherwise types
blank node     all
else           all of a sitelink (a ``schema:Article``) and of what
               was led to; otherwise ``wikibase:wikiGroup``
=============  ====================================================  ===================================================

Nothing depends on the order of the document: what leads somewhere is followed after all triples were seen, so that a
form may stand before its lexeme and a statement before its entity.
"""

from __future__ import annotations

from itertools import chain, compress, repeat
from operator import attrgetter, eq
from typing import TYPE_CHECKING, Final

from pyoxigraph import Literal, NamedNode, Triple

from wikistate.core.rdf.coordinates import is_latitude_first, skolemize, to_longitude_first
from wikistate.core.rdf.subjects import group_by_subject
from wikistate.core.rdf.uris import namespace_of
from wikistate.core.rdf.vocabulary import (
    ABOUT,
    ARTICLE,
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
    """What a store keeps of an entity's document.

    Args:
        triples: All of the document, normalised, in any order.
        entity_id: Of the entity that was asked for.
        uris: Of the wiki.

    Raises:
        MungeError: The document is about another entity, holds nothing that is known here, does not state the revision
            and its date, or speaks of our notes in a store.
    """
    entity = NamedNode(uris.entity_iri(entity_id))
    subjects = group_by_subject(triples, uris)
    _check_entity(entity_id, entity, subjects)
    _check_others(entity_id, subjects)
    walk = _EntityTraversal(subjects, uris)
    walk.run(entity, is_lexeme=entity_id.startswith("L"))
    if walk.unreachable and not walk.kept:
        raise MungeError(
            f"Nothing about {entity_id} is known in the document; it speaks of {_format_sample(walk.unreachable)}.",
            hint="Compare the concept base in the settings with the prefix wd: of the document.",
            entity=entity_id,
        )
    said = list(chain.from_iterable(subjects.documents.values()))
    kept = skolemize(walk.kept, walk.objects, uris, subjects=subjects.blank)
    if is_latitude_first(said):
        kept = to_longitude_first(kept)
    return frozenset(chain(kept, _move_document_triples(said, entity, entity_id)))


class _EntityTraversal:
    """The way from an entity to all that belongs to it.

    Attributes:
        kept: Triples that belong to the entity.
        objects: Theirs. To take a triple apart once more takes longer than to remember what was in it.
        unreachable: Subjects of triples to which no way leads.
    """

    def __init__(self, subjects: SubjectGroups, uris: Uris) -> None:
        self._subjects = subjects
        self._uris = uris
        self._reachable: set[Node] = set()
        self.kept: list[Triple] = []
        self.objects: list[Node] = []
        self.unreachable: set[Node] = set()

    def run(self, entity: NamedNode, *, is_lexeme: bool) -> None:
        """Each step leads only to what a later one looks at, but for values, which lead to values: those come first."""
        self._mark_normalised_values()
        self._keep_entities(entity, is_lexeme=is_lexeme)
        self._keep_statements()
        self._keep_references()
        self._keep_values()
        self._keep_properties()
        self._keep_others()
        for group in self._subjects.blank.values():
            self._keep(group)

    def _keep(self, group: list[Triple]) -> None:
        self.kept += group
        self.objects += map(_object, group)

    def _mark_reachable(self, nodes: Iterable[Node], groups: Groups) -> None:
        self._reachable.update(groups.keys() & nodes)

    def _mark_normalised_values(self) -> None:
        for group in self._subjects.values.values():
            self._reachable.update(_object(triple) for triple in group if triple.predicate == QUANTITY_NORMALIZED)

    def _keep_entities(self, entity: NamedNode, *, is_lexeme: bool) -> None:
        unsaid = _LABELS if is_lexeme else _LABEL_COPIES
        waiting: list[Node] = [entity]
        seen: set[Node] = set()
        while waiting:
            node = waiting.pop()
            if node not in seen:
                seen.add(node)
                waiting += self._keep_entity(self._subjects.entities.get(node, []), unsaid)
                unsaid = _LABELS  # what comes now are forms and senses

    def _keep_entity(self, group: list[Triple], omitted: frozenset[NamedNode]) -> list[Node]:
        """Keeps the triples of an entity, a form or a sense. Returns the forms and senses that it leads to."""
        predicates = list(map(_predicate, group))
        claims = {each for each in set(predicates) if namespace_of(each.value) == self._uris.prop}
        statements: list[Node] = []
        parts: list[Node] = []
        for triple, predicate, value in zip(group, predicates, map(_object, group), strict=True):
            if predicate in omitted or (predicate == TYPE and value in _IMPLICIT_TYPES):
                continue
            self.kept.append(triple)
            self.objects.append(value)
            if predicate in claims:
                statements.append(value)
            elif predicate in _PART_PREDICATES:
                parts.append(value)
        self._mark_reachable(statements, self._subjects.statements)
        return parts

    def _keep_statements(self) -> None:
        said: list[Triple] = []
        for node, group in self._subjects.statements.items():
            said += group if node in self._reachable else self._select_unreachable(node, group, {DERIVED_FROM})
        predicates, values = list(map(_predicate, said)), list(map(_object, said))
        for triple, predicate, value in zip(said, predicates, values, strict=True):
            if value == STATEMENT and predicate == TYPE:
                continue
            self.kept.append(triple)
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
                self.kept.append(triple)
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

    def _keep_others(self) -> None:
        for node, group in self._subjects.others.items():
            belongs = node in self._reachable or _is_sitelink(group)
            self._keep(group if belongs else self._select_unreachable(node, group, {WIKI_GROUP}))

    def _select_unreachable(self, node: Node, group: list[Triple], kept: Iterable[NamedNode]) -> list[Triple]:
        """What is kept all the same of a subject to which no way leads: the triples of some predicates."""
        found = [triple for triple in group if triple.predicate in kept]
        if len(found) < len(group):
            self.unreachable.add(node)
        return found


def _is_sitelink(group: list[Triple]) -> bool:
    return any(triple.predicate == TYPE and triple.object == ARTICLE for triple in group)


def _check_entity(entity_id: str, entity: NamedNode, subjects: SubjectGroups) -> None:
    """That the document is about the entity: another one's, or the same one's under other IRIs, must not be stored."""
    if entity in subjects.entities or not subjects.documents:
        return
    said = chain.from_iterable(subjects.documents.values())
    about = {str(triple.object) for triple in said if triple.predicate == ABOUT}
    ids = {str(node.value).rpartition("/")[2] for node in subjects.documents}
    if str(entity) in about or (not about and entity_id in ids):
        return
    raise MungeError(
        f"The document is not about {entity_id} but about {', '.join(sorted(about or ids)[:_MAX_SHOWN])}.",
        hint="Compare the concept base in the settings with the prefix wd: of the document.",
        entity=entity_id,
    )


def _check_others(entity_id: str, subjects: SubjectGroups) -> None:
    if forged := [node for node in subjects.others if str(node.value).startswith(BOOKKEEPING)]:
        raise MungeError(
            f"The document about {entity_id} speaks of {_format_sample(forged)}: a store would take it for what we note there.",
            hint="No Wikibase writes this: see what stands between it and us.",
            entity=entity_id,
        )


def _move_document_triples(document: list[Triple], entity: NamedNode, entity_id: str) -> Iterable[Triple]:
    """What the document says of itself and the store of the entity: revision, date, counts."""
    said = {(triple.predicate, triple.object) for triple in document}
    stated = {(key, value) for key, value in said if key in _REQUIRED_PREDICATES or key.value.startswith(WIKIBASE)}
    for key, value in stated:
        if not isinstance(value, Literal):
            raise MungeError(f"{key.value} of {entity_id} is {value}; a literal was expected.", entity=entity_id)
    if missing := _REQUIRED_PREDICATES - {key for key, _ in stated}:
        raise MungeError(
            f"The document about {entity_id} does not state {_format_sample(missing)}.",
            hint="Fetch it as RDF of the whole entity, such as Special:EntityData/Q1.ttl?flavor=dump.",
            entity=entity_id,
        )
    return [Triple(entity, key, value) for key, value in stated]


def _format_sample(nodes: Iterable[Node]) -> str:
    return ", ".join(sorted(map(str, nodes))[:_MAX_SHOWN])
