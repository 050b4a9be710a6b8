"""Diff between two revisions of an entity."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING

from pyoxigraph import NamedNode

from wikistate.core.rdf.patch import Patch
from wikistate.core.rdf.uris import namespace_of
from wikistate.core.rdf.vocabulary import WIKI_GROUP

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pyoxigraph import Triple

    from wikistate.core.rdf.uris import Uris

_subject = attrgetter("subject")
_predicate = attrgetter("predicate")


def diff(before: frozenset[Triple], after: frozenset[Triple], uris: Uris) -> Patch:
    """Return the patch that turns ``before`` into ``after``, both munged.

    For shared triples it says only whether this entity uses them from now on or does not use them any more. Other entities
    that use them are not known here.
    """
    removed, added = before - after, after - before
    linked, unlinked = select_shared(added, uris), select_shared(removed, uris)
    return Patch(added - linked, removed - unlinked, linked, unlinked)


def select_shared(triples: frozenset[Triple], uris: Uris) -> frozenset[Triple]:
    """Return the triples that other entities may share: of values, of references, and of the groups of sitelinked wikis."""
    if not triples:
        return triples
    nodes = _find_shared_nodes(map(_subject, triples), uris)
    return frozenset(triple for triple in triples if triple.subject in nodes or triple.predicate == WIKI_GROUP)


def _find_shared_nodes(subjects: Iterable[object], uris: Uris) -> set[NamedNode]:
    namespaces = {uris.value, uris.reference}
    return {node for node in set(subjects) if isinstance(node, NamedNode) and namespace_of(node.value) in namespaces}
