"""A source and a sink in memory, for tests and for programs that call wikistate.

A fault is one element of the input: a `Crash` stops the source there, a `Revoke` revokes partitions and assigns them
again. A test of a crash is therefore a list with a crash in it.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, assert_never

from wikistate.errors import SinkError, SourceError
from wikistate.streaming.ports import RefusedError, RefusedOutput, digest_output
from wikistate.streaming.record import Partition, Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from wikistate.streaming.ports import OnRevoked, ResumePositions
    from wikistate.streaming.record import Output


@dataclass(frozen=True, slots=True)
class Crash:
    """A failure: `poll` raises `error` here once; the next source on the same topic continues after it."""

    error: BaseException = field(
        default_factory=lambda: SourceError("The memory source crashed at an element of its input.")
    )


@dataclass(frozen=True, slots=True)
class Revoke:
    """A rebalance: the partitions are revoked and assigned again, so uncommitted records are read again."""

    partitions: frozenset[Partition]


Element = Record | Crash | Revoke


class MemoryTopic:
    """A topic: the elements and the committed positions, which outlive a source.

    Use it from one event loop.

    Args:
        name: The name of the topic in the partitions of records.
        values: The values of the first records of partition 0.
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
        """Return the number of records of each partition at this position of the list and after it."""
        places = [element.partition for element in self.elements[position:] if isinstance(element, Record)]
        return {place: places.count(place) for place in self._ends}


class MemorySource:
    """A source that reads a `MemoryTopic` in the order of its elements. See `Source` for the protocol.

    Args:
        topic: The topic. A new source on it starts at its committed positions.
        bounded: Whether it ends at the end of the list, or waits for more.
        resume: The positions at which to resume; they override the committed positions.
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
                case Crash() | Revoke() if records:  # the records before the fault are returned before it
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
    """A sink that appends outputs to a list. See `Sink` for the protocol.

    Args:
        capacity: The number of outputs that it buffers. After `hold` the buffer may become full, and `write` waits.
        delivered: The list to append to; pass the same list to the next sink after a crash.
    """

    def __init__(self, *, capacity: int = 1000, delivered: list[Output] | None = None) -> None:
        self.delivered: list[Output] = [] if delivered is None else delivered
        self._capacity = capacity
        self._buffer: list[Output] = []
        self._failure: SinkError | None = None
        self._is_refused: Callable[[Output], bool] = lambda _: False
        self._refused_by_size = True
        self._delivering = asyncio.Event()
        self._delivering.set()

    def hold(self) -> None:
        """Stop delivering, like a sink that does not respond."""
        self._delivering.clear()

    def release(self) -> None:
        """Deliver again."""
        self._delivering.set()

    def fail_with(self, error: SinkError | None = None) -> None:
        """Fail at each call from now on. Buffered outputs are lost."""
        self._failure = error or SinkError("The memory sink failed: a test configured it to fail.")
        self._buffer.clear()
        self._delivering.set()

    def refuse(self, is_refused: Callable[[Output], bool], *, by_size: bool = True) -> None:
        """Refuse each buffer that holds such an output, as a broker refuses the whole batch of a record."""
        self._is_refused, self._refused_by_size = is_refused, by_size

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
        if any(map(self._is_refused, self._buffer)):
            self._fail_refused()
        self.delivered += self._buffer
        self._buffer.clear()

    def _fail_refused(self) -> None:
        refused = [
            RefusedOutput(
                digest_output(output.key, output.value),
                size=len(output.value),
                target="memory",
                reason="a test configured it to be refused",
                by_size=self._refused_by_size,
            )
            for output in self._buffer
        ]
        self.fail_with(RefusedError("The memory sink refused outputs.", refused=refused))
        self._check()

    async def close(self) -> None:
        """See `Sink`. Does not wait after `hold`."""
        if self._delivering.is_set() and self._failure is None:
            await self.flush()

    def _check(self) -> None:
        if self._failure is not None:
            raise self._failure
