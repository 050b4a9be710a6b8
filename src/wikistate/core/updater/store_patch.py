"""Patch of a triple store, built from a batch of mutations."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from pyoxigraph import Triple


class StorePatch(NamedTuple):
    """Patch of a batch. It is applied in three steps.

    1. `deleted` and `reconciled`: delete all triples that the store held for these entities before the batch.
    2. Delete `removed`, insert `added` and `linked`. No triple of `removed` is in the other two.
    3. Delete the nodes of `unlinked` that are orphans: no node in the store links to them any more.

    Applying the batch again gives the same graph, also if the repetition begins before the first mutation of the batch.

    Attributes:
        removed: Triples to delete.
        added: Triples to insert that belong to one entity.
        linked: Triples to insert that several entities may share: of value and reference nodes, sites, and sitelinks.
        unlinked: Triples that one entity does not use any more. Other entities may still use them.
        deleted: Ids of deleted entities. Only the triples in `added` remain of them.
        reconciled: Ids of entities whose triples are all in `added` and `linked`.
        mutations: Number of mutations in the batch.
        weight: Cost of the batch for a store, in triples. See `wikistate.core.updater.accumulator.DELETE_WEIGHT`.
        freshness: Mean event time of the mutations from edits, milliseconds since the epoch; None if there are none.
            Reconciliations are left out, because their time does not show the position of the store.
        duplicates: Number of triples that an entity added although the batch had them from another entity.
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
    duplicates: int = 0
