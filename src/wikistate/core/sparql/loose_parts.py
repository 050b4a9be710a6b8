"""Loose parts: statements, forms and senses that a batch adds to an entity which does not link to them.

A diff that is repeated after the deletion of its entity, as after a crash of its producer, adds triples to statements that the
entity does not link to any more. The deletion of an entity finds its parts by these links, so the parts would stay for
good. Therefore a part without a link is deleted at once. The deletion or import that follows in the stream brings the
entity to its right state.

An article of a sitelink is checked with the orphans, because its entity is known from the article.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from pyoxigraph import NamedNode

from wikistate.core.rdf.vocabulary import ABOUT, BADGE, WIKI_GROUP
from wikistate.core.sparql.patterns import MAX_VALUE_CHAIN, filter_shared
from wikistate.core.sparql.vocabulary import BOOKKEEPING, ORPHAN_CANDIDATE_NODE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wikistate.core.rdf.uris import Uris
    from wikistate.core.updater.store_patch import StorePatch

_NODES_PER_OPERATION = 500


class LooseParts(NamedTuple):
    """Parts that a patch adds triples to, without a link to them.

    Attributes:
        subentities: Forms and senses.
        statements: Statements, also those that only another part links to.
    """

    subentities: frozenset[NamedNode]
    statements: frozenset[NamedNode]


def find_loose_parts(patch: StorePatch, uris: Uris) -> LooseParts:
    """Return the parts whose links, if they have any, are in the store and not in the patch."""
    statements, subentities = set[NamedNode](), set[NamedNode]()
    for subject in {triple.subject for triple in patch.added}:
        if not isinstance(subject, NamedNode):
            continue
        if subject.value.startswith(uris.statement):
            statements.add(subject)
        elif uris.has_entity_prefix(subject.value) and "-" in subject.value.rpartition("/")[2]:
            subentities.add(subject)
    if statements or subentities:
        parts = statements | subentities
        linked = {triple.object for triple in patch.added if triple.subject not in parts}
        statements -= linked
        subentities -= linked
    return LooseParts(frozenset(subentities), frozenset(statements))


def find_loose_articles(patch: StorePatch, uris: Uris) -> frozenset[NamedNode]:
    """Return the articles of sitelinks that a patch changes without a link to their entity."""
    others = (uris.value, uris.reference)
    # A diff within a sitelink can change its badges only, and does not say then that its subject is an article.
    triples = chain(
        (triple for triple in patch.linked if triple.predicate != WIKI_GROUP),
        (triple for triple in patch.added if triple.predicate == BADGE),
    )
    subjects = {triple.subject for triple in triples if isinstance(triple.subject, NamedNode)}
    articles = {
        subject
        for subject in subjects
        if not subject.value.startswith(others) and not uris.has_entity_prefix(subject.value)
    }
    return frozenset(articles - {triple.subject for triple in patch.added if triple.predicate == ABOUT})


def delete_loose_parts(patch: StorePatch, uris: Uris, *, mark_orphans: bool) -> Iterator[str]:
    """Yield the operations, without their graph, that delete parts without a link. They follow all insertions.

    Forms precede their statements.

    Args:
        patch: Patch of the batch.
        uris: IRIs of the Wikibase.
        mark_orphans: Whether to record the shared nodes of the deleted parts.
    """
    for nodes in find_loose_parts(patch, uris):
        ordered = sorted(map(str, nodes))
        for start in range(0, len(ordered), _NODES_PER_OPERATION):
            listed = ordered[start : start + _NODES_PER_OPERATION]
            yield from _delete_unlinked(listed, uris, mark_orphans=mark_orphans)


def _delete_unlinked(nodes: Sequence[str], uris: Uris, *, mark_orphans: bool) -> Iterator[str]:
    listed = f"VALUES ?node {{ {' '.join(nodes)} }}"
    # Not a filter: some stores read everything for the inner pattern of NOT EXISTS.
    loose = f"{listed} MINUS {{ {listed} ?user ?link ?node }}"
    found = f"{{ SELECT ?node WHERE {{ {loose} }} }}"
    if mark_orphans:
        union = " UNION ".join(f"{{ {found} {path} }}" for path in _shared_paths(uris))
        yield f"INSERT {{ {BOOKKEEPING} {ORPHAN_CANDIDATE_NODE} ?shared }} WHERE {{ {union} }}"
    yield f"DELETE {{ ?node ?p ?o }} WHERE {{ {found} ?node ?p ?o }}"


def _shared_paths(uris: Uris) -> Iterator[str]:
    """Yield a path of each length from ``?node`` to ``?shared``, over shared nodes only."""
    before, last = "", "?node"
    for step in range(MAX_VALUE_CHAIN + 1):
        yield f"{before}{last} ?by ?shared {filter_shared('?shared', uris)}"
        before += f"{last} ?by{step} ?node{step} {filter_shared(f'?node{step}', uris)} "
        last = f"?node{step}"
