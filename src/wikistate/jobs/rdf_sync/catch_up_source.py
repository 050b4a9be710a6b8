"""The source of the job: the changes of the wiki and, beside them until it ends, the full scan of all entities.

There is one way to read changes, and the wiki's own time is the only clock. The source follows the changes before the
full scan starts and never stops, so that no change can fall between the two.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

import structlog

from wikistate.core.events.timestamps import format_timestamp
from wikistate.jobs.rdf_sync.full_scan import SCAN_PARTITION
from wikistate.jobs.rdf_sync.retries import RETRY_PARTITION
from wikistate.streaming.record import Partition, Record

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from wikistate.jobs.rdf_sync.checkpoint_marker import CheckpointMarkingSink
    from wikistate.jobs.rdf_sync.sync_state import SyncState
    from wikistate.streaming.ports import OnRevoked, Source

    Retention = Callable[[], Awaitable[int | None]]
    """Returns the time since which the source is complete, milliseconds since the epoch; None if it does not say."""

log = structlog.get_logger(__name__)

HEARTBEAT = Partition("rdf-sync.pulse")
"""Partition of records without content that carry only the time up to which the source was followed.

They cause a checkpoint, so that the store of a quiet wiki states that time too.
"""

_OWN_PARTITIONS = {SCAN_PARTITION, HEARTBEAT, RETRY_PARTITION}


class SourceProgress(Protocol):
    """Time up to which the source was followed."""

    def followed_until(self) -> int:
        """Return the time up to which everything has arrived, milliseconds since the epoch; 0 if it is unknown."""

    def observe(self, records: list[Record]) -> None:
        """Note records that the source has returned."""


class CatchUpSource:
    """See `Source` for the protocol.

    Args:
        changes: Source of the changes of the wiki.
        scan: Source of all entities; it ends.
        sink: Change sink, which decides the startup mode; opened before the source.
        progress: Time up to which `changes` was followed.
        state: Progress of the run.
        retention: Returns the time since which `changes` is complete.
        adopt: Whether the job may take over a store that another program loaded.
        heartbeat_interval: Seconds between two records of `HEARTBEAT`.
        clock: Returns seconds since the epoch.
    """

    def __init__(
        self,
        changes: Source,
        scan: Source,
        sink: CheckpointMarkingSink,
        progress: SourceProgress,
        *,
        state: SyncState,
        retention: Retention,
        adopt: bool,
        heartbeat_interval: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._changes = changes
        self._scan = scan
        self._sink = sink
        self._progress = progress
        self._state = state
        self._retention = retention
        self._adopt = adopt
        self._heartbeat_interval = heartbeat_interval
        self._clock = clock
        self._last_heartbeat = 0.0
        self._reported_until = 0

    async def open(self, on_revoked: OnRevoked) -> None:
        """See `Source`. Raises also the errors of `CheckpointMarkingSink.decide_startup`."""
        mode = self._sink.decide_startup(retained_since=await self._retention(), adopt=self._adopt)
        await self._changes.open(on_revoked)
        if mode.needs_full_scan:
            log.info("full_scan_started", reason=mode.value)
            await self._scan.open(on_revoked)
            await self._sink.flush()  # marks the store as ours and incomplete, before anything is written into it
        else:
            log.info("full_scan_skipped", until=format_timestamp(self._state.followed_until))

    async def poll(self, limit: int, wait: float) -> list[Record] | None:
        """See `Source`. Changes come before entities of the full scan."""
        scanning = self._state.scanning
        until = self._progress.followed_until()
        records = await self._changes.poll(limit, 0.0 if scanning else wait)
        if records is None and not scanning:
            return None
        found = records or []
        if len(found) < limit:  # everything that had arrived by then is returned
            self._state.follow(until)
        self._progress.observe(found)
        if scanning and len(found) < limit:
            found = found + await self._poll_scan(limit - len(found), 0.0 if found else wait)
        found = found + self._retry(limit - len(found))
        return found or self._heartbeat()

    def _retry(self, limit: int) -> list[Record]:
        """Return records of entities that could not be fetched and are due."""
        now = int(self._clock() * 1000)
        due = self._state.retries.take_due(now, limit)
        return [Record(entity.encode(), None, None, RETRY_PARTITION, now) for entity in due]

    def _heartbeat(self) -> list[Record]:
        """Return a record of `HEARTBEAT` when it is due."""
        now, followed = time.monotonic(), self._state.followed_until
        if followed <= self._reported_until or now - self._last_heartbeat < self._heartbeat_interval:
            return []
        self._last_heartbeat, self._reported_until = now, followed
        return [Record(None, None, None, HEARTBEAT, followed)]

    async def _poll_scan(self, limit: int, wait: float) -> list[Record]:
        records = await self._scan.poll(limit, wait)
        if records is None:
            self._state.finish_scan()
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
