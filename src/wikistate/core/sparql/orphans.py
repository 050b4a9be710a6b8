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
    BOOKS,
    IS_PART_OF,
    SUSPECT_ARTICLE,
    SUSPECT_NODE,
    SUSPECT_SITE,
    TYPE,
    WIKI_GROUP,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from wikistate.core.rdf.uris import Uris


_BOOKS, _ARTICLE_NOTE, _SITE_NOTE, _NODE_NOTE = (
    NamedNode(iri.strip("<>")) for iri in (BOOKS, SUSPECT_ARTICLE, SUSPECT_SITE, SUSPECT_NODE)
)

_ROUNDS = 3
"""A reference goes first, then the values that it had, then the values that those were normalised to."""

# A normalised value names itself.
_UNUSED = f"FILTER NOT EXISTS {{ ?user ?by ?node FILTER(?user != ?node && ?user != {BOOKS}) }}"


def notes(unlinked: Iterable[Triple], uris: Uris, *, nodes: bool) -> Iterator[Triple]:
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
            yield Triple(_BOOKS, _ARTICLE_NOTE, subject)
        elif nodes and subject.value.startswith(shared):
            yield Triple(_BOOKS, _NODE_NOTE, subject)
        elif nodes and str(triple.predicate) == WIKI_GROUP:
            yield Triple(_BOOKS, _SITE_NOTE, subject)


def collection(*, nodes: bool) -> Iterator[str]:
    """The steps that take out the orphans among those that are noted, and the notes; operations without their graph."""
    yield (
        f"DELETE {{ ?node ?p ?o }} WHERE {{ {BOOKS} {SUSPECT_ARTICLE} ?node . ?node ?p ?o "
        f"FILTER NOT EXISTS {{ ?node {ABOUT} ?entity }} }}"
    )
    if nodes:
        yield (
            f"DELETE {{ ?node {WIKI_GROUP} ?o }} WHERE {{ {BOOKS} {SUSPECT_SITE} ?node . ?node {WIKI_GROUP} ?o "
            f"FILTER NOT EXISTS {{ ?article {IS_PART_OF} ?node }} }}"
        )
        for _ in range(_ROUNDS):
            yield f"DELETE {{ ?node ?p ?o }} WHERE {{ {BOOKS} {SUSPECT_NODE} ?node . ?node ?p ?o {_UNUSED} }}"
    kinds = f"VALUES ?kind {{ {SUSPECT_ARTICLE} {SUSPECT_SITE} {SUSPECT_NODE} }}"
    yield f"DELETE {{ {BOOKS} ?kind ?node }} WHERE {{ {kinds} {BOOKS} ?kind ?node }}"


def census(uris: Uris) -> Iterator[str]:
    """The steps that note every orphan of the whole store: dear, and for a sweep alone."""
    shared = f'(STRSTARTS(STR(?node), "{uris.value}") || STRSTARTS(STR(?node), "{uris.reference}"))'
    yield (
        f"INSERT {{ {BOOKS} {SUSPECT_NODE} ?node }} "
        f"WHERE {{ {{ SELECT DISTINCT ?node WHERE {{ ?node ?p ?o FILTER(isIRI(?node) && {shared}) }} }} }}"
    )
    yield (
        f"INSERT {{ {BOOKS} {SUSPECT_SITE} ?node }} WHERE {{ ?node {WIKI_GROUP} ?o "
        f"FILTER NOT EXISTS {{ ?article {IS_PART_OF} ?node }} }}"
    )
    yield (
        f"INSERT {{ {BOOKS} {SUSPECT_ARTICLE} ?node }} WHERE {{ ?node {TYPE} {ARTICLE} "
        f"FILTER NOT EXISTS {{ ?node {ABOUT} ?entity }} }}"
    )
