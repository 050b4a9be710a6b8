"""The seam between a runner and a job that ends in a place which keeps the source's positions with what it holds.

Such a place (a triple store) is the one authority on how far the source was read: it may go back by itself, when it is
restored from a backup, and the source then goes back with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wikistate.streaming.record import Partition, Record


class StoreJob(Protocol):
    """A job that takes records in and hands none on.

    Protocol: the runner awaits `open` once and opens the source at `positions`. Then it calls `process` with the records
    of each poll, in their order, and with none when the source was quiet. Whenever `process`, `finish` or `flush` raises
    `RewoundError`, it awaits `rewind` and opens the source anew at `positions`. At a source's end it awaits `finish`,
    at a stop `flush`; `close` last. No two calls overlap.
    """

    @property
    def positions(self) -> Mapping[Partition, int]:
        """The first offset of each partition that the place does not hold for good."""

    async def open(self) -> None:
        """Open the place. Raises a `WikistateError` when it cannot be used."""

    async def process(self, records: Sequence[Record], *, caught_up: bool) -> None:
        """Take records in; waits while the place is busy or away, which is the back-pressure.

        Args:
            records: What was read, in order within each partition.
            caught_up: Whether the source is known to hold nothing more at this moment.

        Raises:
            RewoundError: The place holds less than it was given.
            WikistateError: It cannot go on.
        """

    async def flush(self) -> None:
        """Return when all that was taken and is whole is held for good. Raises as `take`."""

    async def finish(self) -> None:
        """Nothing more comes: what is not whole never will be. Else as `flush`."""

    async def rewind(self) -> None:
        """Drop what is not yet held; `positions` then says where to read on."""

    async def close(self) -> None:
        """Let go. What is not held yet is dropped. May be called when `open` failed, and twice."""
