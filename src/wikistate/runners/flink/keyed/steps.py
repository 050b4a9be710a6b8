"""The three steps of a keyed job: decide, execute, publish. Pure but for the execution; nothing of Flink is used.

The elements between the steps are pickled, and live as long as the work in flight: no snapshot holds them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import orjson

from wikistate.runners.flink.keyed.buckets import KeyEntry
from wikistate.streaming.keyed_job import KeyedState, TimerFired

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from wikistate.runners.flink.keyed.buckets import Bucket
    from wikistate.streaming.error_limit import ErrorLimit
    from wikistate.streaming.keyed_job import DecodedRecord, SplitKeyedJob
    from wikistate.streaming.record import Output

    AnyJob: TypeAlias = "SplitKeyedJob[Any, Any, Any]"
    Encode: TypeAlias = "Callable[[Any], Iterable[tuple[str, Output]]]"


class KeyedEventElement(NamedTuple):
    """An event on its way to the decision."""

    key: int
    event: Any


class OperationElement(NamedTuple):
    """An operation on its way to its execution.

    Attributes:
        key: Its key.
        operation: The operation.
        expected: The state of the key before the operation if all earlier operations succeed.
    """

    key: int
    operation: Any
    expected: KeyedState


class ResultElement(NamedTuple):
    """The result of an operation on its way to the outputs.

    Attributes:
        key: The key of the operation.
        operation: The operation.
        failed_state: The state that a failure has left; None if the operation was executed.
        events: The changes as events, each with the name of its stream; one tuple for each change.
        outputs: The outputs of the operation.
        document: The argument of `SplitKeyedJob.repair`; None if the operation cannot be repaired.
    """

    key: int
    operation: Any
    failed_state: KeyedState | None
    events: tuple[tuple[tuple[str, Output], ...], ...]
    outputs: tuple[Output, ...]
    document: bytes | None


class OutputsElement(NamedTuple):
    """Outputs that need no further step.

    Attributes:
        key: A key, or any number: it spreads such elements over the subtasks.
        outputs: The outputs.
    """

    key: int
    outputs: tuple[Output, ...]


class Publication(NamedTuple):
    """All that one operation writes.

    Attributes:
        events: As in `ResultElement`.
        outputs: The outputs of the operation.
        succeeded: Whether the operation succeeded; None for outputs without an operation.
    """

    events: tuple[tuple[tuple[str, Output], ...], ...]
    outputs: tuple[Output, ...]
    succeeded: bool | None = None


def decoded_elements(decoded: DecodedRecord[Any], spread: int) -> Iterator[KeyedEventElement | OutputsElement]:
    """Return the elements of a record.

    Args:
        decoded: The record.
        spread: A number that differs from record to record.
    """
    if decoded.outputs:
        yield OutputsElement(spread, tuple(decoded.outputs))
    if decoded.key is not None and decoded.event is not None:
        yield KeyedEventElement(decoded.key, decoded.event)


def decide_event(
    job: AnyJob, bucket: Bucket, element: KeyedEventElement, watermark: int | None
) -> Iterator[OperationElement | OutputsElement]:
    """Decide about an event, change the bucket, and return what follows."""
    key, event = element
    before = bucket.get(key)
    decision = job.decide(before.state, event, watermark)
    state = decision.state
    if decision.outputs:
        yield OutputsElement(key, tuple(decision.outputs))
    for operation in decision.operations:
        yield OperationElement(key, operation, state)
        state = job.expect(operation, state)
    bucket.put(key, KeyEntry(state, decision.timer))


def fire_timers(
    job: AnyJob, bucket: Bucket, time: int, watermark: int | None
) -> Iterator[OperationElement | OutputsElement]:
    """Decide about all timers of a bucket up to an event time, in ascending order."""
    while due := bucket.due(time):
        moment, key = due[0]
        yield from decide_event(job, bucket, KeyedEventElement(key, TimerFired(moment)), watermark)


async def execute_element(
    job: AnyJob, encode: Encode, element: OperationElement, error_limit: ErrorLimit
) -> ResultElement:
    """Execute an operation for the state that the decision expects.

    Raises:
        WikistateError: The job cannot continue.
    """
    result = await job.execute(element.operation, element.expected)
    error_limit.observe(result.outputs, successes=len(result.changes))
    try:
        return ResultElement(
            element.key,
            element.operation,
            result.state if result.failure else None,
            _encode_changes(encode, result.changes),
            tuple(result.outputs),
            None if result.document is None else result.document(),
        )
    finally:
        result.on_written()


def publish_result(
    job: AnyJob, encode: Encode, exception: KeyedState | None, element: ResultElement
) -> tuple[KeyedState | None, Publication]:
    """Return what an operation writes, and what the next step of its key must know.

    Args:
        job: The job.
        encode: Encodes a change as events.
        exception: The state that the last failure of the key has left; None if its last operation succeeded.
        element: The result.

    Returns:
        The new exception of the key, and what is written.
    """
    if exception is None or element.document is None:
        return element.failed_state, Publication(element.events, element.outputs, element.failed_state is None)
    repaired = job.repair(element.operation, exception, element.document)
    publication = Publication(_encode_changes(encode, repaired.changes), tuple(repaired.outputs), not repaired.failure)
    return (repaired.state if repaired.failure else None), publication


def _encode_changes(encode: Encode, changes: Sequence[Any]) -> tuple[tuple[tuple[str, Output], ...], ...]:
    return tuple(tuple(encode(change)) for change in changes)


def pack_failed(failed: Mapping[int, KeyedState]) -> bytes:
    """Pack the states that failures have left, by key. Snapshots hold the result."""
    return orjson.dumps([[key, state.number, state.blob.decode("latin-1")] for key, state in failed.items()])


def unpack_failed(packed: bytes) -> dict[int, KeyedState]:
    """Return the argument of `pack_failed`."""
    return {key: KeyedState(number, blob.encode("latin-1")) for key, number, blob in orjson.loads(packed)}
