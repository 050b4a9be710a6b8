"""The source of the job: what happens on the wiki, and beside it, for as long as it takes, the walk over all entities.

There is one way to read changes and no other time than the wiki's own: following begins before the walk does and never
stops, so that nothing can lie between the two.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

import structlog

from wikistate.core.events.timestamps import format_timestamp
from wikistate.core.record import Partition, Record
from wikistate.jobs.rdf_sync.walking import WALK

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from wikistate.adapters.connectors.ports import Revoked, Source
    from wikistate.jobs.rdf_sync.marking import MarkingOutlet

    Reach = Callable[[], Awaitable[int | None]]
    """From when on the source still has everything, milliseconds since the epoch; None where it does not say."""

log = structlog.get_logger(__name__)

PULSE = Partition("rdf-sync.pulse")
"""Its records say nothing but that the source was followed up to then: so that also a store of a quiet wiki is told."""

_OURS = {WALK, PULSE}


class Following(Protocol):
    """How far the source was followed."""

    def until(self) -> int:
        """Up to when everything has arrived, milliseconds since the epoch; 0 where that is not known."""

    def read(self, records: list[Record]) -> None:
        """These were handed over."""


class CatchingUpSource:
    """See `Source` for the protocol.

    Args:
        follow: What happens on the wiki.
        walk: All entities; ends.
        outlet: Knows where the store stands; open before the source is.
        following: How far `follow` was followed.
        reach: How far it reaches back.
        adopt: Whether a store that others loaded may be taken over.
        pulse: Seconds between two records of `PULSE`.
    """

    def __init__(
        self,
        follow: Source,
        walk: Source,
        outlet: MarkingOutlet,
        following: Following,
        *,
        reach: Reach,
        adopt: bool,
        pulse: float,
    ) -> None:
        self._follow = follow
        self._walk = walk
        self._outlet = outlet
        self._following = following
        self._reach = reach
        self._adopt = adopt
        self._pulse = pulse
        self._pulsed = 0.0
        self._told = 0

    async def open(self, revoked: Revoked) -> None:
        """See `Source`. Raises also as `wikistate.jobs.rdf_sync.standing.judge`."""
        standing = self._outlet.compare(reach=await self._reach(), adopt=self._adopt)
        await self._follow.open(revoked)
        if standing.walks:
            log.info("full_scan_started", reason=standing.value)
            await self._walk.open(revoked)
            await self._outlet.flush()  # marks the store as ours and incomplete, before anything is written into it
        else:
            log.info("full_scan_skipped", until=format_timestamp(self._outlet.followed))

    async def poll(self, limit: int, wait: float) -> list[Record] | None:
        """See `Source`. What happens comes before what is walked."""
        walking = self._outlet.walking
        until = self._following.until()
        records = await self._follow.poll(limit, 0.0 if walking else wait)
        if records is None and not walking:
            return None
        found = records or []
        if len(found) < limit:  # all that had arrived by then is handed over
            self._outlet.followed = max(self._outlet.followed, until)
        self._following.read(found)
        if walking and len(found) < limit:
            found = found + await self._walked(limit - len(found), 0.0 if found else wait)
        return found or self._beat()

    def _beat(self) -> list[Record]:
        """One of `PULSE` when it is time."""
        now, followed = time.monotonic(), self._outlet.followed
        if followed <= self._told or now - self._pulsed < self._pulse:
            return []
        self._pulsed, self._told = now, followed
        return [Record(None, None, None, PULSE, followed)]

    async def _walked(self, limit: int, wait: float) -> list[Record]:
        records = await self._walk.poll(limit, wait)
        if records is None:
            self._outlet.walking = False
        return records or []

    async def commit(self, positions: Mapping[Partition, int]) -> None:
        """See `Source`."""
        await self._follow.commit({part: offset for part, offset in positions.items() if part not in _OURS})
        await self._walk.commit({part: offset for part, offset in positions.items() if part == WALK})

    def lag(self) -> Mapping[Partition, int]:
        """See `Source`."""
        return self._follow.lag()

    async def close(self) -> None:
        """See `Source`."""
        await self._follow.close()
        await self._walk.close()
