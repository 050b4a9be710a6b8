"""The values that pass through a runner: records, work items and outputs.

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
        key: The key bytes; None if the source has none.
        timestamp: Milliseconds since the epoch as the source states them; None if it states none.
        partition: The partition that it was read from.
        offset: Its position there. Offsets of a partition grow; committing ``offset + 1`` means "done up to here".
        truncated_bytes: The number of bytes that the source removed from the value because it was too large; 0 normally.
        refusal: The reason why the source could not make an event of the value; empty normally. The job writes an error event.
    """

    value: bytes | None
    key: bytes | None
    timestamp: int | None
    partition: Partition
    offset: int
    truncated_bytes: int = 0
    refusal: str = ""


class Role(StrEnum):
    """The streams that a job writes."""

    SINK = "sink"
    ERROR = "error"
    LAPSED_ACTION = "lapsed_action"
    """Events that came too late to be applied in order."""
    STATE_INCONSISTENCY = "state_inconsistency"
    """Events that contradict the known state of their entity."""
    FETCH_FAILURE = "fetch_failure"
    """Entities that could not be fetched or read."""


class Output(NamedTuple):
    """One encoded event on its way to a sink.

    Attributes:
        role: The stream of the job that it belongs to.
        key: The message key, None for an unkeyed stream.
        value: The encoded event.
        timestamp: Event time in milliseconds since the epoch, None when the event states none.
    """

    role: Role
    key: bytes | None
    value: bytes
    timestamp: int | None


class WorkItem(NamedTuple):
    """A record that a job has decoded and planned.

    Attributes:
        key: The key within which order is kept; None for a record without order, such as one that cannot be decoded.
        payload: Belongs to the job; a runner returns it unchanged.
    """

    key: Hashable
    payload: object


OnDone = Callable[[list[Output]], None]
"""Callback for the outputs of a record; called exactly once, on the thread of the loop, empty for a filtered record."""
