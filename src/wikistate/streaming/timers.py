"""Timers of keys in event time. Pure."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class EventTimeTimers:
    """Timers in event time, at most one for each key.

    Args:
        times: The times of the last checkpoint, by key.
    """

    def __init__(self, times: Mapping[int, int]) -> None:
        self._times = dict(times)
        self._heap = [(time, key) for key, time in times.items()]
        heapq.heapify(self._heap)
        self._changed: set[int] = set()

    def __len__(self) -> int:
        """Return the number of keys with a timer."""
        return len(self._times)

    @property
    def next_time(self) -> int | None:
        """The earliest time; None when no timer is set."""
        while self._heap:
            time, key = self._heap[0]
            if self._times.get(key) == time:
                return time
            heapq.heappop(self._heap)  # it was set again since
        return None

    def set(self, key: int, time: int | None) -> None:
        """Set the timer of a key, in place of an earlier one; None removes it."""
        if self._times.get(key) == time:
            return
        self._changed.add(key)
        if time is None:
            del self._times[key]
        else:
            self._times[key] = time
            heapq.heappush(self._heap, (time, key))

    def pop_due(self, watermark: int) -> Iterator[tuple[int, int]]:
        """Remove and yield the keys whose time the watermark has reached, with that time, earliest first.

        Timers that are set meanwhile and already due are included.
        """
        while self._heap and self._heap[0][0] <= watermark:
            time, key = heapq.heappop(self._heap)
            if self._times.get(key) == time:  # else it was set again since
                del self._times[key]
                self._changed.add(key)
                yield key, time

    def changes(self) -> dict[int, int | None]:
        """Return the changes since `mark_committed`, by key; None for a removed timer."""
        return {key: self._times.get(key) for key in self._changed}

    def mark_committed(self) -> None:
        """Mark all changes as durable."""
        self._changed.clear()
