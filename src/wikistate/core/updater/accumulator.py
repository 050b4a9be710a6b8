"""Many mutations become one patch of a store, and the store ends as if each had been applied by itself."""

from __future__ import annotations

from collections import defaultdict, deque
from itertools import repeat
from typing import TYPE_CHECKING, assert_never

from wikistate.core.rdf.patch import Patch
from wikistate.core.updater.mutation import OperationName
from wikistate.core.updater.sitelinks import share_sitelinks
from wikistate.core.updater.store_patch import StorePatch

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from pyoxigraph import Triple

    from wikistate.core.updater.mutation import Mutation

DELETE_WEIGHT = 100
"""What it costs a store to find the triples of an entity, in triples that are written outright."""


class Accumulator:
    """One batch in the making.

    The last word on a triple counts: what is added and later removed is removed from the store, too, and not merely left
    out, because nobody knows whether the store held it before the batch.

    Entities are deleted as the store stands before the batch, so what the batch itself had added to one is forgotten
    when it goes. That takes an owner for each triple that is added. Where two entities add the same triple, neither can be
    deleted in this batch any more; `accepts` says so.

    Args:
        shared: Those of some triples that may belong to several entities, as the diff tells them apart. Asked for
            reconciliations, whose triples come without the distinction.
    """

    def __init__(self, shared: Callable[[frozenset[Triple]], frozenset[Triple]]) -> None:
        self._shared = shared
        self._owner: dict[Triple, str] = {}
        self._users: defaultdict[Triple, set[str]] = defaultdict(set)
        self._removed: set[Triple] = set()
        self._unlinked: set[Triple] = set()
        self._written: dict[str, list[Patch]] = {}
        self._entangled: set[str] = set()
        self._deleted: set[str] = set()
        self._reconciled: set[str] = set()
        self._mutations = 0
        self._times: list[int] = []
        self.duplicates = 0
        """Triples that an entity added while the batch already had them from another. Counted, not refused."""

    def __len__(self) -> int:
        """How many mutations it was given."""
        return self._mutations

    @property
    def weight(self) -> int:
        """What the batch costs a store so far, in triples."""
        triples = len(self._owner) + len(self._users) + len(self._removed) + len(self._unlinked)
        return triples + DELETE_WEIGHT * (len(self._deleted) + len(self._reconciled))

    def accepts(self, mutation: Mutation) -> bool:
        """Whether the mutation can be part of this batch. If not, it begins the next one."""
        match mutation.operation:
            case OperationName.IMPORT | OperationName.DIFF:
                return True
            case OperationName.DELETE | OperationName.RECONCILE:
                return mutation.entity not in self._entangled
            case unknown:
                assert_never(unknown)

    def add(self, mutation: Mutation) -> None:
        """Take a mutation that `accepts` accepts; in the order in which they are to be applied."""
        self._mutations += 1
        match mutation.operation:
            case OperationName.IMPORT | OperationName.DIFF:
                self._write(mutation.entity, share_sitelinks(mutation.patch))
            case OperationName.DELETE:
                self._clear(mutation.entity)
                self._deleted.add(mutation.entity)
            case OperationName.RECONCILE:
                self._clear(mutation.entity)
                self._reconciled.add(mutation.entity)
                self._write(mutation.entity, self._classified(mutation.patch))
            case unknown:
                assert_never(unknown)
        if mutation.operation is not OperationName.RECONCILE:
            self._times.append(mutation.time)

    def patch(self) -> StorePatch:
        """What the batch does to a store. The accumulator may go on afterwards."""
        return StorePatch(
            removed=frozenset(self._removed),
            added=frozenset(self._owner),
            linked=frozenset(self._users),
            unlinked=frozenset(self._unlinked),
            deleted=frozenset(self._deleted),
            reconciled=frozenset(self._reconciled),
            mutations=self._mutations,
            weight=self.weight,
            freshness=sum(self._times) // len(self._times) if self._times else None,
        )

    def _write(self, entity: str, patch: Patch) -> None:
        self._written.setdefault(entity, []).append(patch)
        self._remove(patch.removed)
        self._unlink(entity, patch.unlinked)
        self._add(entity, patch.added)
        self._link(entity, patch.linked)

    def _remove(self, triples: frozenset[Triple]) -> None:
        self._removed |= triples
        _forget(self._owner, triples)
        _forget(self._users, triples)

    def _add(self, entity: str, triples: frozenset[Triple]) -> None:
        self._removed -= triples
        # All at once: nearly always nobody else has any of them.
        others = set(map(self._owner.setdefault, triples, repeat(entity))) - {entity}
        if others:
            self._take_over(entity, triples, others)

    def _take_over(self, entity: str, triples: frozenset[Triple], others: set[str]) -> None:
        self._entangled |= others | {entity}
        for triple in triples:
            if self._owner[triple] != entity:
                self.duplicates += 1
                self._owner[triple] = entity

    def _link(self, entity: str, triples: frozenset[Triple]) -> None:
        self._removed -= triples
        self._unlinked -= triples
        for triple in triples:
            self._users[triple].add(entity)

    def _unlink(self, entity: str, triples: frozenset[Triple]) -> None:
        """Forget that the entity uses these. Whether the store may drop them is found out there."""
        self._unlinked |= triples
        for triple in triples:
            users = self._users.get(triple)
            if users is not None:
                users.discard(entity)
                if not users:
                    del self._users[triple]

    def _clear(self, entity: str) -> None:
        self._deleted.discard(entity)
        self._reconciled.discard(entity)
        for patch in self._written.pop(entity, ()):
            for triple in patch.added:
                if self._owner.get(triple) == entity:
                    del self._owner[triple]
            self._unlink(entity, patch.linked)

    def _classified(self, patch: Patch) -> Patch:
        shared = self._shared(patch.added)
        return share_sitelinks(Patch(added=patch.added - shared, linked=patch.linked | shared))


def _forget(found: dict[Triple, Any], triples: frozenset[Triple]) -> None:
    """Take what is there of the triples out of a dictionary."""
    deque(map(found.pop, triples, repeat(None)), maxlen=0)
