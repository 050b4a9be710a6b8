"""A store that keeps positions and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wikistate.adapters.triplestore.store import StoreDescription
from wikistate.core.updater.store_metadata import StoreForm

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wikistate.core.updater.mutation import Mutation
    from wikistate.core.updater.store_metadata import StorePosition
    from wikistate.jobs.rdf_sync.checkpoint_marker import CheckpointGenerationFile
    from wikistate.streaming.record import Partition


class Durable:
    """A store's positions, and what was noted on our side when they were written."""

    def __init__(self, generation: CheckpointGenerationFile) -> None:
        self.positions: dict[Partition, StorePosition] = {}
        self.known_by_then: tuple[int, int] | None = None
        self._generation = generation
        self._next: dict[Partition, StorePosition] = {}

    @property
    def contents(self) -> StoreDescription:
        """As the store says it at its start."""
        return StoreDescription(
            form=StoreForm.MUNGED if self.positions else StoreForm.EMPTY, positions=dict(self.positions)
        )

    async def open(self) -> None:
        """Nothing is to be opened."""

    async def write(self, mutations: Sequence[Mutation]) -> None:
        """What is written does not matter here."""

    def advance(self, positions: Mapping[Partition, StorePosition]) -> None:
        """Positions for the next flush."""
        self._next |= positions

    async def flush(self) -> None:
        """They are in the store."""
        self.known_by_then = self._generation.read()
        self.positions |= self._next

    async def close(self) -> None:
        """Nothing is to be closed."""
