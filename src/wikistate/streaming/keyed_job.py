"""The seam between a keyed job and a runner: a runner knows nothing else about such a job.

A runner reads records, keeps the state of each key, fires timers in event time, writes, and takes checkpoints. A job
decides. The work of one key is sequential: the next event of a key is decided when the operations of the one before
are done. Different keys do not wait for each other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, NamedTuple, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wikistate.streaming.record import Output, Record

KeyedEvent = TypeVar("KeyedEvent")
Operation = TypeVar("Operation")
Change = TypeVar("Change")


class KeyedState(NamedTuple):
    """The state of a key.

    Most keys have the number alone, so that a hundred million of them fit on a disk.

    Attributes:
        number: A signed integer of 64 bits; None if the key has none.
        blob: Further state, which few keys have; empty if the key has none.
    """

    number: int | None = None
    blob: bytes = b""


EMPTY_STATE = KeyedState()
"""The state of a key that was never seen, or whose state is deleted."""


class TimerFired(NamedTuple):
    """Keyed event of a timer that has fired.

    Attributes:
        time: The event time of the timer, milliseconds since the epoch; the watermark may be beyond it.
    """

    time: int


class DecodedRecord(NamedTuple, Generic[KeyedEvent]):
    """A record that a job has decoded.

    Attributes:
        time: The event time, for the watermark of its partition, milliseconds since the epoch; None if it states none.
        key: The key of state and order; None for a record that needs no decision.
        event: The event for `KeyedJob.decide`; None without a key.
        outputs: Outputs that need no decision, such as an error event.
    """

    time: int | None
    key: int | None = None
    event: KeyedEvent | None = None
    outputs: Sequence[Output] = ()


class Decision(NamedTuple, Generic[Operation]):
    """A decision.

    Attributes:
        state: The new state of the key.
        timer: The event time of the next timer of the key, milliseconds since the epoch; None for no timer.
        operations: The operations, to be executed in this order.
        outputs: The outputs of the decision.
    """

    state: KeyedState
    timer: int | None = None
    operations: Sequence[Operation] = ()
    outputs: Sequence[Output] = ()


def do_nothing() -> None:
    """Do nothing: there is no memory to release."""


class OperationResult(NamedTuple, Generic[Change]):
    """The result of an operation.

    Attributes:
        state: The new state of the key; its timer does not change.
        changes: The changes for the change sink.
        outputs: The outputs of the operation.
        failure: The reason why the operation could not be executed; empty if it was.
        on_written: The function that is called when the changes are written or dropped: it releases their memory.
        document: Returns what `SplitKeyedJob.repair` needs of the external system; None if it cannot be had. An operation that
            has failed has a document if only its base is missing.
    """

    state: KeyedState
    changes: Sequence[Change] = ()
    outputs: Sequence[Output] = ()
    failure: str = ""
    on_written: Callable[[], None] = do_nothing
    document: Callable[[], bytes] | None = None


class KeyedJob(Protocol[KeyedEvent, Operation, Change]):
    """A job with state.

    Protocol: the runner awaits `open` once. For each record, in the order in which they were read, it calls `decode`.
    An event waits for the earlier work of its key. Then the runner calls `decide` with the state of the key, and
    `execute` for each operation in turn, with the state at that time. When the watermark passes the timer of a key, the
    runner calls `decide` with a `TimerFired`. At the end it awaits `close`.

    `decode` and `decide` are quick, never block, and raise nothing whatever the record holds. After a crash everything
    since the last checkpoint is repeated: records, decisions and operations. The state is then that of the checkpoint,
    and so are the positions in the sources.
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
            keyed_state: The state of the key.
            event: The event of a record, or of a timer.
            watermark: The watermark when the record was read or the timer fired, milliseconds since the epoch; None
                before the first.
        """

    async def execute(self, operation: Operation, keyed_state: KeyedState) -> OperationResult[Change]:
        """Execute an operation; may take long.

        Raises:
            WikistateError: The job cannot continue. The run ends, and nothing since the last checkpoint counts.
        """

    async def close(self) -> None:
        """Release clients. The runner has cancelled all operations before."""


class SplitKeyedJob(KeyedJob[KeyedEvent, Operation, Change], Protocol[KeyedEvent, Operation, Change]):
    """A keyed job whose operations can be executed away from the state of their keys, as on Flink.

    Protocol: the runner decides and assumes that each operation succeeds: `expect` is the state afterwards. It calls
    `execute` with the state that it expects. If an earlier operation of the key has failed meanwhile, the result is not
    valid, and the runner calls `repair` with the state that the failure has left.
    """

    def expect(self, operation: Operation, keyed_state: KeyedState) -> KeyedState:
        """Return the state of the key after an operation that succeeds.

        Args:
            operation: The operation.
            keyed_state: The state before it.
        """

    def repair(self, operation: Operation, keyed_state: KeyedState, document: bytes) -> OperationResult[Change]:
        """Execute an operation again for another state. Needs no external system, and never blocks.

        Args:
            operation: The operation.
            keyed_state: The state of the key, which an earlier failure has left.
            document: The `OperationResult.document` of its first execution.
        """
