"""Order and bounds of the records in flight: the same for every runner.

Pure: no loop, no clock. Two rules live here and nowhere else:

* **Order.** Within an order key, outputs are released in the order of reading, whatever the order of the results.
  Order keys do not wait for each other. The runner chooses the order key: the key of the job, or the whole partition
  when outputs and positions must agree at every moment (transactions).
* **Bounds.** Events, and bytes: records that were read, and results that are not released yet. At a bound, no further
  record is admitted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    from wikistate.streaming.record import Output, Partition, Record


class InFlightRecord:
    """A record in flight. A plain slotted class, because one is made and changed for each event."""

    __slots__ = (
        "abandoned",
        "offset",
        "order_key",
        "outputs",
        "partition",
        "read_at",
        "size",
        "successor",
        "waits",
        "written",
    )

    def __init__(self, record: Record, read_at: float) -> None:
        self.partition: Partition = record.partition
        self.offset: int = record.offset
        self.read_at = read_at
        self.size = len(record.value) if record.value else 0
        self.order_key: Hashable = None
        self.waits = False  # for an earlier record of its order key
        self.successor: InFlightRecord | None = None  # the next record of its order key
        self.outputs: list[Output] | None = None  # None until the job has finished it
        self.written = False
        self.abandoned = False  # its partition moved to another reader


class OrderedRelease:
    """Records in flight, released in order.

    Args:
        max_events: The most records that are read and not yet written.
        max_bytes: The most bytes of those records and their results. One record beyond the bound may be admitted, so
            that a record larger than the bound is processed as well.
    """

    def __init__(self, *, max_events: int, max_bytes: int) -> None:
        self._max_events = max_events
        self._max_bytes = max_bytes
        self.events = 0
        self.bytes = 0
        self._tails: dict[Hashable, InFlightRecord] = {}
        self._released: list[InFlightRecord] = []

    def room(self) -> int:
        """Return how many more records may be admitted now; 0 when a bound is reached."""
        return 0 if self.bytes >= self._max_bytes else max(0, self._max_events - self.events)

    def admit(self, record: Record, read_at: float) -> InFlightRecord:
        """Admit a record. Records of a partition must be admitted in the order of their offsets."""
        admitted = InFlightRecord(record, read_at)
        self.events += 1
        self.bytes += admitted.size
        return admitted

    def enqueue(self, admitted: InFlightRecord, order_key: Hashable) -> None:
        """Put an admitted record behind the others of its order key. With None it waits for no other record."""
        if order_key is None:
            return
        admitted.order_key = order_key
        tail = self._tails.get(order_key)
        self._tails[order_key] = admitted
        if tail is not None:
            tail.successor = admitted
            admitted.waits = True

    def finish(self, admitted: InFlightRecord, outputs: list[Output]) -> None:
        """Take the result of the job, and release it with the finished records that waited only for it.

        Raises:
            RuntimeError: The record was finished before; a job called `on_done` twice.
        """
        if admitted.outputs is not None:
            raise RuntimeError(f"{admitted.partition} offset {admitted.offset} was finished twice")
        admitted.outputs = outputs = [] if admitted.abandoned else outputs
        for output in outputs:
            size = len(output.value)
            admitted.size += size
            self.bytes += size
        if not admitted.waits:
            self._release(admitted)

    def _release(self, first: InFlightRecord) -> None:
        record = first
        while record.outputs is not None:
            self._released.append(record)
            successor = record.successor
            if successor is None:
                if record.order_key is not None:
                    del self._tails[record.order_key]
                return
            record.successor = None
            successor.waits = False
            record = successor

    def take_released(self) -> list[InFlightRecord]:
        """Return the records whose outputs are to be written next, in order; each is returned once."""
        released, self._released = self._released, []
        for record in released:
            if record.abandoned:
                record.outputs = []
        return released

    def mark_written(self, records: Iterable[InFlightRecord]) -> None:
        """Mark the outputs of these records as handed to the sinks."""
        for record in records:
            record.written = True
            record.outputs = []  # the sink holds the bytes now
            self.events -= 1
            self.bytes -= record.size
