"""Orphans: shared nodes without links. Only the store knows whether a node has lost its last link.

Possible orphans are recorded in the store itself, in the update that deletes a link to them. They are checked after the
whole batch has been written. Therefore a crash between two requests loses none of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyoxigraph import NamedNode, Triple

from wikistate.core.sparql.terms import starts_with
from wikistate.core.sparql.vocabulary import (
    ABOUT,
    ARTICLE,
    BOOKKEEPING,
    IS_PART_OF,
    ORPHAN_CANDIDATE_ARTICLE,
    ORPHAN_CANDIDATE_NODE,
    ORPHAN_CANDIDATE_SITE,
    TYPE,
    WIKI_GROUP,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from wikistate.core.rdf.uris import Uris


_BOOKKEEPING, _ARTICLE_CANDIDATE, _SITE_CANDIDATE, _NODE_CANDIDATE = (
    NamedNode(iri.strip("<>"))
    for iri in (BOOKKEEPING, ORPHAN_CANDIDATE_ARTICLE, ORPHAN_CANDIDATE_SITE, ORPHAN_CANDIDATE_NODE)
)

_DELETE_ROUNDS = 3
"""A reference is deleted first, then its values, then their normalised values."""

# A normalised value links to itself.
_IS_UNUSED = f"FILTER NOT EXISTS {{ ?user ?by ?node FILTER(?user != ?node && ?user != {BOOKKEEPING}) }}"


def mark_candidates(unlinked: Iterable[Triple], uris: Uris, *, nodes: bool) -> Iterator[Triple]:
    """Yield the triples that record possible orphans.

    Args:
        unlinked: Triples that entities do not use any more.
        uris: IRIs of the Wikibase.
        nodes: Whether values, references and sites are recorded in addition to articles.
    """
    shared = (uris.value, uris.reference)
    for triple in unlinked:
        subject = triple.subject
        if not isinstance(subject, NamedNode):
            continue
        if str(triple.predicate) == TYPE and str(triple.object) == ARTICLE:
            yield Triple(_BOOKKEEPING, _ARTICLE_CANDIDATE, subject)
        elif nodes and subject.value.startswith(shared):
            yield Triple(_BOOKKEEPING, _NODE_CANDIDATE, subject)
        elif nodes and str(triple.predicate) == WIKI_GROUP:
            yield Triple(_BOOKKEEPING, _SITE_CANDIDATE, subject)


def mark_articles(articles: Iterable[NamedNode]) -> Iterator[Triple]:
    """Yield the triples that record articles as possible orphans."""
    return (Triple(_BOOKKEEPING, _ARTICLE_CANDIDATE, article) for article in articles)


def delete_orphans(*, nodes: bool) -> Iterator[str]:
    """Yield the operations, without their graph, that delete the orphans among the recorded nodes, and the records."""
    yield (
        f"DELETE {{ ?node ?p ?o }} WHERE {{ {BOOKKEEPING} {ORPHAN_CANDIDATE_ARTICLE} ?node . ?node ?p ?o "
        f"FILTER NOT EXISTS {{ ?node {ABOUT} ?entity }} }}"
    )
    if nodes:
        yield (
            f"DELETE {{ ?node {WIKI_GROUP} ?o }} WHERE {{ {BOOKKEEPING} {ORPHAN_CANDIDATE_SITE} ?node . ?node {WIKI_GROUP} ?o "
            f"FILTER NOT EXISTS {{ ?article {IS_PART_OF} ?node }} }}"
        )
        for _ in range(_DELETE_ROUNDS):
            yield f"DELETE {{ ?node ?p ?o }} WHERE {{ {BOOKKEEPING} {ORPHAN_CANDIDATE_NODE} ?node . ?node ?p ?o {_IS_UNUSED} }}"
    kinds = f"VALUES ?kind {{ {ORPHAN_CANDIDATE_ARTICLE} {ORPHAN_CANDIDATE_SITE} {ORPHAN_CANDIDATE_NODE} }}"
    yield f"DELETE {{ {BOOKKEEPING} ?kind ?node }} WHERE {{ {kinds} {BOOKKEEPING} ?kind ?node }}"


def mark_all(uris: Uris) -> Iterator[str]:
    """Yield the operations that record every orphan of the whole store. They are expensive, and for a cleanup alone."""
    shared = f"({starts_with('?node', uris.value)} || {starts_with('?node', uris.reference)})"
    yield (
        f"INSERT {{ {BOOKKEEPING} {ORPHAN_CANDIDATE_NODE} ?node }} "
        f"WHERE {{ {{ SELECT DISTINCT ?node WHERE {{ ?node ?p ?o FILTER(isIRI(?node) && {shared}) }} }} }}"
    )
    yield (
        f"INSERT {{ {BOOKKEEPING} {ORPHAN_CANDIDATE_SITE} ?node }} WHERE {{ ?node {WIKI_GROUP} ?o "
        f"FILTER NOT EXISTS {{ ?article {IS_PART_OF} ?node }} }}"
    )
    yield (
        f"INSERT {{ {BOOKKEEPING} {ORPHAN_CANDIDATE_ARTICLE} ?node }} WHERE {{ ?node {TYPE} {ARTICLE} "
        f"FILTER NOT EXISTS {{ ?node {ABOUT} ?entity }} }}"
    )
