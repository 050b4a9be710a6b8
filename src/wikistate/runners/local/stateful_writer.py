"""Hands what a stateful job makes to its outlet and sinks, in the order in which it was made."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wikistate.adapters.connectors.ports import Sink
    from wikistate.core.record import Output, Role
    from wikistate.jobs.outlet import Outlet
    from wikistate.runners.local.stateful_measurements import StatefulMeasurements

Product = TypeVar("Product")


class _Part(NamedTuple, Generic[Product]):
    """What was made at once, and who waits until it is handed over."""

    products: Sequence[Product]
    outputs: Sequence[Output]
    handed_over: asyncio.Future[None]


class StatefulWriter(Generic[Product]):
    """One task writes; whatever has gathered meanwhile goes out with the next write.

    Args:
        outlet: Takes products.
        sinks: Take outputs, by their role; a role without a sink is one that nobody wants to hear of.
        measure: What was written is reported there.
        moved: Set whenever something was handed over.
    """

    def __init__(
        self,
        outlet: Outlet[Product],
        sinks: Mapping[Role, Sink],
        measure: StatefulMeasurements,
        *,
        moved: asyncio.Event,
    ) -> None:
        self._outlet = outlet
        self._sinks = sinks
        self._distinct = tuple(dict.fromkeys(sinks.values()))  # several roles may go to one place
        self._measure = measure
        self._parts: list[_Part[Product]] = []
        self._given = asyncio.Event()
        self._moved = moved
        self.waiting = 0
        """How many parts were put and not yet handed over."""

    async def open(self) -> None:
        """Open outlet and sinks."""
        await self._outlet.open()
        for sink in self._distinct:
            await sink.open()

    def put(self, products: Sequence[Product], outputs: Sequence[Output]) -> asyncio.Future[None]:
        """Have these written after all that was put before; the future is done when they are handed over."""
        part = _Part(products, outputs, asyncio.get_running_loop().create_future())
        self._parts.append(part)
        self.waiting += 1
        self._given.set()
        return part.handed_over

    async def run(self) -> None:
        """Write until cancelled.

        Raises:
            WikistateError: Something cannot be written. What was put and not handed over never will be.
        """
        while True:
            await self._given.wait()
            self._given.clear()
            parts, self._parts = self._parts, []
            await self._write(parts)
            self.waiting -= len(parts)
            for part in parts:
                if not part.handed_over.cancelled():
                    part.handed_over.set_result(None)
            self._moved.set()

    async def flush(self, *, wake: int | None) -> None:
        """Return when all that was handed over is durable. The argument is that of `Outlet.flush`."""
        await self._outlet.flush(wake=wake)
        for sink in self._distinct:
            await sink.flush()

    async def close(self) -> None:
        """Close outlet and sinks."""
        await self._outlet.close()
        for sink in self._distinct:
            await sink.close()

    async def _write(self, parts: Sequence[_Part[Product]]) -> None:
        products = [product for part in parts for product in part.products]
        outputs = [output for part in parts for output in part.outputs]
        if products:
            await self._outlet.write(products)
        for role, sink in self._sinks.items():
            if batch := [output for output in outputs if output.role is role]:
                await sink.write(batch)
        self._measure.wrote(len(products), outputs)
