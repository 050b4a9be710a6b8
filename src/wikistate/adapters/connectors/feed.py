"""A source over a feed: something that arrives by itself, in its own pace, and is resumed by a token of its own.

A feed (`eventstreams`, `recent_changes`) knows its protocol; what a source owes to the port lives here, once: polls
that wait and may be cancelled, a bounded buffer, positions in a checkpoint.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from wikistate.adapters.connectors.checkpoint import Checkpoint, Place
from wikistate.adapters.connectors.threads import ClientThread

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from wikistate.adapters.connectors.ports import Revoked
    from wikistate.adapters.connectors.positions import Moment
    from wikistate.core.record import Partition, Record

MAX_BUFFERED_EVENTS = 1000
"""Records that arrived and were not yet polled; beyond it, or beyond the next, nothing is taken from the feed."""

_BEGUN = "begun"
"""The note that says where the first run began."""

MAX_BUFFERED_BYTES = 32 * 1024 * 1024


class Arrival(NamedTuple):
    """A record, and what its feed needs to know to go on behind it."""

    record: Record
    token: str


class Notes(Protocol):
    """What a feed keeps over restarts beside its position."""

    async def notes(self, names: Iterable[str]) -> dict[str, str]:
        """What was noted under these names."""

    async def note(self, notes: Mapping[str, str]) -> None:
        """Keep notes. Returns when they are durable."""


class Places(Protocol):
    """Who remembers for a source how far it is done. Blocking; used by one thread. See `Checkpoint`."""

    def open(self) -> None:
        """Raises `SourceError` when it cannot be used."""

    def places(self) -> dict[Partition, Place]:
        """Where to go on, by partition."""

    def commit(self, places: Mapping[Partition, Place]) -> None:
        """Keep places. Returns when they are durable."""

    def notes(self, names: Iterable[str]) -> dict[str, str]:
        """What was noted under these names."""

    def note(self, notes: Mapping[str, str]) -> None:
        """Keep notes. Returns when they are durable."""

    def close(self) -> None:
        """Let go. May be called when `open` failed, and twice."""


class Feed(Protocol):
    """Where records arrive from.

    Protocol: `open` once, `arrive` again and again from one task, `settle` between, `close` once. `arrive` is
    cancelled only to close the feed.
    """

    @property
    def identity(self) -> str:
        """What tells it from other feeds of the same job, in the checkpoint."""

    async def open(self, places: Mapping[Partition, Place], notes: Notes) -> None:
        """Connect, to go on at these places. Raises `SourceError` when that will never succeed."""

    async def arrive(self) -> list[Arrival] | None:
        """Wait for the next records: in the order of their offsets within a partition. None at the end.

        Raises:
            SourceError: It cannot go on. What passes by itself is waited for.
        """

    def settle(self, partition: Partition, done: Sequence[str]) -> str:
        """The token to go on with when the records with these tokens, and all before them, are done."""

    def lag(self) -> Mapping[Partition, int]:
        """See `Source`."""

    async def close(self) -> None:
        """Let go. May be called when `open` failed, and twice."""


class FeedSource:
    """Reads a feed. See `Source` for the protocol.

    Args:
        feed: What is read.
        state: The checkpoint's file, or somebody else who remembers.
    """

    def __init__(self, feed: Feed, state: Path | Places) -> None:
        self._feed = feed
        self._checkpoint: Places = Checkpoint(state, feed.identity) if isinstance(state, Path) else state
        self._thread = ClientThread("checkpoint")
        self._buffer: deque[Arrival] = deque()
        self._buffered_bytes = 0
        self._handed_over: dict[Partition, deque[tuple[int, str]]] = {}
        self._arriving: asyncio.Task[None] | None = None
        self._moved = asyncio.Event()
        self._room = asyncio.Event()

    async def open(self, revoked: Revoked) -> None:  # noqa: ARG002  (nobody takes a feed away)
        """See `Source`."""
        self._thread.start()
        await self._thread.run(self._checkpoint.open)
        await self._feed.open(await self._thread.run(self._checkpoint.places), self)
        self._arriving = asyncio.create_task(self._arrive(), name="feed")

    async def check(self) -> None:
        """Connect to the feed as if for the first time, and touch no checkpoint: another process may be using it."""
        await self._feed.open({}, _NothingNoted())

    async def poll(self, limit: int, wait: float) -> list[Record] | None:
        """See `Source`."""
        if limit == 0:
            await asyncio.sleep(wait)
            return []
        if not self._buffer and not self._ended:
            self._moved.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._moved.wait()
        if not self._buffer and self._ended:
            self._raise_what_ended_it()
            return None
        return [self._hand_over() for _ in range(min(limit, len(self._buffer)))]

    async def commit(self, positions: Mapping[Partition, int]) -> None:
        """See `Source`."""
        places: dict[Partition, Place] = {}
        for partition, offset in positions.items():
            if done := self._done(partition, offset):
                places[partition] = Place(offset, self._feed.settle(partition, done))
        if places:
            await self._thread.run(lambda: self._checkpoint.commit(places))

    def lag(self) -> Mapping[Partition, int]:
        """See `Source`."""
        return self._feed.lag()

    async def close(self) -> None:
        """See `Source`."""
        if self._arriving is not None:
            self._arriving.cancel()
            await asyncio.gather(self._arriving, return_exceptions=True)
            self._arriving = None
        await self._feed.close()
        if self._thread.running:
            await self._thread.run(self._checkpoint.close)
            await self._thread.stop()

    async def notes(self, names: Iterable[str]) -> dict[str, str]:
        """See `Notes`."""
        return await self._thread.run(lambda: self._checkpoint.notes(names))

    async def note(self, notes: Mapping[str, str]) -> None:
        """See `Notes`."""
        await self._thread.run(lambda: self._checkpoint.note(notes))

    @property
    def _ended(self) -> bool:
        return self._arriving is not None and self._arriving.done()

    def _raise_what_ended_it(self) -> None:
        if self._arriving is not None:
            self._arriving.result()

    async def _arrive(self) -> None:
        try:
            while (arrivals := await self._feed.arrive()) is not None:
                self._buffer += arrivals
                self._buffered_bytes += sum(_size(arrival) for arrival in arrivals)
                self._moved.set()
                while len(self._buffer) >= MAX_BUFFERED_EVENTS or self._buffered_bytes >= MAX_BUFFERED_BYTES:
                    self._room.clear()
                    await self._room.wait()
        finally:
            self._moved.set()

    def _hand_over(self) -> Record:
        arrival = self._buffer.popleft()
        self._buffered_bytes -= _size(arrival)
        self._room.set()
        record = arrival.record
        self._handed_over.setdefault(record.partition, deque()).append((record.offset, arrival.token))
        return record

    def _done(self, partition: Partition, offset: int) -> list[str]:
        queue = self._handed_over.get(partition, deque())
        done: list[str] = []
        while queue and queue[0][0] < offset:
            done.append(queue.popleft()[1])
        return done


async def begin(notes: Notes, since: Moment | None, *, now: int) -> int:
    """Where a feed begins that has no committed place: where its first run began, which may have been killed before.

    Args:
        notes: Of the feed.
        since: What the settings say; None for now.
        now: Milliseconds since the epoch.
    """
    if noted := (await notes.notes([_BEGUN])).get(_BEGUN):
        return int(noted)
    begun = since.milliseconds if since else now
    await notes.note({_BEGUN: str(begun)})
    return begun


def _size(arrival: Arrival) -> int:
    return len(arrival.record.value or b"")


class _NothingNoted:
    """The notes of a feed that is only checked."""

    async def notes(self, names: Iterable[str]) -> dict[str, str]:  # noqa: ARG002  (see `Notes`)
        return {}

    async def note(self, notes: Mapping[str, str]) -> None:
        """Nothing is kept."""
