"""The seam between a job that keeps state and a runner: all that a runner knows of such a job.

A runner reads records, keeps what the job remembers of each key, wakes the job at event times, writes, and takes
checkpoints. A job decides. One key is one thread of work: whatever concerns it comes one after the other, and the next
only when what was decided before is done. Different keys do not wait for each other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, NamedTuple, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wikistate.streaming.record import Output, Record

KeyedEvent = TypeVar("KeyedEvent")
Operation = TypeVar("Operation")
Change = TypeVar("Change")


class KeyedState(NamedTuple):
    """What is remembered of a key.

    Most keys have the number alone, so that a hundred million of them fit on a disk.

    Attributes:
        number: A signed integer of 64 bits; None for none.
        blob: What few keys have beside it; empty for none.
    """

    number: int | None = None
    blob: bytes = b""


EMPTY_STATE = KeyedState()
"""What is remembered of a key that was never seen, or is to be forgotten."""


class TimerFired(NamedTuple):
    """The stimulus of a key that asked to be woken.

    Attributes:
        time: When it asked for, milliseconds since the epoch of event time; the watermark may be beyond it.
    """

    time: int


class DecodedRecord(NamedTuple, Generic[KeyedEvent]):
    """A record that a job has read and understood.

    Attributes:
        time: Of the record, for the watermark of its partition, milliseconds since the epoch; None where it states none.
        key: What state and order are kept within; None for a record that nothing is to be decided about.
        event: What `KeyedJob.decide` is given; None without a key.
        outputs: What is known to be said of the record at once.
    """

    time: int | None
    key: int | None = None
    event: KeyedEvent | None = None
    outputs: Sequence[Output] = ()


class Decision(NamedTuple, Generic[Operation]):
    """A decision.

    Attributes:
        state: What to remember of the key from now on.
        timer: The event time at which the key wants to be woken next, milliseconds since the epoch; None for never.
        operations: What to do, one after the other.
        outputs: What to say of it.
    """

    state: KeyedState
    timer: int | None = None
    operations: Sequence[Operation] = ()
    outputs: Sequence[Output] = ()


class OperationResult(NamedTuple, Generic[Change]):
    """What became of an operation.

    Attributes:
        state: What to remember of the key from now on; when it wants to be woken does not change.
        changes: What goes to the outlet.
        outputs: What to say of it.
    """

    state: KeyedState
    changes: Sequence[Change] = ()
    outputs: Sequence[Output] = ()


class KeyedJob(Protocol[KeyedEvent, Operation, Change]):
    """A job with state.

    Protocol: the runner awaits `open` once. For each record, in the order in which they were read, it calls `decode`.
    What has a key waits for what concerns the key before it; then `decide` is called with what is remembered of the key,
    and `execute` for each operation in turn, with what is remembered by then. When the watermark passes the time at
    which a key wants to be woken, `decide` is called with a `TimerFired`. At the end `close` is awaited.

    `decode` and `decide` are quick, block nowhere, and raise nothing whatever the record holds. After a crash everything
    since the last checkpoint comes again, records, decisions and operations alike: what is remembered then is what was
    remembered at that checkpoint, together with the positions in the sources.
    """

    async def open(self) -> None:
        """Open clients. Raises a `WikistateError` when the job cannot work at all."""

    def decode(self, record: Record) -> DecodedRecord[KeyedEvent]:
        """Decode and filter."""

    def decide(
        self, keyed_state: KeyedState, event: KeyedEvent | TimerFired, watermark: int | None
    ) -> Decision[Operation]:
        """Decide.

        Args:
            keyed_state: What is remembered of the key.
            event: What happened to it.
            watermark: Up to where event time had come when the record was read, or the key woken, milliseconds since
                the epoch; None before the first.
        """

    async def execute(self, operation: Operation, keyed_state: KeyedState) -> OperationResult[Change]:
        """Do what was decided; takes as long as it takes.

        Raises:
            WikistateError: The job cannot go on. The run ends and nothing since the last checkpoint counts.
        """

    async def close(self) -> None:
        """Release clients. What is still being performed was cancelled before."""
