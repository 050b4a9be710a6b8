"""A source over a feed. The server sends the records of a feed without being polled, and a token resumes it.

A feed (`eventstreams`, `recent_changes`) implements its protocol. This module implements the port for all feeds: polls
that wait and may be cancelled, a bounded buffer, positions in a checkpoint.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

import structlog

from wikistate.adapters.connectors.checkpoint import Checkpoint, ResumePosition
from wikistate.adapters.connectors.client_thread import ClientThread
from wikistate.adapters.connectors.saved_values import read_saved_integer
from wikistate.core.events.timestamps import format_timestamp

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from wikistate.adapters.connectors.start_stop import Moment
    from wikistate.streaming.ports import OnRevoked
    from wikistate.streaming.record import Partition, Record

log = structlog.get_logger(__name__)

MAX_BUFFERED_EVENTS = 1000
"""Records that were received and not yet polled. The feed waits above this number or above `MAX_BUFFERED_BYTES`."""

_BEGIN_KEY = "begun"
"""The name of the metadata that holds the start of the first run."""

MAX_BUFFERED_BYTES = 32 * 1024 * 1024


class FeedRecord(NamedTuple):
    """A record, and the token with which its feed resumes after it."""

    record: Record
    token: str


class Metadata(Protocol):
    """The data that a feed stores over restarts in addition to its position."""

    async def load_metadata(self, names: Iterable[str]) -> dict[str, str]:
        """Return the values with these names; names without a value are left out."""

    async def save_metadata(self, values: Mapping[str, str]) -> None:
        """Store values. Returns when they are durable."""


class PositionStore(Protocol):
    """The storage of the positions of a source. Blocking; used by one thread. See `Checkpoint`."""

    def open(self) -> None:
        """Open it. Raises `SourceError` if it cannot be used."""

    def load_positions(self) -> dict[Partition, ResumePosition]:
        """Return the positions at which to resume, by partition."""

    def commit(self, positions: Mapping[Partition, ResumePosition]) -> None:
        """Store positions. Returns when they are durable."""

    def load_metadata(self, names: Iterable[str]) -> dict[str, str]:
        """Return the values with these names; names without a value are left out."""

    def save_metadata(self, values: Mapping[str, str]) -> None:
        """Store values. Returns when they are durable."""

    def close(self) -> None:
        """Release it. May be called when `open` failed, and twice."""


class Feed(Protocol):
    """A server that sends records.

    Protocol: `open` once, `receive` repeatedly from one task, `token_after` between, `close` once. `receive` is
    cancelled only to close the feed.
    """

    @property
    def identity(self) -> str:
        """The identity among the feeds of the same job, in the checkpoint."""

    async def open(self, positions: Mapping[Partition, ResumePosition], metadata: Metadata) -> None:
        """Connect, and resume at these positions. Raises `SourceError` if that will never succeed."""

    async def receive(self) -> list[FeedRecord] | None:
        """Return the next records, in the order of their offsets within a partition, as soon as there are any; None at the end.

        Raises:
            SourceError: It cannot continue. Temporary failures are retried.
        """

    def token_after(self, partition: Partition, done: Sequence[str]) -> str:
        """Return the resume token after the records with these tokens and all records before them are done."""

    def lag(self) -> Mapping[Partition, int]:
        """See `Source`."""

    async def close(self) -> None:
        """Release it. May be called when `open` failed, and twice."""


class FeedSource:
    """A source that reads a feed. See `Source` for the protocol.

    Args:
        feed: The feed.
        state: The file of the checkpoint, or another storage of positions.
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

    async def open(self, on_revoked: OnRevoked) -> None:  # noqa: ARG002  (a feed has no rebalances)
        """See `Source`."""
        self._thread.start()
        await self._thread.run(self._checkpoint.open)
        await self._feed.open(await self._thread.run(self._checkpoint.load_positions), self)
        self._receiving = asyncio.create_task(self._receive_all(), name="feed")

    async def check(self) -> None:
        """Connect to the feed as in a first run, without the checkpoint: another process may be using it."""
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
        resume_positions: dict[Partition, ResumePosition] = {}
        for partition, offset in positions.items():
            if done := self._pop_done_tokens(partition, offset):
                resume_positions[partition] = ResumePosition(offset, self._feed.token_after(partition, done))
        if resume_positions:
            await self._thread.run(lambda: self._checkpoint.commit(resume_positions))

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


def report_ignored_since(reader: str, position: str, since: Moment | None) -> None:
    """Log that a stored position takes precedence over the start in the settings, if there is one.

    Args:
        reader: Name of the feed for people, at the beginning of a sentence.
        position: The position at which it resumes.
        since: The start in the settings.
    """
    if since is not None:
        start = f"since={format_timestamp(since.milliseconds)}"
        remedy = "a first run: name an empty folder with --state"
        log.info("start_ignored", reader=reader, position=position, start=start, remedy=remedy)


async def resolve_begin(metadata: Metadata, since: Moment | None, *, now: int, reader: str = "") -> int:
    """Return the start of a feed without a committed position: the start of its first run, which a crash may have ended.

    Args:
        metadata: The metadata of the feed.
        since: The start in the settings; None for now.
        now: Milliseconds since the epoch.
        reader: Name of the feed, to log that the stored start takes precedence; empty to log nothing.

    Raises:
        StateError: The stored start is damaged.
    """
    if stored := (await metadata.load_metadata([_BEGIN_KEY])).get(_BEGIN_KEY):
        begin = read_saved_integer("start of the first run", stored)
        if reader and since is not None and since.milliseconds != begin:
            report_ignored_since(reader, format_timestamp(begin), since)
        return begin
    begin = since.milliseconds if since else now
    await metadata.save_metadata({_BEGIN_KEY: str(begin)})
    return begin


def _record_size(arrival: FeedRecord) -> int:
    return len(arrival.record.value or b"") + len(arrival.token)


class _NoMetadata:
    """The metadata of a feed that is only checked."""

    async def load_metadata(self, names: Iterable[str]) -> dict[str, str]:  # noqa: ARG002  (see `Metadata`)
        return {}

    async def save_metadata(self, values: Mapping[str, str]) -> None:
        """Store nothing."""
