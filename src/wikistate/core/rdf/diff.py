"""What leads from one state of an entity to another."""

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
    """The patch that makes ``after`` of ``before``, both munged.

    It says of shared triples only that this entity uses them from now on or no more; whether another one does, nobody
    knows here.
    """
    removed, added = before - after, after - before
    linked, unlinked = select_shared(added, uris), select_shared(removed, uris)
    return Patch(added - linked, removed - unlinked, linked, unlinked)


def select_shared(triples: frozenset[Triple], uris: Uris) -> frozenset[Triple]:
    """Those that other entities may hold, too: of values, of references, and which group a sitelinked wiki is of."""
    if not triples:
        return triples
    nodes = _find_shared_nodes(map(_subject, triples), uris)
    return frozenset(triple for triple in triples if triple.subject in nodes or triple.predicate == WIKI_GROUP)


def _find_shared_nodes(subjects: Iterable[object], uris: Uris) -> set[NamedNode]:
    namespaces = {uris.value, uris.reference}
    return {node for node in set(subjects) if isinstance(node, NamedNode) and namespace_of(node.value) in namespaces}
