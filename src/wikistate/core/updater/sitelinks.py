"""Sitelinks move between entities: what belongs to the article and not to the entity is shared."""

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
    """The same patch, with the triples of whole sitelinks among those that may belong to several entities.

    A page of a client wiki is linked from one entity at a time, but when its sitelink moves, what takes it from the one
    entity and what gives it to the other are two mutations in any order. Only the triple that says what the article is
    about belongs to one of them alone.

    Source: "Wikibase RDF dump format", sitelinks.
    """
    if ARTICLE not in map(_object, chain(patch.added, patch.removed)):
        return patch
    came, went = _select_article_triples(patch.added), _select_article_triples(patch.removed)
    return Patch(patch.added - came, patch.removed - went, patch.linked | came, patch.unlinked | went)


def _select_article_triples(triples: AbstractSet[Triple]) -> AbstractSet[Triple]:
    articles = {triple.subject for triple in triples if triple.predicate == TYPE and triple.object == ARTICLE}
    return {triple for triple in triples if triple.subject in articles and triple.predicate != ABOUT}
