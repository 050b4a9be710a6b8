"""The writer of the changes and outputs of a keyed job, in the order in which they were made."""

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
    """Changes and outputs that belong together, and the future that is done when they are written."""

    changes: Sequence[Change]
    outputs: Sequence[Output]
    written: asyncio.Future[None]


class OutputWriter(Generic[Change]):
    """Writer to a change sink and sinks. One task writes; batches that arrive meanwhile are joined in the next write.

    Args:
        change_sink: The sink of changes.
        sinks: The sinks of outputs, by role; outputs of a role without a sink are dropped.
        metrics: Counts the written changes and outputs.
        progressed: Set whenever something was written.
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
        self._distinct_sinks = tuple(dict.fromkeys(sinks.values()))  # several roles may share a sink
        self._metrics = metrics
        self._batches: list[_Batch[Change]] = []
        self._batch_added = asyncio.Event()
        self._progressed = progressed
        self.waiting = 0
        """The number of batches that are not yet written."""

    async def open(self) -> None:
        """Open change sink and sinks."""
        await self._change_sink.open()
        for sink in self._distinct_sinks:
            await sink.open()

    def put(self, changes: Sequence[Change], outputs: Sequence[Output]) -> asyncio.Future[None]:
        """Queue a batch behind all earlier ones; the future is done when it is written."""
        batch = _Batch(changes, outputs, asyncio.get_running_loop().create_future())
        self._batches.append(batch)
        self.waiting += 1
        self._batch_added.set()
        return batch.written

    async def run(self) -> None:
        """Write until cancelled.

        Raises:
            WikistateError: A batch cannot be written. No batch behind it is written either.
        """
        while True:
            await self._batch_added.wait()
            self._batch_added.clear()
            batches, self._batches = self._batches, []
            await self._write(batches)
            self.waiting -= len(batches)
            for batch in batches:
                if not batch.written.cancelled():
                    batch.written.set_result(None)
            self._progressed.set()

    async def flush(self, *, timer: int | None) -> None:
        """Return when everything that was written is durable. For the argument see `ChangeSink.flush`."""
        await self._change_sink.flush(timer=timer)
        for sink in self._distinct_sinks:
            await sink.flush()

    async def close(self) -> None:
        """Close change sink and sinks."""
        await self._change_sink.close()
        for sink in self._distinct_sinks:
            await sink.close()

    async def _write(self, batches: Sequence[_Batch[Change]]) -> None:
        changes = [change for batch in batches for change in batch.changes]
        outputs = [output for batch in batches for output in batch.outputs]
        if changes:
            await self._change_sink.write(changes)
        for role, sink in self._sinks.items():
            if of_role := [output for output in outputs if output.role is role]:
                await sink.write(of_role)
        self._metrics.record_written(len(changes), outputs)
