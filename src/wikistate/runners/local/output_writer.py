"""Hands what a stateful job makes to its outlet and sinks, in the order in which it was made."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wikistate.runners.metrics import KeyedMetrics
    from wikistate.streaming.change_sink import ChangeSink
    from wikistate.streaming.ports import Sink
    from wikistate.streaming.record import Output, Role

Change = TypeVar("Change")


class _Batch(NamedTuple, Generic[Change]):
    """What was made at once, and who waits until it is handed over."""

    changes: Sequence[Change]
    outputs: Sequence[Output]
    written: asyncio.Future[None]


class OutputWriter(Generic[Change]):
    """One task writes; whatever has gathered meanwhile goes out with the next write.

    Args:
        change_sink: Takes products.
        sinks: Take outputs, by their role; a role without a sink is one that nobody wants to hear of.
        metrics: What was written is reported there.
        progressed: Set whenever something was handed over.
    """

    def __init__(
        self,
        change_sink: ChangeSink[Change],
        sinks: Mapping[Role, Sink],
        metrics: KeyedMetrics,
        *,
        progressed: asyncio.Event,
    ) -> None:
        self._change_sink = change_sink
        self._sinks = sinks
        self._distinct_sinks = tuple(dict.fromkeys(sinks.values()))  # several roles may go to one place
        self._metrics = metrics
        self._batches: list[_Batch[Change]] = []
        self._batch_added = asyncio.Event()
        self._progressed = progressed
        self.waiting = 0
        """How many parts were put and not yet handed over."""

    async def open(self) -> None:
        """Open outlet and sinks."""
        await self._change_sink.open()
        for sink in self._distinct_sinks:
            await sink.open()

    def put(self, changes: Sequence[Change], outputs: Sequence[Output]) -> asyncio.Future[None]:
        """Have these written after all that was put before; the future is done when they are handed over."""
        part = _Batch(changes, outputs, asyncio.get_running_loop().create_future())
        self._batches.append(part)
        self.waiting += 1
        self._batch_added.set()
        return part.written

    async def run(self) -> None:
        """Write until cancelled.

        Raises:
            WikistateError: Something cannot be written. What was put and not handed over never will be.
        """
        while True:
            await self._batch_added.wait()
            self._batch_added.clear()
            parts, self._batches = self._batches, []
            await self._write(parts)
            self.waiting -= len(parts)
            for part in parts:
                if not part.written.cancelled():
                    part.written.set_result(None)
            self._progressed.set()

    async def flush(self, *, timer: int | None) -> None:
        """Return when all that was handed over is durable. The argument is that of `Outlet.flush`."""
        await self._change_sink.flush(timer=timer)
        for sink in self._distinct_sinks:
            await sink.flush()

    async def close(self) -> None:
        """Close outlet and sinks."""
        await self._change_sink.close()
        for sink in self._distinct_sinks:
            await sink.close()

    async def _write(self, batches: Sequence[_Batch[Change]]) -> None:
        products = [product for part in batches for product in part.changes]
        outputs = [output for part in batches for output in part.outputs]
        if products:
            await self._change_sink.write(products)
        for role, sink in self._sinks.items():
            if batch := [output for output in outputs if output.role is role]:
                await sink.write(batch)
        self._metrics.record_written(len(products), outputs)
