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

from wikistate.adapters.connectors.checkpoint import Checkpoint, ResumePosition
from wikistate.adapters.connectors.client_thread import ClientThread

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from wikistate.adapters.connectors.start_stop import Moment
    from wikistate.streaming.ports import OnRevoked
    from wikistate.streaming.record import Partition, Record

MAX_BUFFERED_EVENTS = 1000
"""Records that arrived and were not yet polled; beyond it, or beyond the next, nothing is taken from the feed."""

_BEGIN_KEY = "begun"
"""The note that says where the first run began."""

MAX_BUFFERED_BYTES = 32 * 1024 * 1024


class FeedRecord(NamedTuple):
    """A record, and what its feed needs to know to go on behind it."""

    record: Record
    token: str


class Metadata(Protocol):
    """What a feed keeps over restarts beside its position."""

    async def load_metadata(self, names: Iterable[str]) -> dict[str, str]:
        """What was noted under these names."""

    async def save_metadata(self, values: Mapping[str, str]) -> None:
        """Keep notes. Returns when they are durable."""


class PositionStore(Protocol):
    """Who remembers for a source how far it is done. Blocking; used by one thread. See `Checkpoint`."""

    def open(self) -> None:
        """Raises `SourceError` when it cannot be used."""

    def load_positions(self) -> dict[Partition, ResumePosition]:
        """Where to go on, by partition."""

    def commit(self, positions: Mapping[Partition, ResumePosition]) -> None:
        """Keep places. Returns when they are durable."""

    def load_metadata(self, names: Iterable[str]) -> dict[str, str]:
        """What was noted under these names."""

    def save_metadata(self, values: Mapping[str, str]) -> None:
        """Keep notes. Returns when they are durable."""

    def close(self) -> None:
        """Let go. May be called when `open` failed, and twice."""


class Feed(Protocol):
    """Where records arrive from.

    Protocol: `open` once, `receive` again and again from one task, `token_after` between, `close` once. `receive` is
    cancelled only to close the feed.
    """

    @property
    def identity(self) -> str:
        """What tells it from other feeds of the same job, in the checkpoint."""

    async def open(self, positions: Mapping[Partition, ResumePosition], metadata: Metadata) -> None:
        """Connect, to go on at these places. Raises `SourceError` when that will never succeed."""

    async def receive(self) -> list[FeedRecord] | None:
        """Wait for the next records: in the order of their offsets within a partition. None at the end.

        Raises:
            SourceError: It cannot go on. What passes by itself is waited for.
        """

    def token_after(self, partition: Partition, done: Sequence[str]) -> str:
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

    def __init__(self, feed: Feed, state: Path | PositionStore) -> None:
        self._feed = feed
        self._checkpoint: PositionStore = Checkpoint(state, feed.identity) if isinstance(state, Path) else state
        self._thread = ClientThread("checkpoint")
        self._buffer: deque[FeedRecord] = deque()
        self._buffered_bytes = 0
        self._handed_over: dict[Partition, deque[tuple[int, str]]] = {}
        self._receiving: asyncio.Task[None] | None = None
        self._progressed = asyncio.Event()
        self._space_available = asyncio.Event()

    async def open(self, on_revoked: OnRevoked) -> None:  # noqa: ARG002  (nobody takes a feed away)
        """See `Source`."""
        self._thread.start()
        await self._thread.run(self._checkpoint.open)
        await self._feed.open(await self._thread.run(self._checkpoint.load_positions), self)
        self._receiving = asyncio.create_task(self._receive_all(), name="feed")

    async def check(self) -> None:
        """Connect to the feed as if for the first time, and touch no checkpoint: another process may be using it."""
        await self._feed.open({}, _NoMetadata())

    async def poll(self, limit: int, wait: float) -> list[Record] | None:
        """See `Source`."""
        if limit == 0:
            await asyncio.sleep(wait)
            return []
        if not self._buffer and not self._ended:
            self._progressed.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._progressed.wait()
        if not self._buffer and self._ended:
            self._raise_failure()
            return None
        return [self._pop_record() for _ in range(min(limit, len(self._buffer)))]

    async def commit(self, positions: Mapping[Partition, int]) -> None:
        """See `Source`."""
        places: dict[Partition, ResumePosition] = {}
        for partition, offset in positions.items():
            if done := self._pop_done_tokens(partition, offset):
                places[partition] = ResumePosition(offset, self._feed.token_after(partition, done))
        if places:
            await self._thread.run(lambda: self._checkpoint.commit(places))

    def lag(self) -> Mapping[Partition, int]:
        """See `Source`."""
        return self._feed.lag()

    async def close(self) -> None:
        """See `Source`."""
        if self._receiving is not None:
            self._receiving.cancel()
            await asyncio.gather(self._receiving, return_exceptions=True)
            self._receiving = None
        await self._feed.close()
        if self._thread.is_running:
            await self._thread.run(self._checkpoint.close)
            await self._thread.stop()

    async def load_metadata(self, names: Iterable[str]) -> dict[str, str]:
        """See `Metadata`."""
        return await self._thread.run(lambda: self._checkpoint.load_metadata(names))

    async def save_metadata(self, values: Mapping[str, str]) -> None:
        """See `Metadata`."""
        await self._thread.run(lambda: self._checkpoint.save_metadata(values))

    @property
    def _ended(self) -> bool:
        return self._receiving is not None and self._receiving.done()

    def _raise_failure(self) -> None:
        if self._receiving is not None:
            self._receiving.result()

    async def _receive_all(self) -> None:
        try:
            while (arrivals := await self._feed.receive()) is not None:
                self._buffer += arrivals
                self._buffered_bytes += sum(_record_size(arrival) for arrival in arrivals)
                self._progressed.set()
                while len(self._buffer) >= MAX_BUFFERED_EVENTS or self._buffered_bytes >= MAX_BUFFERED_BYTES:
                    self._space_available.clear()
                    await self._space_available.wait()
        finally:
            self._progressed.set()

    def _pop_record(self) -> Record:
        arrival = self._buffer.popleft()
        self._buffered_bytes -= _record_size(arrival)
        self._space_available.set()
        record = arrival.record
        self._handed_over.setdefault(record.partition, deque()).append((record.offset, arrival.token))
        return record

    def _pop_done_tokens(self, partition: Partition, offset: int) -> list[str]:
        queue = self._handed_over.get(partition, deque())
        done: list[str] = []
        while queue and queue[0][0] < offset:
            done.append(queue.popleft()[1])
        return done


async def resolve_begin(metadata: Metadata, since: Moment | None, *, now: int) -> int:
    """Where a feed begins that has no committed place: where its first run began, which may have been killed before.

    Args:
        metadata: Of the feed.
        since: What the settings say; None for now.
        now: Milliseconds since the epoch.
    """
    if noted := (await metadata.load_metadata([_BEGIN_KEY])).get(_BEGIN_KEY):
        return int(noted)
    begun = since.milliseconds if since else now
    await metadata.save_metadata({_BEGIN_KEY: str(begun)})
    return begun


def _record_size(arrival: FeedRecord) -> int:
    return len(arrival.record.value or b"")


class _NoMetadata:
    """The notes of a feed that is only checked."""

    async def load_metadata(self, names: Iterable[str]) -> dict[str, str]:  # noqa: ARG002  (see `Metadata`)
        return {}

    async def save_metadata(self, values: Mapping[str, str]) -> None:
        """Nothing is kept."""
