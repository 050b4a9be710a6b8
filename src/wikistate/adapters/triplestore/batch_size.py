"""How large a batch may get: as much as the store takes in about the time that is meant. Pure.

A store has a price for each update and a price for each triple. Large batches share the first; but while one is
applied nothing newer is seen, so that they are no larger than the bounds, and shrink when the store becomes slow.
"""

from __future__ import annotations

from dataclasses import dataclass

_MAX_STEP_FACTOR = 2.0
"""By how much the size changes from one batch to the next at the most: one odd answer is no reason to leap."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchLimits:
    """What ends a batch.

    Attributes:
        mutations: The most in a batch.
        triples: The most that a batch touches, as `Accumulator.weight` counts them.
        seconds: The longest that a mutation waits for others while the store has nothing to do.
        target_seconds: How long the store shall take for a batch.
    """

    mutations: int = 50_000
    triples: int = 100_000
    seconds: float = 1.0
    target_seconds: float = 5.0


class AdaptiveBatchSize:
    """The size of the next batch, from what the last ones took.

    Args:
        limits: Between a thousandth of ``bounds.triples`` and all of it the size moves.
    """

    def __init__(self, limits: BatchLimits) -> None:
        self._limits = limits
        self._minimum = max(1.0, limits.triples / 1000)
        self._size = max(self._minimum, limits.triples / 10)

    @property
    def triples(self) -> int:
        """How many triples fill the next batch."""
        return round(self._size)

    def observe(self, triples: int, seconds: float) -> None:
        """The store has taken so long for a batch with so many.

        A batch that was not full says only that the store was no slower: its fixed price is not to be multiplied.
        """
        fitting = triples * self._limits.target_seconds / max(seconds, 1e-6)
        if triples < self._size / 2 and fitting < self._size and seconds <= self._limits.target_seconds:
            return
        stepped = min(max(fitting, self._size / _MAX_STEP_FACTOR), self._size * _MAX_STEP_FACTOR)
        self._size = min(max(stepped, self._minimum), float(self._limits.triples))
