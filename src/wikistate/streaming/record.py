"""What goes through a runner: records in, outputs out, and the seam's two callables.

These are named tuples and not frozen dataclasses because one of each is made for every event: a frozen dataclass
takes four times as long to construct.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from enum import StrEnum
from typing import NamedTuple


class Partition(NamedTuple):
    """The unit of a source within which positions are ordered: one partition of a topic, or a file by its path."""

    topic: str
    number: int = 0

    def __str__(self) -> str:
        return f"{self.topic}/{self.number}"


class Record(NamedTuple):
    """One element of a source, undecoded.

    Attributes:
        value: The payload; None is a tombstone of a compacted topic.
        key: The key bytes, None where the source has none.
        timestamp: Milliseconds since the epoch as the source states them, None where it does not.
        partition: Where the record comes from.
        offset: Its position there. Offsets of a partition grow; committing ``offset + 1`` means "done up to here".
        truncated_bytes: How many bytes of the value the source left out because the record was larger than it may be; 0 normally.
    """

    value: bytes | None
    key: bytes | None
    timestamp: int | None
    partition: Partition
    offset: int
    truncated_bytes: int = 0


class Role(StrEnum):
    """The streams that a job writes."""

    SINK = "sink"
    ERROR = "error"
    LAPSED_ACTION = "lapsed_action"
    """Events that came too late to be applied in order."""
    STATE_INCONSISTENCY = "state_inconsistency"
    """Events that do not fit what is known of their entity."""
    FETCH_FAILURE = "fetch_failure"
    """Entities that could not be fetched or read."""


class Output(NamedTuple):
    """One encoded event on its way to a sink.

    Attributes:
        role: Which of the job's streams it belongs to.
        key: The message key, None for an unkeyed stream.
        value: The encoded event.
        timestamp: Event time in milliseconds since the epoch, None when the event states none.
    """

    role: Role
    key: bytes | None
    value: bytes
    timestamp: int | None


class WorkItem(NamedTuple):
    """A record that a job has read and understood.

    Attributes:
        key: What order is kept within; None for a record that needs no order (it could not be understood).
        payload: The job's own; a runner hands it back untouched.
    """

    key: Hashable
    payload: object


OnDone = Callable[[list[Output]], None]
"""Takes what became of one record: exactly once, on the loop's thread. An empty list is a filtered record."""
