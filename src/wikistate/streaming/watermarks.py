"""Up to where event time has come, over several partitions. Pure: the time is given.

As the field defines it (Apache Flink documentation, "Generating Watermarks"): for each partition the largest time seen,
less the bound within which events may be out of order; over partitions the minimum, in which those that have been quiet
for a while have no say; and never back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping
    from typing import TypeAlias

    Millis: TypeAlias = int

PartitionKey = TypeVar("PartitionKey", bound="Hashable")


class _PartitionTime:
    """Of one partition: the largest event time, and when it last said something."""

    __slots__ = ("heard", "time")

    def __init__(self, heard: Millis) -> None:
        self.time: Millis | None = None
        self.heard = heard

    def advance_to(self, time: Millis | None) -> None:
        if time is not None and (self.time is None or time > self.time):
            self.time = time


class Watermarks(Generic[PartitionKey]):
    """The watermark of a job's inputs.

    Args:
        bound: How far out of order the events of a partition may be, in milliseconds.
        idleness: After how long a partition that says nothing no longer holds the others back, in milliseconds.
    """

    def __init__(self, *, bound: Millis, idleness: Millis) -> None:
        self._bound = bound
        self._idleness = idleness
        self._partitions: dict[PartitionKey, _PartitionTime] = {}
        self._watermark: Millis | None = None

    def assign(self, partition: PartitionKey, now: Millis, *, time: Millis | None = None) -> None:
        """Count on a partition from now on: until it says something or is idle, the watermark stands still.

        Args:
            partition: Which one.
            now: The clock, milliseconds since the epoch.
            time: The largest event time that it had reached when it was left, as `times` told.
        """
        self._partitions.setdefault(partition, _PartitionTime(now)).advance_to(time)

    def remove(self, partition: PartitionKey) -> None:
        """Nothing more comes from a partition: it ended, or it is another reader's."""
        self._partitions.pop(partition, None)

    def observe(self, partition: PartitionKey, time: Millis, now: Millis) -> None:
        """A partition says what time it is there.

        Args:
            partition: Which one; it need not have been assigned.
            time: Event time of a record, also of one that is filtered out.
            now: The clock.
        """
        progress = self._partitions.get(partition)
        if progress is None:
            progress = self._partitions[partition] = _PartitionTime(now)
        progress.heard = now
        progress.advance_to(time)

    @property
    def max_event_times(self) -> Mapping[PartitionKey, Millis]:
        """The largest event time of each partition that has said one, for a checkpoint."""
        return {part: progress.time for part, progress in self._partitions.items() if progress.time is not None}

    def current(self, now: Millis) -> Millis | None:
        """The watermark: events before it are late. None before the first.

        Args:
            now: The clock.
        """
        active = [progress.time for progress in self._partitions.values() if now - progress.heard < self._idleness]
        times = [time for time in active if time is not None]
        if times and len(times) == len(active):
            self._advance(min(times) - self._bound - 1)
        return self._watermark

    def timer_watermark(self, now: Millis) -> Millis | None:
        """Up to where timers are due: the watermark, or beyond it while all is quiet.

        When every partition is idle, no event moves the watermark, and what waits would wait for the next edit of a
        small wiki. It is then presumed that event time goes on as the clock does. Nothing becomes late by that: what
        comes after all is still decided.

        Args:
            now: The clock.
        """
        current = self.current(now)
        heard = max((progress.heard for progress in self._partitions.values()), default=now)
        if now - heard < self._idleness or not (times := self.max_event_times):
            return current
        presumed = max(times.values()) + (now - heard) - self._bound - 1
        return presumed if current is None else max(current, presumed)

    def _advance(self, watermark: Millis) -> None:
        if self._watermark is None or watermark > self._watermark:
            self._watermark = watermark
