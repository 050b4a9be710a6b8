"""Sitelinks, which move between entities: triples of the article that do not belong to the entity alone are shared."""

from __future__ import annotations

from itertools import chain
from operator import attrgetter
from typing import TYPE_CHECKING

from wikistate.core.rdf.patch import Patch
from wikistate.core.rdf.vocabulary import ABOUT, ARTICLE, TYPE

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from pyoxigraph import Triple

_object = attrgetter("object")


def share_sitelinks(patch: Patch) -> Patch:
    """Return the patch with the triples of sitelinks among those that may belong to several entities.

    A page of a client wiki is linked from one entity at a time. When its sitelink moves to another entity, one mutation
    deletes it and another one inserts it, in any order. Only the triple ``schema:about`` of the article belongs to one of
    the entities alone.

    Source: "Wikibase RDF dump format", sitelinks.
    """
    if ARTICLE not in map(_object, chain(patch.added, patch.removed)):
        return patch
    added, removed = _select_article_triples(patch.added), _select_article_triples(patch.removed)
    return Patch(patch.added - added, patch.removed - removed, patch.linked | added, patch.unlinked | removed)


def _select_article_triples(triples: AbstractSet[Triple]) -> AbstractSet[Triple]:
    articles = {triple.subject for triple in triples if triple.predicate == TYPE and triple.object == ARTICLE}
    return {triple for triple in triples if triple.subject in articles and triple.predicate != ABOUT}
