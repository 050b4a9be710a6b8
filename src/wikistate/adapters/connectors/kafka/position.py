"""The positions of a consumer in its assigned partitions: their start, their end, and the remaining records.

Used on the thread of the consumer only.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar, assert_never

import structlog
from confluent_kafka import OFFSET_BEGINNING, KafkaException, TopicPartition

from wikistate.adapters.connectors.kafka.errors import REBALANCED, is_transient
from wikistate.adapters.connectors.start_stop import Bound, Committed, LatestAtStart, Moment, Offsets
from wikistate.errors import SourceError
from wikistate.streaming.record import Partition

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from confluent_kafka import Consumer

    from wikistate.adapters.connectors.kafka.settings import KafkaSourceSettings
    from wikistate.streaming.ports import ResumePositions

log = structlog.get_logger(__name__)

T = TypeVar("T")

_CALL_TIMEOUT = 10.0  # seconds for one request to the cluster
_RETRY_TIMEOUT = 120.0  # seconds until a request with retries counts as failed
_RETRY_INTERVAL = 0.2  # seconds between two retries
_SHOWN_PARTITIONS = 8  # in a log line


class OffsetTracker:
    """The offsets of `Start` and `End` in each partition, and the commits.

    Args:
        consumer: The consumer of the partitions.
        settings: The start and the end.
        resume: The offsets that a sink or a checkpoint stores.
    """

    def __init__(
        self, consumer: Consumer, settings: KafkaSourceSettings, *, resume: ResumePositions | None = None
    ) -> None:
        self._consumer = consumer
        self._settings = settings
        self._resume = resume or (dict[Partition, int])
        self._known: frozenset[tuple[str, int]] = frozenset()
        self._started: set[tuple[str, int]] = set()
        self.ends: dict[tuple[str, int], int] | None = None
        """The offsets at which a bounded source ends; None for an unbounded source."""
        self.closing = False
        """Whether the source is closing, set by any thread: requests are not retried any more."""

    def fetch(self, partitions: Sequence[tuple[str, int]]) -> None:
        """Record the partitions that exist when the source opens, and the offsets at which a bounded source ends."""
        self._known = frozenset(partitions)
        if self._settings.end is not None:
            self.ends = {partition: self._end(partition) for partition in partitions}

    def start_offsets(self, partitions: Sequence[TopicPartition]) -> list[TopicPartition]:
        """Return the partitions with their start offsets."""
        kept = self._resume()
        given = {part: kept.get(Partition(part.topic, part.partition)) for part in partitions}
        resumed = [TopicPartition(part.topic, part.partition, at) for part, at in given.items() if at is not None]
        if self._settings.partitions:
            self._require_available(resumed)
        found = [*resumed, *self._configured_starts([part for part, at in given.items() if at is None])]
        self._started.update((part.topic, part.partition) for part in partitions)
        return found

    def _configured_starts(self, partitions: Sequence[TopicPartition]) -> list[TopicPartition]:
        """Return the partitions with the start offsets of the settings."""
        start = self._settings.start
        if isinstance(start, Committed) and self._settings.partitions:
            newest = self._newest_offsets(partitions) if start.otherwise is Bound.LATEST else {}
            return [self._start_or_newest(part, newest) for part in partitions]
        if isinstance(start, Committed):
            return self._committed_starts(partitions, start.otherwise)
        forced = [part for part in partitions if (part.topic, part.partition) not in self._started]
        continued = [part for part in partitions if part not in forced]
        return [*self._forced_starts(forced, start), *self._committed_starts(continued, Bound.EARLIEST)]

    def _forced_starts(self, partitions: Sequence[TopicPartition], start: Moment | Offsets) -> list[TopicPartition]:
        match start:
            case Moment(milliseconds):
                return self._offsets_at_time(partitions, milliseconds)
            case Offsets():
                offsets = [(part, start.get(part.topic, part.partition)) for part in partitions]
                return [
                    TopicPartition(part.topic, part.partition, OFFSET_BEGINNING if offset is None else offset)
                    for part, offset in offsets
                ]
            case _:
                assert_never(start)

    def commit(self, offsets: list[TopicPartition]) -> None:
        """Commit and wait for the response.

        A rebalance during the commit is not a failure: the next owner of the partitions starts at the last successful
        commit and repeats the uncommitted records.

        Raises:
            KafkaException: The commit failed repeatedly for another reason.
        """
        try:
            self._retry_transient(lambda: self._commit_once(offsets))
        except KafkaException as error:
            if error.args[0].code() not in REBALANCED:
                raise
            log.warning("commit_rejected", reason=error.args[0].str())

    def reset_out_of_range(self, partition: TopicPartition) -> None:
        """Continue at the oldest record: the requested record was deleted (retention), or never existed.

        Raises:
            SourceError: A single reader reads the partitions, which must not miss a record.
        """
        if self._settings.partitions:
            self._require_available([partition])
        log.error(
            "offset_out_of_range",
            topic=partition.topic,
            partition=partition.partition,
            offset=partition.offset,
            hint="Records in between were deleted before they were read: replay them from another copy.",
        )
        # No seek: librdkafka has stopped fetching the partition, and refuses one.
        self._consumer.incremental_unassign([partition])
        self._consumer.incremental_assign([TopicPartition(partition.topic, partition.partition, OFFSET_BEGINNING)])

    def _require_available(self, resumed: Sequence[TopicPartition]) -> None:
        for part in resumed:
            oldest, end = self._watermarks(part)
            if not oldest <= part.offset <= end:
                raise SourceError(
                    f"The store is at the offset {part.offset} of {part.topic}/{part.partition}, which holds {oldest} to {end}.",
                    hint="Records were deleted before they were read: load the store again."
                    if part.offset < oldest
                    else "The store was filled from another topic of this name, or the topic was created again: load the store again.",
                    topic=part.topic,
                    offset=part.offset,
                )

    def remaining(self, partitions: Sequence[TopicPartition]) -> dict[tuple[str, int], int]:
        """Return the number of records from the position to the newest record or to the end of the source.

        The numbers are those of the last fetch.
        """
        left = {}
        for at in self._consumer.position(list(partitions)) if partitions else ():
            _, high = self._consumer.get_watermark_offsets(at, cached=True)
            if at.offset >= 0 and high >= 0:
                end = high if self.ends is None else min(high, self.ends.get((at.topic, at.partition), 0))
                left[at.topic, at.partition] = max(0, end - at.offset)
        return left

    def _committed_starts(self, partitions: Sequence[TopicPartition], otherwise: Bound) -> list[TopicPartition]:
        if not partitions:
            return []
        asked = self._retry_transient(lambda: self._consumer.committed(list(partitions), _CALL_TIMEOUT))
        self._report_ignored_start([part for part in asked if part.offset > 0])
        fresh = [part for part in asked if part.offset < 0]
        newest = self._newest_offsets(fresh) if otherwise is Bound.LATEST else {}
        placed = [self._start_or_newest(part, newest) for part in asked]
        at_end = [part for part in placed if (part.topic, part.partition) in newest]
        self._commit_latest(at_end)
        if skipped := [part for part in at_end if part.offset > 0]:
            log.info("group_begins_at_end", group=self._settings.group, position=_format_offsets(skipped))
        return placed

    def _report_ignored_start(self, resumed: Sequence[TopicPartition]) -> None:
        """Log that the offsets of the group take precedence over ``start=earliest``, once for each partition."""
        first = [part for part in resumed if (part.topic, part.partition) not in self._started]
        is_named = self._settings.reports_ignored_start and self._settings.start == Committed(Bound.EARLIEST)
        if first and is_named:
            log.info(
                "start_ignored",
                reader=f"The group {self._settings.group}",
                position=_format_offsets(first),
                start="start=earliest",
                remedy="new groups: add group=NEW",
            )

    def _newest_offsets(self, fresh: Sequence[TopicPartition]) -> dict[tuple[str, int], int]:
        # A partition that was added later is read from its beginning: its first records are new.
        known = [part for part in fresh if (part.topic, part.partition) in self._known]
        return {(part.topic, part.partition): self._watermarks(part)[1] for part in known}

    def _start_or_newest(self, part: TopicPartition, newest: dict[tuple[str, int], int]) -> TopicPartition:
        offset = part.offset if part.offset >= 0 else newest.get((part.topic, part.partition), OFFSET_BEGINNING)
        return TopicPartition(part.topic, part.partition, offset)

    def _commit_latest(self, placed: list[TopicPartition]) -> None:
        """Commit the offset of "latest": after a crash before the first commit it would be later, and records would be lost."""
        if placed:
            self.commit(placed)

    def _offsets_at_time(self, partitions: Sequence[TopicPartition], milliseconds: int) -> list[TopicPartition]:
        if not partitions:
            return []
        asked = [TopicPartition(part.topic, part.partition, milliseconds) for part in partitions]
        found = self._retry_transient(lambda: self._consumer.offsets_for_times(asked, _CALL_TIMEOUT))
        return [part if part.offset >= 0 else self._end_of_partition(part) for part in found]

    def _end_of_partition(self, part: TopicPartition) -> TopicPartition:
        """Return the end of a partition: all its records are older than the time of the start."""
        return TopicPartition(part.topic, part.partition, self._watermarks(part)[1])

    def _end(self, partition: tuple[str, int]) -> int:
        end = self._settings.end
        match end:
            case Offsets() if (offset := end.get(*partition)) is not None:
                return offset
            case Moment(milliseconds):
                return self._offsets_at_time([TopicPartition(*partition)], milliseconds)[0].offset
            case LatestAtStart() | Offsets() | None:
                return self._watermarks(TopicPartition(*partition))[1]
            case _:
                assert_never(end)

    def _watermarks(self, part: TopicPartition) -> tuple[int, int]:
        return self._retry_transient(lambda: self._consumer.get_watermark_offsets(part, _CALL_TIMEOUT))

    def _commit_once(self, offsets: list[TopicPartition]) -> None:
        for part in self._consumer.commit(offsets=offsets, asynchronous=False):
            if part.error is not None:
                raise KafkaException(part.error)

    def _retry_transient(self, call: Callable[[], T]) -> T:
        """Call until the cluster responds; transient errors are retried within `_RETRY_TIMEOUT`."""
        deadline = time.monotonic() + _RETRY_TIMEOUT
        while True:
            try:
                return call()
            except KafkaException as error:
                if not is_transient(error.args[0]) or self.closing or time.monotonic() > deadline:
                    raise
            time.sleep(_RETRY_INTERVAL)


def _format_offsets(parts: Sequence[TopicPartition]) -> str:
    """Return ``3012`` for one partition, and ``0=3012, 1=95`` for several."""
    if len(parts) == 1:
        return str(parts[0].offset)
    shown = sorted((part.topic, part.partition, part.offset) for part in parts)
    names = len({part.topic for part in parts}) > 1
    text = ", ".join(f"{f'{topic}/' if names else ''}{number}={at}" for topic, number, at in shown[:_SHOWN_PARTITIONS])
    return text if len(shown) <= _SHOWN_PARTITIONS else f"{text} and {len(shown) - _SHOWN_PARTITIONS} more"
