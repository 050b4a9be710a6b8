"""Patch of a graph for a change of one entity."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pyoxigraph import Triple

_EMPTY: frozenset[Triple] = frozenset()


class Patch(NamedTuple):
    """Triples to insert and to delete for one entity. No triple is in two of the four sets.

    Several entities may share value nodes, reference nodes and the groups of sitelinked sites. If this entity does not use
    such a triple any more, another entity may still use it. Therefore there are two pairs of sets. Deletions come before
    insertions.

    Attributes:
        added: New triples of this entity alone, and unchanged ones that a store may hold as one with a removed triple.
        removed: Deleted triples of this entity alone.
        linked: Triples that this entity uses from now on; other entities may use them as well.
        unlinked: Triples that this entity does not use any more; other entities may still use them.
    """

    added: frozenset[Triple] = _EMPTY
    removed: frozenset[Triple] = _EMPTY
    linked: frozenset[Triple] = _EMPTY
    unlinked: frozenset[Triple] = _EMPTY

    def __len__(self) -> int:
        """Return the number of triples of the patch."""
        return len(self.added) + len(self.removed) + len(self.linked) + len(self.unlinked)
