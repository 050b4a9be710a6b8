"""Where a stateful job's products go in a test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from wikistate.errors import SinkError

if TYPE_CHECKING:
    from collections.abc import Sequence

Change = TypeVar("Change")


class MemoryChangeSink(Generic[Change]):
    """Keeps products in a list. See `ChangeSink` for the protocol.

    Args:
        durable: The list to append to; give the same one to the outlet that follows after a crash.
        fails_after: How many products it takes before it fails; None for any number.
    """

    def __init__(self, durable: list[Change] | None = None, *, fails_after: int | None = None) -> None:
        self.durable: list[Change] = [] if durable is None else durable
        self.written: list[Change] = []
        """What was written since the last flush."""
        self.last_timer: int | None = None
        """What the last flush was told."""
        self._left = fails_after

    async def open(self) -> None:
        """See `ChangeSink`."""

    async def write(self, changes: Sequence[Change]) -> None:
        """See `ChangeSink`."""
        if self._left is not None:
            self._left -= len(changes)
            if self._left < 0:
                raise SinkError("The memory outlet failed, as it was told to.")
        self.written += changes

    async def flush(self, *, timer: int | None = None) -> None:
        """See `ChangeSink`."""
        self.last_timer = timer
        self.durable += self.written
        self.written.clear()

    async def close(self) -> None:
        """See `ChangeSink`."""
