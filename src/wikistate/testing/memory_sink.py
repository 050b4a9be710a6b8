"""Change sink in memory, for tests of keyed jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from wikistate.errors import SinkError

if TYPE_CHECKING:
    from collections.abc import Sequence

Change = TypeVar("Change")


class MemoryChangeSink(Generic[Change]):
    """Change sink that appends the changes to a list. See `ChangeSink` for the protocol.

    Args:
        durable: The list to append to; pass the same list to the next change sink after a crash.
        fails_after: Number of changes after which it fails; None for no failure.
    """

    def __init__(self, durable: list[Change] | None = None, *, fails_after: int | None = None) -> None:
        self.durable: list[Change] = [] if durable is None else durable
        self.written: list[Change] = []
        """Changes since the last flush."""
        self.last_timer: int | None = None
        """Timer of the last flush."""
        self._left = fails_after

    async def open(self) -> None:
        """See `ChangeSink`."""

    async def write(self, changes: Sequence[Change]) -> None:
        """See `ChangeSink`."""
        if self._left is not None:
            self._left -= len(changes)
            if self._left < 0:
                raise SinkError("The memory change sink failed, as configured by fails_after.")
        self.written += changes

    async def flush(self, *, timer: int | None = None) -> None:
        """See `ChangeSink`."""
        self.last_timer = timer
        self.durable += self.written
        self.written.clear()

    async def close(self) -> None:
        """See `ChangeSink`."""
