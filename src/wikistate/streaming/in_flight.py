"""The records in flight of the local runner: order and bounds as in every runner, and the positions to commit.

Pure: no loop, no clock.

* **Commits.** A partition may be committed up to its first record that is not yet written: the contiguous prefix.
  Records behind a slow record are processed again after a crash, and never lost.
* **One more bound.** Records that are written but not committed yet because an earlier record is slow.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from wikistate.streaming.ordering import InFlightRecord, OrderedRelease

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from wikistate.streaming.record import Partition, Record


class InFlight(OrderedRelease):
    """Ordered release that also knows the positions to commit.

    Args:
        max_events: As for `OrderedRelease`.
        max_bytes: As for `OrderedRelease`.
        max_uncommitted: The most records that one slow record may keep from being committed.
    """

    def __init__(self, *, max_events: int, max_bytes: int, max_uncommitted: int) -> None:
        super().__init__(max_events=max_events, max_bytes=max_bytes)
        self._max_uncommitted = max_uncommitted
        self._uncommitted: dict[Partition, deque[InFlightRecord]] = {}

    @property
    def uncommitted(self) -> int:
        """The number of admitted records that no position covers yet."""
        return sum(map(len, self._uncommitted.values()))

    def room(self) -> int:
        """Return how many more records may be admitted now; 0 when a bound is reached."""
        return max(0, min(super().room(), self._max_uncommitted - self.uncommitted))

    def admit(self, record: Record, read_at: float) -> InFlightRecord:
        """Admit a record. Records of a partition must be admitted in the order of their offsets."""
        admitted = super().admit(record, read_at)
        queue = self._uncommitted.get(admitted.partition)
        if queue is None:
            queue = self._uncommitted[admitted.partition] = deque()
        queue.append(admitted)
        return admitted

    def take_positions(self) -> dict[Partition, int]:
        """Return the offsets to commit, for each partition that has advanced since the last call.

        A position covers outputs that the sinks may still buffer: flush the sinks before committing it.
        """
        positions: dict[Partition, int] = {}
        for partition, queue in self._uncommitted.items():
            last: InFlightRecord | None = None
            while queue and queue[0].written:
                last = queue.popleft()
            if last is not None:
                positions[partition] = last.offset + 1
        return positions

    def abandon(self, partitions: AbstractSet[Partition]) -> None:
        """Forget partitions that moved to another reader, which starts at the last commit.

        Their unwritten records are never written here: the new reader processes them, and an old result behind the
        result of the new reader would break the order.
        """
        for partition in partitions:
            for record in self._uncommitted.pop(partition, ()):
                record.abandoned = True
