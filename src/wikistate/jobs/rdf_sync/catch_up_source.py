"""The source of the job: what happens on the wiki, and beside it, for as long as it takes, the walk over all entities.

There is one way to read changes and no other time than the wiki's own: following begins before the walk does and never
stops, so that nothing can lie between the two.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

import structlog

from wikistate.core.events.timestamps import format_timestamp
from wikistate.jobs.rdf_sync.full_scan import SCAN_PARTITION
from wikistate.streaming.record import Partition, Record

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from wikistate.jobs.rdf_sync.checkpoint_marker import CheckpointMarkingSink
    from wikistate.streaming.ports import OnRevoked, Source

    Retention = Callable[[], Awaitable[int | None]]
    """From when on the source still has everything, milliseconds since the epoch; None where it does not say."""

log = structlog.get_logger(__name__)

HEARTBEAT = Partition("rdf-sync.pulse")
"""Its records say nothing but that the source was followed up to then: so that also a store of a quiet wiki is told."""

_OWN_PARTITIONS = {SCAN_PARTITION, HEARTBEAT}


class SourceProgress(Protocol):
    """How far the source was followed."""

    def followed_until(self) -> int:
        """Up to when everything has arrived, milliseconds since the epoch; 0 where that is not known."""

    def observe(self, records: list[Record]) -> None:
        """These were handed over."""


class CatchUpSource:
    """See `Source` for the protocol.

    Args:
        changes: What happens on the wiki.
        scan: All entities; ends.
        sink: Knows where the store stands; open before the source is.
        progress: How far `changes` was followed.
        retention: How far it reaches back.
        adopt: Whether a store that others loaded may be taken over.
        heartbeat_interval: Seconds between two records of `HEARTBEAT`.
    """

    def __init__(
        self,
        changes: Source,
        scan: Source,
        sink: CheckpointMarkingSink,
        progress: SourceProgress,
        *,
        retention: Retention,
        adopt: bool,
        heartbeat_interval: float,
    ) -> None:
        self._changes = changes
        self._scan = scan
        self._sink = sink
        self._progress = progress
        self._retention = retention
        self._adopt = adopt
        self._heartbeat_interval = heartbeat_interval
        self._last_heartbeat = 0.0
        self._reported_until = 0

    async def open(self, on_revoked: OnRevoked) -> None:
        """See `Source`. Raises also as `wikistate.core.updater.startup.judge`."""
        standing = self._sink.decide_startup(retained_since=await self._retention(), adopt=self._adopt)
        await self._changes.open(on_revoked)
        if standing.needs_full_scan:
            log.info("full_scan_started", reason=standing.value)
            await self._scan.open(on_revoked)
            await self._sink.flush()  # marks the store as ours and incomplete, before anything is written into it
        else:
            log.info("full_scan_skipped", until=format_timestamp(self._sink.followed_until))

    async def poll(self, limit: int, wait: float) -> list[Record] | None:
        """See `Source`. What happens comes before what is walked."""
        walking = self._sink.scanning
        until = self._progress.followed_until()
        records = await self._changes.poll(limit, 0.0 if walking else wait)
        if records is None and not walking:
            return None
        found = records or []
        if len(found) < limit:  # all that had arrived by then is handed over
            self._sink.followed_until = max(self._sink.followed_until, until)
        self._progress.observe(found)
        if walking and len(found) < limit:
            found = found + await self._poll_scan(limit - len(found), 0.0 if found else wait)
        return found or self._heartbeat()

    def _heartbeat(self) -> list[Record]:
        """One of `HEARTBEAT` when it is time."""
        now, followed = time.monotonic(), self._sink.followed_until
        if followed <= self._reported_until or now - self._last_heartbeat < self._heartbeat_interval:
            return []
        self._last_heartbeat, self._reported_until = now, followed
        return [Record(None, None, None, HEARTBEAT, followed)]

    async def _poll_scan(self, limit: int, wait: float) -> list[Record]:
        records = await self._scan.poll(limit, wait)
        if records is None:
            self._sink.scanning = False
        return records or []

    async def commit(self, positions: Mapping[Partition, int]) -> None:
        """See `Source`."""
        await self._changes.commit({part: offset for part, offset in positions.items() if part not in _OWN_PARTITIONS})
        await self._scan.commit({part: offset for part, offset in positions.items() if part == SCAN_PARTITION})

    def lag(self) -> Mapping[Partition, int]:
        """See `Source`."""
        return self._changes.lag()

    async def close(self) -> None:
        """See `Source`."""
        await self._changes.close()
        await self._scan.close()
