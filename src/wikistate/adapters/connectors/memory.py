"""Ends in memory: for tests, and for those who call wikistate from a program of their own.

A fault is one element of the input: a `Crash` stops the source there, a `Revoke` takes its partitions away and gives
them back. So a test of a crash is a list with a crash in it.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, assert_never

from wikistate.errors import SinkError, SourceError
from wikistate.streaming.record import Partition, Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from wikistate.streaming.ports import OnRevoked, ResumePositions
    from wikistate.streaming.record import Output


@dataclass(frozen=True, slots=True)
class Crash:
    """`poll` raises `error` when it comes here, once: the next source on the same topic reads on."""

    error: BaseException = field(default_factory=lambda: SourceError("The memory source crashed, as its input says."))


@dataclass(frozen=True, slots=True)
class Revoke:
    """The partitions go to another member and come back at once: what was not committed is read again."""

    partitions: frozenset[Partition]


Element = Record | Crash | Revoke


class MemoryTopic:
    """What outlives a source: the elements and the committed positions.

    Use it from one event loop.

    Args:
        name: Of the topic, in the records' partitions.
        values: What to put into partition 0 first.
    """

    def __init__(self, name: str = "memory", values: Iterable[bytes | None] = ()) -> None:
        self.name = name
        self.elements: list[Element] = []
        self.committed: dict[Partition, int] = {}
        self._ends: dict[Partition, int] = {}
        self._growth = asyncio.Event()
        for value in values:
            self.append(value)

    def append(
        self, value: bytes | None, *, key: bytes | None = None, timestamp: int | None = None, partition: int = 0
    ) -> Record:
        """Add a record to the end of a partition and return it."""
        place = Partition(self.name, partition)
        offset = self._ends.get(place, 0)
        self._ends[place] = offset + 1
        record = Record(value, key, timestamp, place, offset)
        self.add(record)
        return record

    def add(self, element: Element) -> None:
        """Add an element as it is."""
        self.elements.append(element)
        self._growth.set()

    async def wait_for_growth(self, wait: float) -> None:
        """Return when something is added, or after `wait` seconds."""
        self._growth.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait):
                await self._growth.wait()

    def count_remaining(self, position: int) -> dict[Partition, int]:
        """How many records of each partition stand at this position of the list or behind it."""
        places = [element.partition for element in self.elements[position:] if isinstance(element, Record)]
        return {place: places.count(place) for place in self._ends}


class MemorySource:
    """Reads a `MemoryTopic` in the order of its elements. See `Source` for the protocol.

    Args:
        topic: What is read. A new source on it starts behind what was committed there.
        bounded: Whether it ends at the end of the list, or waits for more.
        resume: Where to go on, above what was committed.
    """

    def __init__(self, topic: MemoryTopic, *, bounded: bool = True, resume: ResumePositions | None = None) -> None:
        self._topic = topic
        self._bounded = bounded
        self._resume: ResumePositions = resume or (dict[Partition, int])
        self._next = 0

    async def open(self, on_revoked: OnRevoked) -> None:
        """See `Source`."""
        self._revoked = on_revoked
        self._next = 0
        self._wanted = self._topic.committed | dict(self._resume())

    async def poll(self, limit: int, wait: float) -> list[Record] | None:
        """See `Source`."""
        if limit == 0:
            await asyncio.sleep(wait)
            return []
        if records := await self._take(limit):
            return records
        if self._bounded and self._next >= len(self._topic.elements):
            return None
        await self._topic.wait_for_growth(wait)
        return await self._take(limit)

    async def commit(self, positions: Mapping[Partition, int]) -> None:
        """See `Source`."""
        self._topic.committed |= positions

    def lag(self) -> Mapping[Partition, int]:
        """See `Source`."""
        return self._topic.count_remaining(self._next)

    async def close(self) -> None:
        """See `Source`."""

    async def _take(self, limit: int) -> list[Record]:
        records: list[Record] = []
        while len(records) < limit and self._next < len(self._topic.elements):
            match self._topic.elements[self._next]:
                case Record() as record:
                    self._next += 1
                    if record.offset >= self._wanted.get(record.partition, 0):
                        self._wanted[record.partition] = record.offset + 1
                        records.append(record)
                case Crash() | Revoke() if records:  # what was read before the fault is handed over before it
                    break
                case Crash(error):
                    del self._topic.elements[self._next]
                    raise error
                case Revoke(partitions):
                    del self._topic.elements[self._next]
                    await self._revoke(partitions)
                case other:
                    assert_never(other)
        return records

    async def _revoke(self, partitions: frozenset[Partition]) -> None:
        await self._revoked(partitions)
        self._next = 0
        self._wanted |= {partition: self._topic.committed.get(partition, 0) for partition in partitions}


class MemorySink:
    """Keeps outputs in a list. See `Sink` for the protocol.

    Args:
        capacity: How many outputs it buffers; `write` waits while it is full, which it only is while it is `hold`-ing.
        delivered: The list to append to; give the same one to the sink that follows after a crash.
    """

    def __init__(self, *, capacity: int = 1000, delivered: list[Output] | None = None) -> None:
        self.delivered: list[Output] = [] if delivered is None else delivered
        self._capacity = capacity
        self._buffer: list[Output] = []
        self._failure: SinkError | None = None
        self._delivering = asyncio.Event()
        self._delivering.set()

    def hold(self) -> None:
        """Stop delivering, as a sink that hangs."""
        self._delivering.clear()

    def release(self) -> None:
        """Deliver again."""
        self._delivering.set()

    def fail_with(self, error: SinkError | None = None) -> None:
        """Fail from now on. What is buffered is lost."""
        self._failure = error or SinkError("The memory sink failed, as it was told to.")
        self._buffer.clear()
        self._delivering.set()

    async def open(self) -> None:
        """See `Sink`."""
        self._check()

    async def write(self, outputs: Sequence[Output]) -> None:
        """See `Sink`."""
        for start in range(0, len(outputs), self._capacity):
            part = outputs[start : start + self._capacity]
            if len(self._buffer) + len(part) > self._capacity:
                await self.flush()
            self._check()
            self._buffer += part

    async def flush(self) -> None:
        """See `Sink`."""
        await self._delivering.wait()
        self._check()
        self.delivered += self._buffer
        self._buffer.clear()

    async def close(self) -> None:
        """See `Sink`. Does not wait for a sink that hangs."""
        if self._delivering.is_set() and self._failure is None:
            await self.flush()

    def _check(self) -> None:
        if self._failure is not None:
            raise self._failure
