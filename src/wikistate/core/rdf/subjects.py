"""Groups of the triples of a document by the kind of their subject."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Final, TypeAlias

from pyoxigraph import NamedNode

from wikistate.core.rdf.uris import namespace_of
from wikistate.core.rdf.vocabulary import ABOUT, ARTICLE, DATASET, DATE_MODIFIED, TYPE, VERSION

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pyoxigraph import Triple

    from wikistate.core.rdf.normalize import Node
    from wikistate.core.rdf.uris import Uris

    Groups: TypeAlias = dict[Node, list[Triple]]

_subject = attrgetter("subject")
_predicate = attrgetter("predicate")

_REVISION_PREDICATES: Final = frozenset({VERSION, DATE_MODIFIED})


@dataclass(frozen=True, slots=True)
class SubjectGroups:
    """Triples of a document, by kind of subject and then by subject.

    Attributes:
        documents: Data nodes: the document itself, and documents of other entities.
        entities: Entities, forms and senses, also of other entities than the document's.
        statements: Statements with their qualifiers and ranks.
        references: Reference nodes.
        values: Value nodes: times, quantities, coordinates.
        properties: Predicates and classes of properties.
        blank: Blank nodes, and IRIs that replace them.
        others: Sitelinks, sites, and unknown subjects.
    """

    documents: Groups = field(default_factory=dict)
    entities: Groups = field(default_factory=dict)
    statements: Groups = field(default_factory=dict)
    references: Groups = field(default_factory=dict)
    values: Groups = field(default_factory=dict)
    properties: Groups = field(default_factory=dict)
    blank: Groups = field(default_factory=dict)
    others: Groups = field(default_factory=dict)


def group_by_subject(triples: Iterable[Triple], uris: Uris) -> SubjectGroups:
    """Group triples, given in any order, by their subjects."""
    groups: Groups = defaultdict(list)
    # Wikis write the triples of a subject in a row, so that a run costs only one look-up.
    for subject, run in groupby(triples, _subject):
        groups[subject] += run
    found = SubjectGroups()
    by_namespace = _group_by_namespace(found, uris)
    for node, group in groups.items():
        kind = by_namespace.get(namespace_of(node.value)) if isinstance(node, NamedNode) else found.blank
        (_find_group(found, node, group, uris) if kind is None else kind)[node] = group
    return found


def is_sitelink(group: list[Triple]) -> bool:
    """Return whether the triples of a subject describe a page of another wiki."""
    return any(triple.predicate == TYPE and triple.object == ARTICLE for triple in group)


def _group_by_namespace(found: SubjectGroups, uris: Uris) -> dict[str, Groups]:
    return {
        uris.foreign_entity: found.entities,
        uris.entity: found.entities,
        uris.entity_data: found.documents,
        uris.entity_data_https: found.documents,
        uris.statement: found.statements,
        uris.reference: found.references,
        uris.value: found.values,
    }


def _find_group(found: SubjectGroups, node: Node, group: list[Triple], uris: Uris) -> Groups:
    # The address of a document follows from the server, the article path and the content language of the wiki, and not
    # from its concept base. So the statements of a subject show that it is a document, at any address.
    if _is_document(group):
        return found.documents
    iri = str(node.value)
    if uris.has_entity_prefix(iri):
        return found.entities
    if iri.startswith(uris.prop):
        return found.properties
    return found.blank if iri.startswith(uris.genid) else found.others


def _is_document(group: list[Triple]) -> bool:
    """Return whether a subject states what it is about, and is a dataset or states a revision. A sitelink does neither."""
    predicates = set(map(_predicate, group))
    if ABOUT not in predicates or is_sitelink(group):
        return False
    return not _REVISION_PREDICATES.isdisjoint(predicates) or any(
        triple.predicate == TYPE and triple.object == DATASET for triple in group
    )
