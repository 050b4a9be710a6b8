"""What the local runner has read and not yet done: order and bounds as everywhere, and how far it may commit.

Pure: no loop, no clock.

* **Commits.** A partition may be committed up to its first record that is not yet written: the contiguous prefix.
  What lies behind a slow record is produced again after a crash, never lost.
* **One bound more.** Records that are written but cannot be committed yet because one before them is slow.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from wikistate.streaming.ordering import InFlightRecord, OrderedRelease

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from wikistate.streaming.record import Partition, Record


class InFlight(OrderedRelease):
    """Admits tickets, releases them in order, and knows what may be committed.

    Args:
        max_events: As for `OrderedRelease`.
        max_bytes: As for `OrderedRelease`.
        max_uncommitted: How many records may be kept from being committed by a slow one before them.
    """

    def __init__(self, *, max_events: int, max_bytes: int, max_uncommitted: int) -> None:
        super().__init__(max_events=max_events, max_bytes=max_bytes)
        self._max_uncommitted = max_uncommitted
        self._uncommitted: dict[Partition, deque[InFlightRecord]] = {}

    @property
    def uncommitted(self) -> int:
        """How many admitted records are not yet covered by a position."""
        return sum(map(len, self._uncommitted.values()))

    def room(self) -> int:
        """How many more records may be admitted now; 0 when a bound is reached."""
        return max(0, min(super().room(), self._max_uncommitted - self.uncommitted))

    def admit(self, record: Record, read_at: float) -> InFlightRecord:
        """Takes a record in. Records of a partition must be admitted in the order of their offsets."""
        ticket = super().admit(record, read_at)
        queue = self._uncommitted.get(ticket.partition)
        if queue is None:
            queue = self._uncommitted[ticket.partition] = deque()
        queue.append(ticket)
        return ticket

    def take_positions(self) -> dict[Partition, int]:
        """The offsets up to which each partition may be committed, for partitions that got further since the last call.

        A position covers what was handed to the sinks: commit it only after they have been flushed.
        """
        positions: dict[Partition, int] = {}
        for partition, queue in self._uncommitted.items():
            done: InFlightRecord | None = None
            while queue and queue[0].written:
                done = queue.popleft()
            if done is not None:
                positions[partition] = done.offset + 1
        return positions

    def abandon(self, partitions: AbstractSet[Partition]) -> None:
        """Lets go of partitions that went to another reader, who starts where the last commit ended.

        What of them is not written yet never will be: the new reader does it, and an old result written after the new
        reader's would break the order.
        """
        for partition in partitions:
            for ticket in self._uncommitted.pop(partition, ()):
                ticket.abandoned = True
