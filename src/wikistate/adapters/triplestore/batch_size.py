"""Size of the next batch: as many triples as the store applies in about the target time. Pure.

A store has a fixed cost for each update and a cost for each triple. Large batches share the fixed cost. But while a batch
is applied, the store does not show newer changes: so batches have limits, and shrink when the store becomes slow.
"""

from __future__ import annotations

from dataclasses import dataclass

_MAX_STEP_FACTOR = 2.0
"""Largest factor by which the size changes from one batch to the next, so that one outlier has little effect."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchLimits:
    """Limits at which a batch is submitted.

    Attributes:
        mutations: Largest number of mutations in a batch.
        triples: Largest number of triples that a batch changes, as `Accumulator.weight` counts them.
        seconds: Longest time that a mutation waits for others while the store is idle.
        target_seconds: Time that the store should take for a batch.
    """

    mutations: int = 50_000
    triples: int = 100_000
    seconds: float = 1.0
    target_seconds: float = 5.0


class AdaptiveBatchSize:
    """Size of the next batch, adapted to the duration of the last ones.

    Args:
        limits: Limits of a batch; the size stays between a thousandth of `BatchLimits.triples` and all of it.
    """

    def __init__(self, limits: BatchLimits) -> None:
        self._limits = limits
        self._minimum = max(1.0, limits.triples / 1000)
        self._size = max(self._minimum, limits.triples / 10)

    @property
    def triples(self) -> int:
        """Number of triples that fill the next batch."""
        return round(self._size)

    def observe(self, triples: int, seconds: float) -> None:
        """Adapt the size to a batch that the store has applied.

        The duration of a batch that was not full consists mostly of the fixed cost, which must not be multiplied: it
        only shows that the store was not slower.

        Args:
            triples: Number of triples in the batch.
            seconds: Time that the store took.
        """
        fitting = triples * self._limits.target_seconds / max(seconds, 1e-6)
        if triples < self._size / 2 and fitting < self._size and seconds <= self._limits.target_seconds:
            return
        stepped = min(max(fitting, self._size / _MAX_STEP_FACTOR), self._size * _MAX_STEP_FACTOR)
        self._size = min(max(stepped, self._minimum), float(self._limits.triples))
