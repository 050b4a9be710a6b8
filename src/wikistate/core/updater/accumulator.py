"""Accumulator: sums many mutations to one patch, which has the effect of applying the mutations one after the other."""

from __future__ import annotations

from collections import defaultdict
from itertools import chain
from operator import attrgetter
from typing import TYPE_CHECKING, assert_never

from wikistate.core.rdf.patch import Patch
from wikistate.core.rdf.vocabulary import ABOUT, ARTICLE, TYPE
from wikistate.core.updater.mutation import OperationName
from wikistate.core.updater.store_patch import StorePatch

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Set as AbstractSet

    from pyoxigraph import Triple

    from wikistate.core.updater.mutation import Mutation

DELETE_WEIGHT = 100
"""Cost of finding the triples of an entity in a store, as a number of triples that are written directly."""

_object = attrgetter("object")


class _EntityTriples:
    """Triples that a batch adds to one entity: those added at present, and all that it has linked at any time."""

    __slots__ = ("added", "linked")

    def __init__(self) -> None:
        self.added: set[Triple] = set()
        self.linked: set[Triple] = set()


class Accumulator:
    """Batch of mutations that is being built.

    The last mutation of a triple decides. A triple that is added and later removed is removed from the store as well: it
    is not known whether the store held it before the batch. A shared node that is linked and later unlinked is written
    and then checked, as without a batch: only the store knows which other entities use it.

    The triples of a deleted entity are read from the store before the batch. Triples that the batch has added to the
    entity are therefore dropped with it. If several entities have added the same triple, its owner is not known, and none
    of them can be deleted in this batch any more; `can_add` returns False for them.

    Triples move between sets by operations on whole sets. Those copy the hashes; computing the hash of a triple again
    takes longer than everything else here.

    Args:
        shared: Function that selects the triples which may belong to several entities, as the diff distinguishes them.
            Called for reconciliations, whose triples arrive without the distinction.
    """

    def __init__(self, shared: Callable[[frozenset[Triple]], frozenset[Triple]]) -> None:
        self._shared = shared
        self._added: set[Triple] = set()
        self._linked: set[Triple] = set()
        self._removed: set[Triple] = set()
        self._unlinked: set[Triple] = set()
        self._parts: defaultdict[str, _EntityTriples] = defaultdict(_EntityTriples)
        self._disputed: set[Triple] = set()
        self._deleted: set[str] = set()
        self._reconciled: set[str] = set()
        self._mutations = 0
        self._times: list[int] = []
        self.duplicates = 0
        """Number of triples that an entity added although the batch had them from another entity. They are accepted."""

    def __len__(self) -> int:
        """Return the number of mutations in the batch."""
        return self._mutations

    @property
    def weight(self) -> int:
        """Cost of the batch for a store so far, in triples."""
        triples = len(self._added) + len(self._linked) + len(self._removed) + len(self._unlinked)
        return triples + DELETE_WEIGHT * (len(self._deleted) + len(self._reconciled))

    def can_add(self, mutation: Mutation) -> bool:
        """Return whether the mutation can be part of this batch. If not, it begins the next batch."""
        match mutation.operation:
            case OperationName.IMPORT | OperationName.DIFF:
                return True
            case OperationName.DELETE | OperationName.RECONCILE:
                part = self._parts.get(mutation.entity)
                return part is None or part.added.isdisjoint(self._disputed)
            case unknown:
                assert_never(unknown)

    def add(self, mutation: Mutation) -> None:
        """Add a mutation for which `can_add` is True. Mutations are added in the order in which they apply."""
        self._mutations += 1
        match mutation.operation:
            case OperationName.IMPORT | OperationName.DIFF:
                self._write(mutation.entity, _share_sitelinks(mutation.patch))
            case OperationName.DELETE:
                self._clear(mutation.entity)
                self._deleted.add(mutation.entity)
            case OperationName.RECONCILE:
                self._clear(mutation.entity)
                self._reconciled.add(mutation.entity)
                self._write(mutation.entity, self._classify(mutation.patch))
            case unknown:
                assert_never(unknown)
        if mutation.operation is not OperationName.RECONCILE:
            self._times.append(mutation.time)

    def build_patch(self) -> StorePatch:
        """Return the patch of the batch. More mutations may be added afterwards."""
        return StorePatch(
            removed=frozenset(self._removed),
            added=frozenset(self._added),
            linked=frozenset(self._linked),
            unlinked=frozenset(self._unlinked),
            deleted=frozenset(self._deleted),
            reconciled=frozenset(self._reconciled),
            mutations=self._mutations,
            weight=self.weight,
            freshness=sum(self._times) // len(self._times) if self._times else None,
            duplicates=self.duplicates,
        )

    def _write(self, entity: str, patch: Patch) -> None:
        part = self._parts[entity]
        self._remove(part, patch.removed)
        self._unlinked |= patch.unlinked
        self._add(part, patch.added)
        self._removed -= patch.linked
        self._unlinked -= patch.linked
        self._linked |= patch.linked
        part.linked |= patch.linked

    def _remove(self, part: _EntityTriples, triples: frozenset[Triple]) -> None:
        of_others = len(self._added) - len(part.added)
        self._added -= triples
        part.added -= triples
        if len(self._added) - len(part.added) != of_others:
            self._disputed |= triples
        self._linked -= triples
        self._removed |= triples

    def _add(self, part: _EntityTriples, triples: frozenset[Triple]) -> None:
        self._removed -= triples
        if not self._added.isdisjoint(triples):
            twice = (self._added & triples) - part.added
            self._disputed |= twice
            self.duplicates += len(twice)
        self._added |= triples
        part.added |= triples

    def _clear(self, entity: str) -> None:
        self._deleted.discard(entity)
        self._reconciled.discard(entity)
        part = self._parts.pop(entity, None)
        if part is not None:
            self._added -= part.added
            self._unlinked |= part.linked

    def _classify(self, patch: Patch) -> Patch:
        shared = self._shared(patch.added)
        return _share_sitelinks(Patch(added=patch.added - shared, linked=patch.linked | shared))


def _share_sitelinks(patch: Patch) -> Patch:
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
