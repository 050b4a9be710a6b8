"""What a batch of mutations does to a triple store."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from pyoxigraph import Triple


class StorePatch(NamedTuple):
    """One batch, in the order in which it has to be applied.

    1. `clearing` and `reconciled`: all that the store holds of these entities goes, as it stood before the batch.
    2. `removed` goes, `added` and `linked` come. No triple of `removed` is in the other two.
    3. The nodes that `unlinked` tells of go where by now nothing in the store links to them.

    To apply it again, whole or beginning anywhere before its first mutation, ends in the same graph.

    Attributes:
        removed: Triples that go.
        added: Triples that come and belong to one entity.
        linked: Triples that come and may belong to several: of value and reference nodes, sites, and sitelinks.
        unlinked: Triples that some entity uses no more. Nothing is said of the others.
        deleted: Ids of entities of which nothing is left, but for what `added` brings again.
        reconciled: Ids of entities whose triples, all of them, are in `added` and `linked`.
        mutations: How many it was made of.
        weight: What it costs a store, in triples. See `wikistate.core.updater.accumulator.DELETE_WEIGHT`.
        freshness: Mean event time of the mutations that users made, milliseconds since the epoch; None without any:
            a reconciliation says nothing about how far the store is.
    """

    removed: AbstractSet[Triple] = frozenset()
    added: AbstractSet[Triple] = frozenset()
    linked: AbstractSet[Triple] = frozenset()
    unlinked: AbstractSet[Triple] = frozenset()
    deleted: AbstractSet[str] = frozenset()
    reconciled: AbstractSet[str] = frozenset()
    mutations: int = 0
    weight: int = 0
    freshness: int | None = None
