"""Control over the parts of a pipeline in memory: its source, the work of its job, its target."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from wikistate.adapters.connectors.memory import MemorySource, MemoryTopic

if TYPE_CHECKING:
    from wikistate.streaming.ports import ResumePositions
    from wikistate.streaming.record import Record


class Work:
    """Control over the work of a job: a value that is held is not finished until `release`."""

    def __init__(self) -> None:
        self.started: list[bytes] = []
        self._held: dict[bytes, asyncio.Event] = {}
        self._changed = asyncio.Event()

    def hold(self, value: bytes) -> None:
        """Hold a value from now on."""
        self._held[value] = asyncio.Event()

    def release(self) -> None:
        """Finish all values that are held, and hold none from now on."""
        for gate in self._held.values():
            gate.set()
        self._held.clear()

    async def process(self, value: bytes) -> None:
        """Return when the value may be finished."""
        self.started.append(value)
        self._changed.set()
        if (gate := self._held.get(value)) is not None:
            await gate.wait()

    async def until_started(self, value: bytes) -> None:
        """Return when the job works on the value."""
        while value not in self.started:
            self._changed.clear()
            await self._changed.wait()


class Target:
    """Control over the sink or store behind a pipeline.

    Attributes:
        available: While it is clear, the target does not answer.
        asked: Set when the target was asked to make something durable.
    """

    def __init__(self) -> None:
        self.available = asyncio.Event()
        self.available.set()
        self.asked = asyncio.Event()
        self._errors: list[Exception] = []

    def fail_with(self, error: Exception) -> None:
        """Raise this error when the target is asked the next time."""
        self._errors.append(error)

    async def reach(self) -> None:
        """Return when the target answers."""
        self.asked.set()
        await self.available.wait()
        if self._errors:
            raise self._errors.pop()


class WatchedSource(MemorySource):
    """A memory source that notes when it is kept alive."""

    def __init__(
        self, topic: MemoryTopic, kept_alive: asyncio.Event, *, bounded: bool, resume: ResumePositions | None = None
    ) -> None:
        super().__init__(topic, bounded=bounded, resume=resume)
        self._kept_alive = kept_alive

    async def poll(self, limit: int, wait: float) -> list[Record] | None:
        """See `Source`."""
        if limit == 0:
            self._kept_alive.set()
        return await super().poll(limit, wait)
