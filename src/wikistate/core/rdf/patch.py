"""What a change of an entity does to a graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pyoxigraph import Triple

_EMPTY: frozenset[Triple] = frozenset()


class Patch(NamedTuple):
    """Triples that come and go. No triple is in two of the four.

    Value and reference nodes, and the groups of sitelinked sites, may belong to several entities: that this one uses a
    triple of theirs no more does not say that nobody does. Hence the two pairs.

    Attributes:
        added: Of this entity alone, and new.
        removed: Of this entity alone, and gone.
        linked: May be of other entities, too; this one uses it from now on.
        unlinked: May be of other entities, too; this one uses it no more.
    """

    added: frozenset[Triple] = _EMPTY
    removed: frozenset[Triple] = _EMPTY
    linked: frozenset[Triple] = _EMPTY
    unlinked: frozenset[Triple] = _EMPTY

    def __len__(self) -> int:
        """How many triples it touches."""
        return len(self.added) + len(self.removed) + len(self.linked) + len(self.unlinked)
