"""Memory of the entities that are parsed at the same time, over all fetches of the process.

Most entities are small and need no permission. A share of the memory is divided into slots for larger ones. The rest is for
one operation at a time, with the largest entities, or with documents that take many times their size. An operation that
needs more acquires the next level and keeps what it has. The last level never waits for another, so operations cannot
block each other.
"""

from __future__ import annotations

import asyncio
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

from wikistate.core.rdf.bounded_parse import PEAK_FACTOR, ParseLimits

if TYPE_CHECKING:
    from collections.abc import Callable

MIB = 1024 * 1024

DEFAULT_MAX_BYTES = 1536 * MIB
"""Default of ``rdf.max_parsed_bytes``: a million triples of 500 bytes at once, with their peak, and six slots."""

DEFAULT_MAX_TRIPLES = 1_000_000
"""Default of ``rdf.max_entity_triples``. Wikibase limits the JSON of an entity to the size of a page: 2 MiB by default, and
Wikidata has a little more. A statement with its values and references takes 300 bytes of that and more, and a dozen triples
at most. So the largest entities have some hundred thousand triples."""

FIRST_FETCH_BYTES = 4 * MIB
"""Bytes of an entity that are read without permission. The few larger ones are requested again once they have it."""

_SLOT_BYTES = 64 * MIB


class Level(IntEnum):
    """Permission of an operation."""

    SMALL = 0
    """Documents that an event loop can parse between other work."""
    SLOT = 1
    """Documents of ordinary entities."""
    ALONE = 2
    """Any documents; one operation at a time."""


class _Bounds(NamedTuple):
    """Bounds of a document at a level: its size, and the memory of its triples, in bytes."""

    body: int
    triples: int


class EntityMemory:
    """Memory for the entities of a process.

    Args:
        max_bytes: Largest memory of all documents that are parsed and of their graphs, in bytes.
        max_triples: Largest number of triples of an entity.
    """

    def __init__(self, max_bytes: int = DEFAULT_MAX_BYTES, *, max_triples: int = DEFAULT_MAX_TRIPLES) -> None:
        slots = max(1, max_bytes // 4 // _SLOT_BYTES)
        self._slots = asyncio.Semaphore(slots)
        self._alone = asyncio.Lock()
        self._max_triples = max_triples
        rest = max(_SLOT_BYTES, max_bytes - slots * _SLOT_BYTES)
        # An operation has two documents at most: the revisions before and after a change. At the last level they share the
        # memory, because of the few entities as large as that the whole memory may be needed for one.
        self._bounds = {
            Level.SMALL: _Bounds(64 * 1024, 2 * MIB),
            Level.SLOT: _Bounds(MIB, _SLOT_BYTES // PEAK_FACTOR // 2),
            Level.ALONE: _Bounds(rest, rest // PEAK_FACTOR),
        }

    def lease(self) -> MemoryLease:
        """Return the lease of an operation, which has no permission yet."""
        return MemoryLease(self)

    def level_of(self, body: bytes) -> Level:
        """Return the level at which a document is parsed first."""
        return next((level for level, bounds in self._bounds.items() if len(body) <= bounds.body), Level.ALONE)

    def limits(self, level: Level, *, used: int = 0) -> ParseLimits:
        """Return the limits of a document at a level. `used` is the memory of another document of the operation, in bytes."""
        return ParseLimits(self._max_triples, self._bounds[level].triples - used)

    async def acquire(self, level: Level) -> Callable[[], None]:
        """Acquire a level. Return the function that releases it."""
        if level is Level.SLOT:
            await self._slots.acquire()
            return self._slots.release
        await self._alone.acquire()
        return self._alone.release


class MemoryLease:
    """Permission of one operation. Released after its changes were written or dropped.

    Attributes:
        level: Level that was acquired.
        used: Memory of the graphs of the operation at the last level, in bytes.
        parsing: Lock of the documents of the operation at the last level.

    Args:
        memory: Memory of the process.
    """

    def __init__(self, memory: EntityMemory) -> None:
        self._memory = memory
        self._releases: list[Callable[[], None]] = []
        self._rising = asyncio.Lock()
        self.level = Level.SMALL
        self.used = 0
        self.parsing = asyncio.Lock()

    async def rise(self, level: Level) -> Level:
        """Wait for a level and return it; return the present level if that is higher."""
        async with self._rising:
            if level > self.level:
                self._releases.append(await self._memory.acquire(level))
                self.level = level
        return self.level

    def release(self) -> None:
        """Release the permission. Further calls do nothing."""
        releases, self._releases = self._releases, []
        self.level = Level.SMALL
        for release in releases:
            release()
