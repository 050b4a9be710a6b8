"""The port of the triple stores: a store applies one batch after the other and keeps the positions of the source.

`tests/contract/triplestore` holds the suite that every implementation passes.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple, Protocol

from wikistate.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from wikistate.core.updater.store_metadata import Row, StoreForm, StorePosition
    from wikistate.core.updater.store_patch import StorePatch
    from wikistate.core.updater.store_state import StoreState, WriteToken
    from wikistate.streaming.record import Partition

    OnOutage = Callable[["OutageRetry | None"], None]
    """Callback before each wait; None when the outage is over."""


class StoreAccess(Enum):
    """Use of a store by a process."""

    KEEP = "keep"
    """A job keeps it in step: a missing embedded store is created."""

    WRITE = "write"
    """A command changes a store that exists."""

    READ = "read"
    """A command reads a store that exists, also while another process writes to it. It writes nothing, no marker either."""


class ApplyResult(NamedTuple):
    """Result of a batch.

    Attributes:
        changes: Number of triples that the store added or removed. None if it does not say: the number is never estimated.
        seconds: Duration, without the time of outages.
        requests: Number of updates of the batch; an update that was sent again counts once.
        token: Token of the store after the batch; None if the batch had no condition.
    """

    changes: int | None
    seconds: float
    requests: int
    token: WriteToken | None = None


class StoreChanged(NamedTuple):
    """Result of a batch that the store did not apply, because it is not in the state for which the batch was made.

    Attributes:
        found: State of the store.
    """

    found: StoreState


class OutageRetry(NamedTuple):
    """Wait for a store that is not available.

    Attributes:
        reason: Last answer of the store, or the failure to reach it; one line.
        attempt: Number of attempts so far.
        seconds: Seconds until the next attempt.
    """

    reason: str
    attempt: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreDescription:
    """Description of a store when it is opened.

    Attributes:
        form: Form of its entities.
        positions: Position in each partition from which it ever received changes.
        token: Token of the last update.
        from_empty: Whether the store was empty before the first update of a source. Then the source alone can bring it back;
            otherwise another program has loaded it.
    """

    form: StoreForm
    positions: Mapping[Partition, StorePosition]
    token: WriteToken | None = None
    from_empty: bool = True


class TripleStore(Protocol):
    """Store that one writer keeps in step.

    Protocol: `open` once, then the other methods from one task, one at a time, `close` once. No other process writes the
    triples that the batches write; other clients may query at any time. No call blocks the loop. While the store is not
    available, the call waits and reports it; cancel the call to stop.

    After a crash, the store holds everything before its positions. It may hold a part of later changes, and applying them
    again completes them.

    Outside of these calls the store may lose updates: it is killed, restored from a backup, or replaced. `apply_after` never
    applies a batch to a store that is not in the expected state.
    """

    async def open(self) -> StoreDescription:
        """Connect, and check that written triples can be read back.

        Raises:
            StoreError: The store rejects writes or reads, holds entities in a graph that updates do not reach, or mixes
                both forms of entities.
            ConfigError: The settings are not valid for any store.
        """

    async def apply(
        self, patch: StorePatch, positions: Mapping[Partition, StorePosition], freshness: int | None
    ) -> ApplyResult:
        """Apply a patch to the store in any state, and leave its token unchanged. `apply_after` is for the writer of a source.

        The positions become visible with the last of the changes.

        Args:
            patch: Changes of the graph. If it is empty, only the positions are written.
            positions: Positions of the source after the batch, by partition.
            freshness: Value for ``schema:dateModified`` of the store, milliseconds since the epoch. None leaves it
                unchanged.

        Raises:
            UnwritableError: A triple has no safe form in SPARQL. Nothing of the batch was applied.
            StoreError: The store rejects the batch.
        """

    async def apply_after(
        self,
        expected: StoreState,
        patch: StorePatch,
        positions: Mapping[Partition, StorePosition],
        freshness: int | None,
    ) -> ApplyResult | StoreChanged:
        """Apply a patch if the store is in an expected state, and change nothing if it is in another one.

        When the outcome of an update is unknown, the state is read again before anything else is sent. When the call
        returns an `ApplyResult`, the state was read after the last update and is that of the batch.

        Args:
            expected: State for which the patch was made: that of `state`, or the one after the last batch.
            patch: See `apply`.
            positions: See `apply`.
            freshness: See `apply`.

        Raises:
            UnwritableError: A triple has no safe form in SPARQL. Nothing of the batch was applied.
            StoreError: The store rejects the batch, or accepts it and does not show it.
        """

    async def form(self) -> StoreForm:
        """Return the form of the entities. Raises `StoreError` if the store mixes both forms."""

    async def state(self) -> StoreState:
        """Return the state of the store. After a restore from a backup, it is an older one."""

    async def positions(self) -> Mapping[Partition, StorePosition]:
        """Return the position of the store in each partition. After a restore from a backup, they are older."""

    async def versions(self, entities: Collection[str]) -> dict[str, int]:
        """Return the revisions of these entities by id, without the entities that the store does not hold."""

    async def counts(self) -> dict[str, int]:
        """Return the number of entities by type; a type is named by its local name, for example ``Item``."""

    async def query(self, query: str) -> list[Row]:
        """Return the solutions of a SELECT query, which is sent unchanged. Raises `StoreError`."""

    async def ask(self, query: str) -> bool:
        """Return the result of an ASK query, which is sent unchanged. Raises `StoreError`."""

    async def sweep(self) -> int | None:
        """Delete value, reference and sitelink nodes without a link to them.

        Returns:
            The number of deleted triples.
        """

    async def close(self) -> None:
        """Release the store. May be called when `open` failed, and twice."""


def emptied_error(found: str) -> StoreError:
    """Return the error of a store that lost what another program had loaded."""
    return StoreError(
        f"The store came back without the entities that it was loaded with: {found}.",
        hint="The source holds changes only. Load the store again from a dump, or restore it from a backup, before the next start.",
    )
