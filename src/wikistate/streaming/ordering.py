"""Order and bounds of what a job is working on: the same for every runner.

Pure: no loop, no clock. Two rules live here and nowhere else:

* **Order.** Within a lane, outputs are released in the order of reading, however the results come in. Lanes do not
  wait for each other. The runner chooses the lane: the job's key, or the whole partition when outputs and positions
  must agree at every moment (transactions).
* **Bounds.** Events, and bytes: records read, and results that wait for their turn. Where a bound is reached, nothing
  more is admitted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    from wikistate.streaming.record import Output, Partition, Record


class InFlightRecord:
    """One record on its way through a runner. A plain slotted class: one is made and changed for each event."""

    __slots__ = (
        "abandoned",
        "follower",
        "lane",
        "offset",
        "outputs",
        "partition",
        "read_at",
        "size",
        "waits",
        "written",
    )

    def __init__(self, record: Record, read_at: float) -> None:
        self.partition: Partition = record.partition
        self.offset: int = record.offset
        self.read_at = read_at
        self.size = len(record.value) if record.value else 0
        self.lane: Hashable = None
        self.waits = False  # for an earlier ticket of its lane
        self.follower: InFlightRecord | None = None  # the next ticket of its lane
        self.outputs: list[Output] | None = None  # None until the job is done with it
        self.written = False
        self.abandoned = False  # its partition went to another reader


class OrderedRelease:
    """Admits tickets and releases them in order.

    Args:
        max_events: How many records may be read and not yet written.
        max_bytes: How many bytes those records and their waiting results may hold. One record more than the bound may
            be admitted, so that a record larger than the bound still gets through.
    """

    def __init__(self, *, max_events: int, max_bytes: int) -> None:
        self._max_events = max_events
        self._max_bytes = max_bytes
        self.events = 0
        self.bytes = 0
        self._tails: dict[Hashable, InFlightRecord] = {}
        self._released: list[InFlightRecord] = []

    def room(self) -> int:
        """How many more records may be admitted now; 0 when a bound is reached."""
        return 0 if self.bytes >= self._max_bytes else max(0, self._max_events - self.events)

    def admit(self, record: Record, read_at: float) -> InFlightRecord:
        """Takes a record in. Records of a partition must be admitted in the order of their offsets."""
        ticket = InFlightRecord(record, read_at)
        self.events += 1
        self.bytes += ticket.size
        return ticket

    def enqueue(self, ticket: InFlightRecord, order_key: Hashable) -> None:
        """Puts an admitted ticket at the end of its lane. None is no lane: it waits for nobody."""
        if order_key is None:
            return
        ticket.lane = order_key
        tail = self._tails.get(order_key)
        self._tails[order_key] = ticket
        if tail is not None:
            tail.follower = ticket
            ticket.waits = True

    def finish(self, ticket: InFlightRecord, outputs: list[Output]) -> None:
        """Takes the job's result and releases it, with those behind it that waited only for it.

        Raises:
            RuntimeError: The ticket was finished before; a job called `done` twice.
        """
        if ticket.outputs is not None:
            raise RuntimeError(f"{ticket.partition} offset {ticket.offset} was finished twice")
        ticket.outputs = outputs = [] if ticket.abandoned else outputs
        for output in outputs:
            size = len(output.value)
            ticket.size += size
            self.bytes += size
        if not ticket.waits:
            self._release(ticket)

    def _release(self, first: InFlightRecord) -> None:
        ticket = first
        while ticket.outputs is not None:
            self._released.append(ticket)
            follower = ticket.follower
            if follower is None:
                if ticket.lane is not None:
                    del self._tails[ticket.lane]
                return
            ticket.follower = None
            follower.waits = False
            ticket = follower

    def take_released(self) -> list[InFlightRecord]:
        """The tickets whose outputs are next to be written, in order; each is returned once."""
        released, self._released = self._released, []
        for ticket in released:
            if ticket.abandoned:
                ticket.outputs = []
        return released

    def mark_written(self, tickets: Iterable[InFlightRecord]) -> None:
        """The outputs of these tickets have been handed to the sinks."""
        for ticket in tickets:
            ticket.written = True
            ticket.outputs = []  # its bytes are the sink's now
            self.events -= 1
            self.bytes -= ticket.size
