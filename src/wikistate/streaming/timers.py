"""When keys want to be woken, in event time. Pure."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class EventTimeTimers:
    """At most one time for each key.

    Args:
        times: What the last checkpoint knew.
    """

    def __init__(self, times: Mapping[int, int]) -> None:
        self._times = dict(times)
        self._heap = [(time, key) for key, time in times.items()]
        heapq.heapify(self._heap)
        self._changed: set[int] = set()

    def __len__(self) -> int:
        """How many keys want to be woken."""
        return len(self._times)

    @property
    def next_time(self) -> int | None:
        """The earliest time; None when no key wants to be woken."""
        while self._heap:
            time, key = self._heap[0]
            if self._times.get(key) == time:
                return time
            heapq.heappop(self._heap)  # it was set anew since
        return None

    def set(self, key: int, time: int | None) -> None:
        """Wake the key then and not when it was set before; None for never."""
        if self._times.get(key) == time:
            return
        self._changed.add(key)
        if time is None:
            del self._times[key]
        else:
            self._times[key] = time
            heapq.heappush(self._heap, (time, key))

    def pop_due(self, watermark: int) -> Iterator[tuple[int, int]]:
        """The keys whose time the watermark has reached, with that time, earliest first; each is taken out.

        What is set meanwhile and due already comes, too.
        """
        while self._heap and self._heap[0][0] <= watermark:
            time, key = heapq.heappop(self._heap)
            if self._times.get(key) == time:  # else it was set anew since
                del self._times[key]
                self._changed.add(key)
                yield key, time

    def changes(self) -> dict[int, int | None]:
        """What has changed since `settled`."""
        return {key: self._times.get(key) for key in self._changed}

    def mark_committed(self) -> None:
        """The changes are durable."""
        self._changed.clear()
