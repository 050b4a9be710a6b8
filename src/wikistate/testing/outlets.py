"""Where a stateful job's products go in a test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from wikistate.errors import SinkError

if TYPE_CHECKING:
    from collections.abc import Sequence

Product = TypeVar("Product")


class MemoryOutlet(Generic[Product]):
    """Keeps products in a list. See `Outlet` for the protocol.

    Args:
        durable: The list to append to; give the same one to the outlet that follows after a crash.
        fails_after: How many products it takes before it fails; None for any number.
    """

    def __init__(self, durable: list[Product] | None = None, *, fails_after: int | None = None) -> None:
        self.durable: list[Product] = [] if durable is None else durable
        self.written: list[Product] = []
        """What was written since the last flush."""
        self.wake: int | None = None
        """What the last flush was told."""
        self._left = fails_after

    async def open(self) -> None:
        """See `Outlet`."""

    async def write(self, products: Sequence[Product]) -> None:
        """See `Outlet`."""
        if self._left is not None:
            self._left -= len(products)
            if self._left < 0:
                raise SinkError("The memory outlet failed, as it was told to.")
        self.written += products

    async def flush(self, *, wake: int | None = None) -> None:
        """See `Outlet`."""
        self.wake = wake
        self.durable += self.written
        self.written.clear()

    async def close(self) -> None:
        """See `Outlet`."""
