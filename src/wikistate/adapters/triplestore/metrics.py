"""Metrics of the writes to a store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wikistate.core.updater.entity_id import TYPES
from wikistate.telemetry import metrics

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wikistate.adapters.triplestore.store import ApplyResult
    from wikistate.core.updater.mutation import Mutation
    from wikistate.core.updater.store_patch import StorePatch
    from wikistate.telemetry.meter import Meter, Report

_CHANGE_KINDS = ("added", "removed", "linked", "unlinked")


class StoreMetrics:
    """Metrics of the applied batches.

    Args:
        meter: Records the metrics.
        now: Returns seconds since the epoch.
    """

    def __init__(self, meter: Meter, now: Callable[[], float]) -> None:
        self._meter = meter
        self._now = now
        self._produced = meter.counter(metrics.EVENTS_PRODUCED, role="sink")
        self._changes = meter.counter(metrics.STORE_CHANGES)
        self._triple_counters = {kind: meter.counter(metrics.STORE_TRIPLES, kind=kind) for kind in _CHANGE_KINDS}
        self._duplicates = meter.counter(metrics.STORE_DUPLICATES)
        self._triples = meter.histogram(metrics.STORE_BATCH_TRIPLES)
        self._seconds = meter.histogram(metrics.STORE_BATCH_SECONDS)
        self._lag = meter.gauge(metrics.STORE_LAG)
        self._mutation_counters: dict[tuple[str, str], Report] = {}

    def record_batch(self, mutations: Sequence[Mutation], patch: StorePatch, applied: ApplyResult) -> None:
        """Record a batch that the store has applied."""
        self._produced(len(mutations))
        for mutation in mutations:
            self._count_mutation(mutation.operation.value, TYPES.get(mutation.entity[:1], "other").lower())
        for kind, report in self._triple_counters.items():
            report(len(getattr(patch, kind)))
        self._duplicates(patch.duplicates)
        self._triples(patch.weight)
        self._seconds(applied.seconds)
        if applied.changes is not None:
            self._changes(applied.changes)
        if patch.freshness is not None:
            self._lag(self._now() - patch.freshness / 1000)

    def _count_mutation(self, operation: str, entity_type: str) -> None:
        key = operation, entity_type
        if key not in self._mutation_counters:
            labels = {"operation": operation, "entity_type": entity_type}
            self._mutation_counters[key] = self._meter.counter(metrics.STORE_MUTATIONS, **labels)
        self._mutation_counters[key](1)
