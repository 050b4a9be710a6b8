"""Emptying an error stream: looking at it first, then reading the events that failed out of it for a job.

What a replay reads ends where the error stream ended when it was looked at, so that what fails again is never read by
the replay that wrote it. Positions are those of a reader of its own, so the next replay begins behind this one.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wikistate.core.events.replay import ReplayFilter, ReplayStatus
from wikistate.wiring.connectors import make_source

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wikistate.streaming.ports import OnRevoked, Source
    from wikistate.streaming.record import Partition, Record
    from wikistate.wiring.endpoints import SourceEndpoint

DEFAULT_GROUP = "wikistate-replay"
"""The consumer group of replays, unless the operator names another."""

_POLL_RECORDS = 500
_POLL_SECONDS = 1.0


@dataclass(slots=True)
class Survey:
    """What a replay would find.

    Attributes:
        counts: Records by error type and fate.
        end_offsets: Where the replay of each partition ends.
    """

    counts: Counter[tuple[str, ReplayStatus]] = field(default_factory=Counter)
    end_offsets: dict[Partition, int] = field(default_factory=dict)

    @property
    def selected_count(self) -> int:
        """How many events are to be done again."""
        return sum(count for (_, fate), count in self.counts.items() if fate is ReplayStatus.REPLAYED)


def resolve_error_stream(end: SourceEndpoint, replay_filter: ReplayFilter, *, group: str = "") -> SourceEndpoint:
    """An error stream as the source of a replay: from where the last such replay ended up to where it ends now.

    Positions belong to the choice: a replay of one error type passes over all others, and they are still to be found
    by a replay of another choice.

    Args:
        end: Where the error stream is.
        replay_filter: What is replayed of it.
        group: The consumer group; by default one for all replays with the same choice.

    Raises:
        ConfigError: It can be read only once.
    """
    return end.for_replay(_digest_filter(replay_filter), group=group)


def _digest_filter(choice: ReplayFilter) -> str:
    if choice == ReplayFilter():
        return ""
    text = repr((sorted(choice.types), choice.since, choice.until))
    return f"-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


async def survey_error_stream(end: SourceEndpoint, replay_filter: ReplayFilter, *, limit: int | None) -> Survey:
    """Look at an error stream; nothing is committed.

    Args:
        end: From `resolve_error_stream`.
        replay_filter: What is to be done again.
        limit: Stop looking when so many are found.

    Raises:
        WikistateError: It cannot be read.
    """
    found, chosen = Survey(), 0
    source = make_source(end)
    try:
        await source.open(_ignore_revocation)
        while (records := await source.poll(_POLL_RECORDS, _POLL_SECONDS)) is not None:
            for record in records:
                failed = replay_filter.classify(record.value)
                found.counts[failed.error_type, failed.status] += 1
                found.end_offsets[record.partition] = record.offset + 1
                chosen += failed.status is ReplayStatus.REPLAYED
                if chosen == limit:
                    return found
    finally:
        await source.close()
    return found


async def _ignore_revocation(partitions: object) -> None:
    """Nothing is in flight while one only looks."""


class ReplaySource:
    """The events that failed, as if they came from their own stream. See `Source` for the protocol.

    A record keeps the place of its error event, so committing it says that the error event is dealt with.

    Args:
        source: The error stream.
        replay_filter: Which of them.
        end_offsets: Where each partition ends; others are not read.
    """

    def __init__(self, source: Source, replay_filter: ReplayFilter, end_offsets: Mapping[Partition, int]) -> None:
        self._source = source
        self._filter = replay_filter
        self._end_offsets = end_offsets
        self._remaining = {partition for partition, end in end_offsets.items() if end > 0}

    async def open(self, on_revoked: OnRevoked) -> None:
        """See `Source`."""
        await self._source.open(on_revoked)

    async def poll(self, limit: int, wait: float) -> list[Record] | None:
        """See `Source`."""
        if not self._remaining:
            return None
        records = await self._source.poll(limit, wait)
        if records is None:
            return None
        for record in records:
            if record.offset + 1 >= self._end_offsets.get(record.partition, 0):
                self._remaining.discard(record.partition)
        return [again for record in records if (again := self._restore(record)) is not None]

    def _restore(self, record: Record) -> Record | None:
        if record.offset >= self._end_offsets.get(record.partition, 0):
            return None
        failed = self._filter.classify(record.value)
        return record._replace(value=failed.raw, key=None) if failed.status is ReplayStatus.REPLAYED else None

    async def commit(self, positions: Mapping[Partition, int]) -> None:
        """See `Source`."""
        await self._source.commit(positions)

    def lag(self) -> Mapping[Partition, int]:
        """See `Source`."""
        return self._source.lag()

    async def close(self) -> None:
        """See `Source`."""
        await self._source.close()
