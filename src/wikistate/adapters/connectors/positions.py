"""Where a source starts and ends, as values; and how people write them.

The words are those of the public jobs' ``offsets_initializer``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import assert_never

from wikistate.errors import ConfigError


class Edge(StrEnum):
    """An end of a partition."""

    EARLIEST = "earliest"
    LATEST = "latest"


@dataclass(frozen=True, slots=True)
class Committed:
    """Start where the group has committed; at the edge `otherwise` where it has not."""

    otherwise: Edge = Edge.LATEST


@dataclass(frozen=True, slots=True)
class Moment:
    """A point in time, `milliseconds` since the epoch: the first record that is not older.

    As a start it holds whatever was committed, once for each partition in the life of a source. It is meant for one
    process and one run: started again, the job starts there again.
    """

    milliseconds: int


@dataclass(frozen=True, slots=True)
class Now:
    """The end as it is when the source opens."""


Start = Committed | Moment
End = Moment | Now


def parse_start(text: str, *, key: str) -> Start:
    """The start that `text` names.

    Args:
        text: ``committed`` (falls back to ``latest``), ``earliest`` or ``latest`` (both: where nothing is committed), or
            an RFC 3339 time.
        key: The dotted path of the setting, for the error.

    Raises:
        ConfigError: It is none of them.
    """
    match text:
        case "committed" | "latest" | "":
            return Committed(Edge.LATEST)
        case "earliest":
            return Committed(Edge.EARLIEST)
        case _:
            return Moment(_milliseconds(text, key=key, allowed="committed, earliest, latest"))


def parse_end(text: str, *, key: str) -> End | None:
    """The end that `text` names; None, never, for an empty text.

    Args:
        text: Empty, ``latest`` or an RFC 3339 time.
        key: The dotted path of the setting, for the error.

    Raises:
        ConfigError: It is none of them.
    """
    match text:
        case "":
            return None
        case "latest":
            return Now()
        case _:
            return Moment(_milliseconds(text, key=key, allowed="latest"))


def describe(position: Start | End) -> str:
    """The text that `parse_start` or `parse_end` reads as this position."""
    match position:
        case Committed(otherwise):
            return otherwise.value
        case Now():
            return "latest"
        case Moment(milliseconds):
            return datetime.fromtimestamp(milliseconds / 1000, tz=UTC).isoformat(timespec="milliseconds")
        case _:
            assert_never(position)


def milliseconds_of(end: End | None, *, now: int) -> int | None:
    """The moment that an end is, in milliseconds since the epoch; None for never."""
    match end:
        case None:
            return None
        case Now():
            return now
        case Moment(milliseconds):
            return milliseconds
        case _:
            assert_never(end)


def parse_since(text: str, *, key: str) -> Moment | None:
    """Where a feed starts that has no committed position; None, now, for an empty text.

    Args:
        text: Empty or an RFC 3339 time.
        key: The dotted path of the setting, for the error.

    Raises:
        ConfigError: It is neither.
    """
    return Moment(_milliseconds(text, key=key, allowed="nothing")) if text else None


def _milliseconds(text: str, *, key: str, allowed: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ConfigError(
            f"{key} is {text!r}, which is no position.",
            hint=f"Allowed: {allowed}, or a time with its zone such as 2026-01-31T12:00:00Z.",
            key=key,
        )
    return round(moment.timestamp() * 1000)
