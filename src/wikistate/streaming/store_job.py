"""The seam between a runner and a job that ends in a store, which keeps the positions of the source with its data.

The store is the only authority on the positions: when it is restored from a backup it goes back in time, and the source
goes back with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wikistate.streaming.record import Partition, Record


class StoreJob(Protocol):
    """A job that applies records to a store and emits none.

    Protocol: the runner awaits `open` once and opens the source at `positions`. Then it calls `process` with the records
    of each poll, in their order, and with none when the source was quiet. Whenever `process`, `finish` or `flush` raises
    `RewoundError`, it awaits `rewind` and opens the source again at `positions`. At the end of the source it awaits
    `finish`, at a stop `flush`, and `close` last. No two calls overlap.
    """

    @property
    def positions(self) -> Mapping[Partition, int]:
        """The first offset of each partition that is not durable in the store."""

    async def open(self) -> None:
        """Open the store. Raises a `WikistateError` when it cannot be used."""

    async def process(self, records: Sequence[Record], *, caught_up: bool) -> None:
        """Apply records; waits while the store is busy or away, which is the back-pressure.

        Args:
            records: The records, in order within each partition.
            caught_up: Whether the source is known to hold nothing more at this moment.

        Raises:
            RewoundError: The store holds less than it was given.
            WikistateError: The job cannot continue.
        """

    async def flush(self) -> None:
        """Return when all complete records are durable in the store. Raises the errors of `process`."""

    async def finish(self) -> None:
        """Flush at the end of the source. Incomplete messages can no longer be completed. Raises as `flush`."""

    async def rewind(self) -> None:
        """Drop everything that is not durable; `positions` are then those of the store."""

    async def close(self) -> None:
        """Close the store and drop everything that is not durable. May be called when `open` failed, and twice."""
