"""Shared nodes go when the last link to them is gone, which only the store knows.

What may have lost its last user is noted in the store itself, in the update that takes the user away, and looked at after
everything of the batch has been written. So a crash between two requests forgets nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyoxigraph import NamedNode, Triple

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
"""A reference goes first, then the values that it had, then the values that those were normalised to."""

# A normalised value names itself.
_IS_UNUSED = f"FILTER NOT EXISTS {{ ?user ?by ?node FILTER(?user != ?node && ?user != {BOOKKEEPING}) }}"


def mark_candidates(unlinked: Iterable[Triple], uris: Uris, *, nodes: bool) -> Iterator[Triple]:
    """What notes that something may be orphaned.

    Args:
        unlinked: What entities use no more.
        uris: Of the Wikibase.
        nodes: Whether values, references and sites are wanted, beside articles.
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


def delete_orphans(*, nodes: bool) -> Iterator[str]:
    """The steps that take out the orphans among those that are noted, and the notes; operations without their graph."""
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
    """The steps that note every orphan of the whole store: dear, and for a sweep alone."""
    shared = f'(STRSTARTS(STR(?node), "{uris.value}") || STRSTARTS(STR(?node), "{uris.reference}"))'
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
