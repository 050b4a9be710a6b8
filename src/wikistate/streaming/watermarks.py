"""The watermark over several partitions. Pure: the clock is an argument.

The definition is that of the Apache Flink documentation, "Generating Watermarks". The watermark of a partition is its
largest event time minus the bound within which events may be out of order. The watermark over all partitions is the
minimum, without the idle partitions, and it never moves back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping
    from typing import TypeAlias

    Millis: TypeAlias = int

PartitionKey = TypeVar("PartitionKey", bound="Hashable")


class _PartitionTime:
    """The largest event time of a partition, and the clock at its last record."""

    __slots__ = ("active_at", "time")

    def __init__(self, active_at: Millis) -> None:
        self.time: Millis | None = None
        self.active_at = active_at

    def advance_to(self, time: Millis | None) -> None:
        if time is not None and (self.time is None or time > self.time):
            self.time = time


class Watermarks(Generic[PartitionKey]):
    """The watermark of a job's inputs.

    Args:
        bound: The most that events of a partition may be out of order, in milliseconds.
        idleness: The time without records after which a partition is idle and no longer holds the watermark back, in
            milliseconds.
    """

    def __init__(self, *, bound: Millis, idleness: Millis) -> None:
        self._bound = bound
        self._idleness = idleness
        self._partitions: dict[PartitionKey, _PartitionTime] = {}
        self._watermark: Millis | None = None

    def assign(self, partition: PartitionKey, now: Millis, *, time: Millis | None = None) -> None:
        """Add a partition: the watermark does not advance until the partition has a record or is idle.

        Args:
            partition: The partition.
            now: The clock, milliseconds.
            time: Its largest event time at the last checkpoint, see `max_event_times`.
        """
        self._partitions.setdefault(partition, _PartitionTime(now)).advance_to(time)

    def remove(self, partition: PartitionKey) -> None:
        """Remove a partition that has ended or moved to another reader."""
        self._partitions.pop(partition, None)

    def observe(self, partition: PartitionKey, time: Millis, now: Millis) -> None:
        """Take the event time of a record.

        Args:
            partition: The partition of the record; it need not have been assigned.
            time: The event time, also of a record that is filtered out.
            now: The clock.
        """
        progress = self._partitions.get(partition)
        if progress is None:
            progress = self._partitions[partition] = _PartitionTime(now)
        progress.active_at = now
        progress.advance_to(time)

    @property
    def max_event_times(self) -> Mapping[PartitionKey, Millis]:
        """The largest event time of each partition that has one, for a checkpoint."""
        return {part: progress.time for part, progress in self._partitions.items() if progress.time is not None}

    def current(self, now: Millis) -> Millis | None:
        """Return the watermark: events before it are late. None before the first event.

        Args:
            now: The clock.
        """
        active = [progress.time for progress in self._partitions.values() if now - progress.active_at < self._idleness]
        times = [time for time in active if time is not None]
        if times and len(times) == len(active):
            self._advance(min(times) - self._bound - 1)
        return self._watermark

    def timer_watermark(self, now: Millis) -> Millis | None:
        """Return the time at which timers are due: the watermark, or a later time while all partitions are idle.

        When every partition is idle, no event moves the watermark, and waiting events would wait for the next edit of a
        small wiki. Event time is then presumed to advance with the clock. No event becomes late by that: events that
        arrive later are still decided.

        Args:
            now: The clock.
        """
        current = self.current(now)
        active_at = max((progress.active_at for progress in self._partitions.values()), default=now)
        if now - active_at < self._idleness or not (times := self.max_event_times):
            return current
        presumed = max(times.values()) + (now - active_at) - self._bound - 1
        return presumed if current is None else max(current, presumed)

    def _advance(self, watermark: Millis) -> None:
        if self._watermark is None or watermark > self._watermark:
            self._watermark = watermark
