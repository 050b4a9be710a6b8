"""Store that keeps only positions."""

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
    """Positions of a store, and the generation on our side when they were written."""

    def __init__(self, generation: CheckpointGenerationFile) -> None:
        self.positions: dict[Partition, StorePosition] = {}
        self.generation_at_flush: tuple[int, int] | None = None
        self._generation = generation
        self._next: dict[Partition, StorePosition] = {}

    @property
    def contents(self) -> StoreDescription:
        """Description of the store at its start."""
        return StoreDescription(
            form=StoreForm.MUNGED if self.positions else StoreForm.EMPTY, positions=dict(self.positions)
        )

    async def open(self) -> None:
        """Do nothing."""

    async def write(self, mutations: Sequence[Mutation]) -> None:
        """Drop the mutations, which do not matter here."""

    def advance(self, positions: Mapping[Partition, StorePosition]) -> None:
        """Set positions for the next flush."""
        self._next |= positions

    async def flush(self) -> None:
        """Write the positions to the store."""
        self.generation_at_flush = self._generation.read()
        self.positions |= self._next

    async def close(self) -> None:
        """Do nothing."""
