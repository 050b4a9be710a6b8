"""The port of the triple stores: one batch is applied after the other, and the store says how far it is.

`tests/contract/triplestore` holds the suite that every implementation passes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from wikistate.core.updater.store_metadata import Row, StoreForm, StorePosition
    from wikistate.core.updater.store_patch import StorePatch
    from wikistate.streaming.record import Partition

    OnOutage = Callable[["OutageRetry | None"], None]
    """Told each time before a wait, and with None when it is over."""


class ApplyResult(NamedTuple):
    """What a store said about a batch.

    Attributes:
        changes: Triples that it added or removed. None where it does not tell: a number is never made up.
        seconds: That it took, without waiting for a store that was away.
        requests: How many updates it was sent as.
    """

    changes: int | None
    seconds: float
    requests: int


class OutageRetry(NamedTuple):
    """That a store is being waited for.

    Attributes:
        reason: What it said last, or how it could not be reached; one line.
        attempt: How often it was tried.
        seconds: Until the next try.
    """

    reason: str
    attempt: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreDescription:
    """What a store says of itself when it is opened.

    Attributes:
        form: How its entities are written.
        positions: How far it is in each partition it was ever fed from.
    """

    form: StoreForm
    positions: Mapping[Partition, StorePosition]


class TripleStore(Protocol):
    """A store that one writer keeps in step.

    Protocol: `open` once, then the others from one task, one at a time, `close` once. Nobody else writes what the
    batches write; queries of others may run at any time. None of the calls blocks the loop. A store that is away is
    waited for, and what is waiting is told; cancel the call to give up.

    After a crash, the positions say what the store holds for certain: what came later may be there in part, and to apply
    it again makes it whole.
    """

    async def open(self) -> StoreDescription:
        """Connect, and find out whether what is written can be read back.

        Raises:
            StoreError: It refuses to be written or read; it holds entities where updates do not reach them (another
                graph); or both forms are mixed.
            ConfigError: The settings cannot be right, whatever the store says.
        """

    async def apply(
        self, patch: StorePatch, positions: Mapping[Partition, StorePosition], freshness: int | None
    ) -> ApplyResult:
        """Change the graph as `StorePatch` says. The positions are in the store with the last of the changes.

        Args:
            patch: What to change. May be empty: then the positions alone are written.
            positions: How far the store is afterwards, in the partitions that the batch comes from.
            freshness: For ``schema:dateModified`` of the store, milliseconds since the epoch. None leaves it.

        Raises:
            UnwritableError: A triple has no safe form in SPARQL. Nothing of the batch was applied.
            StoreError: It refused for good.
        """

    async def positions(self) -> dict[Partition, StorePosition]:
        """How far it is in each partition. A store that came back from a backup says so here."""

    async def versions(self, entities: Collection[str]) -> dict[str, int]:
        """The revisions that it holds of these entities, by id; those it does not hold are left out."""

    async def counts(self) -> dict[str, int]:
        """How many entities of each type it holds, by the local name of the type, for example ``Item``."""

    async def query(self, query: str) -> list[Row]:
        """The solutions of a SELECT query, as it stands. Raises `StoreError`."""

    async def ask(self, query: str) -> bool:
        """The answer of an ASK query, as it stands. Raises `StoreError`."""

    async def sweep(self) -> int | None:
        """Take out value, reference and sitelink nodes that nothing links to.

        Returns:
            How many triples that were.
        """

    async def close(self) -> None:
        """Let go. May be called when `open` failed, and twice."""
