"""Diff between two revisions of an entity."""

from __future__ import annotations

import math
from collections import defaultdict
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from pyoxigraph import NamedNode

from wikistate.core.rdf.patch import Patch
from wikistate.core.rdf.uris import namespace_of
from wikistate.core.rdf.value_equality import value_distance, value_group
from wikistate.core.rdf.vocabulary import WIKI_GROUP

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator

    from pyoxigraph import Triple

    from wikistate.core.rdf.normalize import Node
    from wikistate.core.rdf.uris import Uris

_MAX_COMPARISONS: Final = 10_000
"""Largest number of comparisons for one property of a node, so that the time of a diff does not grow with the square of it."""

_subject = attrgetter("subject")
_predicate = attrgetter("predicate")


def diff(before: frozenset[Triple], after: frozenset[Triple], uris: Uris) -> Patch:
    """Return the patch that turns ``before`` into ``after``, both munged.

    For shared triples it says only whether this entity uses them from now on or does not use them any more. Other entities
    that use them are not known here.

    A store may hold a removed triple and an unchanged one as one triple, and deletes both. Therefore such an unchanged triple
    is inserted again. A store that holds them as two triples is not changed by that.
    """
    removed, added = before - after, after - before
    added |= _select_equal_triples(removed, after)
    linked, unlinked = select_shared(added, uris), select_shared(removed, uris)
    return Patch(added - linked, removed - unlinked, linked, unlinked)


def _select_equal_triples(removed: frozenset[Triple], graph: frozenset[Triple]) -> frozenset[Triple]:
    """Return the triples of the graph that a store may hold as one with a removed triple."""
    removed_objects: defaultdict[object, defaultdict[object, list[Node | Triple]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for triple in removed:
        removed_objects[triple.subject][triple.predicate].append(triple.object)
    candidates: defaultdict[tuple[object, object], list[Triple]] = defaultdict(list)
    find = removed_objects.get
    for triple in graph:  # a plain loop, for speed: it runs over the whole entity for each edit
        if (by_predicate := find(triple.subject)) is not None and triple.predicate in by_predicate:
            candidates[triple.subject, triple.predicate].append(triple)
    return frozenset(
        triple
        for (subject, predicate), kept in candidates.items()
        for triple in _select_equal_objects(removed_objects[subject][predicate], kept)
    )


def _select_equal_objects(removed: Iterable[Node | Triple], kept: Iterable[Triple]) -> Iterator[Triple]:
    removed_groups: defaultdict[Hashable, list[Node | Triple]] = defaultdict(list)
    kept_groups: defaultdict[Hashable, list[Triple]] = defaultdict(list)
    for term in removed:
        removed_groups[value_group(term)].append(term)
    for triple in kept:
        kept_groups[value_group(triple.object)].append(triple)
    for group in removed_groups.keys() & kept_groups:
        terms, triples = removed_groups[group], kept_groups[group]
        if len(terms) * len(triples) > _MAX_COMPARISONS:
            yield from triples
        else:
            for triple in triples:
                if any(value_distance(triple.object, term) < math.inf for term in terms):
                    yield triple


def select_shared(triples: frozenset[Triple], uris: Uris) -> frozenset[Triple]:
    """Return the triples that other entities may share: of values, of references, and of the groups of sitelinked wikis."""
    if not triples:
        return triples
    nodes = _find_shared_nodes(map(_subject, triples), uris)
    return frozenset(triple for triple in triples if triple.subject in nodes or triple.predicate == WIKI_GROUP)


def _find_shared_nodes(subjects: Iterable[object], uris: Uris) -> set[NamedNode]:
    namespaces = {uris.value, uris.reference}
    return {node for node in set(subjects) if isinstance(node, NamedNode) and namespace_of(node.value) in namespaces}
