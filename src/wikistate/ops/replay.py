"""Replay of an error stream: a survey counts its error events, and a source reads their original events for a job.

A replay ends at the offsets at which the error stream ended during the survey, so that it never reads error events that it
has written itself. A replay has its own consumer positions, so that the next one starts after them.
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
"""Default consumer group of replays."""

_POLL_RECORDS = 500
_POLL_SECONDS = 1.0


@dataclass(slots=True)
class Survey:
    """Result of reading an error stream before its replay.

    Attributes:
        counts: Number of records by error type and status.
        end_offsets: Offset at which the replay of each partition ends.
    """

    counts: Counter[tuple[str, ReplayStatus]] = field(default_factory=Counter)
    end_offsets: dict[Partition, int] = field(default_factory=dict)

    @property
    def selected_count(self) -> int:
        """Number of events to replay."""
        return sum(count for (_, status), count in self.counts.items() if status is ReplayStatus.REPLAYED)


def resolve_error_stream(endpoint: SourceEndpoint, replay_filter: ReplayFilter, *, group: str = "") -> SourceEndpoint:
    """Return an error stream as the endpoint of a replay: from the end of the last such replay to the current end.

    Positions belong to the filter: a replay of one error type skips all others, and a replay with another filter still
    reads them.

    Args:
        endpoint: Endpoint of the error stream.
        replay_filter: Filter of the error events to replay.
        group: Consumer group; by default one for all replays with the same filter.

    Raises:
        ConfigError: The endpoint is not a topic or file, or can be read only once.
    """
    return endpoint.for_replay(_digest_filter(replay_filter), group=group)


def _digest_filter(replay_filter: ReplayFilter) -> str:
    if replay_filter == ReplayFilter():
        return ""
    text = repr((sorted(replay_filter.types), replay_filter.since, replay_filter.until))
    return f"-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


async def survey_error_stream(endpoint: SourceEndpoint, replay_filter: ReplayFilter, *, limit: int | None) -> Survey:
    """Read an error stream and count its error events; nothing is committed.

    Args:
        endpoint: Result of `resolve_error_stream`.
        replay_filter: Filter of the error events to replay.
        limit: Number of events to replay after which reading stops; None for no limit.

    Raises:
        WikistateError: The error stream cannot be read.
    """
    survey, selected = Survey(), 0
    source = make_source(endpoint)
    try:
        await source.open(_ignore_revocation)
        while (records := await source.poll(_POLL_RECORDS, _POLL_SECONDS)) is not None:
            for record in records:
                failed = replay_filter.classify(record.value)
                survey.counts[failed.error_type, failed.status] += 1
                survey.end_offsets[record.partition] = record.offset + 1
                selected += failed.status is ReplayStatus.REPLAYED
                if selected == limit:
                    return survey
    finally:
        await source.close()
    return survey


async def _ignore_revocation(partitions: object) -> None:
    """Ignore the revocation, because a survey has no events in flight."""


class ReplaySource:
    """Original events of an error stream, as if they came from their stream. See `Source` for the protocol.

    A record has the position of its error event, so that its commit marks the error event as replayed.

    Args:
        source: Source of the error stream.
        replay_filter: Filter of the error events to replay.
        end_offsets: Offset at which each partition ends; other partitions are not read.
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
        return [restored for record in records if (restored := self._restore(record)) is not None]

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
