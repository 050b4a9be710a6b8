"""The start and the end of a source as values, and their text forms.

The words are those of ``offsets_initializer`` of the public jobs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import assert_never

from wikistate.core.events.timestamps import parse_iso_time
from wikistate.errors import ConfigError


class Bound(StrEnum):
    """The oldest or the newest record of a partition."""

    EARLIEST = "earliest"
    LATEST = "latest"


@dataclass(frozen=True, slots=True)
class Committed:
    """The committed offset of the group; `otherwise` applies to a partition without one."""

    otherwise: Bound = Bound.LATEST


@dataclass(frozen=True, slots=True)
class Moment:
    """A point in time, `milliseconds` since the epoch: the first record that is not older.

    As a start it overrides the committed offsets, once for each partition in the life of a source. It is meant for one
    process and one run: after a restart the job starts there again.
    """

    milliseconds: int


@dataclass(frozen=True, slots=True)
class Offsets:
    """One record of each partition: the first that is read, or the first that is not. As a start it applies as `Moment`.

    Attributes:
        offsets: Topic, number of the partition and offset; an empty topic means each topic that is read. A partition
            without an offset starts at its oldest record, and ends at its newest record when the source opens.
    """

    offsets: tuple[tuple[str, int, int], ...]

    def get(self, topic: str, number: int) -> int | None:
        """Return the offset of a partition, None if there is none."""
        found = [at for name, partition, at in self.offsets if partition == number and name in ("", topic)]
        return found[0] if found else None


@dataclass(frozen=True, slots=True)
class LatestAtStart:
    """The end of each partition when the source opens."""


Start = Committed | Moment | Offsets
End = Moment | LatestAtStart | Offsets

_OFFSETS = "offset:"
_OFFSET = re.compile(r"(?:(?P<topic>[A-Za-z0-9._-]+)/)?(?P<number>\d{1,9})=(?P<offset>\d{1,18})", re.ASCII)


def parse_start(text: str, *, key: str) -> Start:
    """Return the start that `text` names.

    Args:
        text: ``committed`` (falls back to ``latest``), ``earliest`` or ``latest`` (both for partitions without a
            committed offset), an RFC 3339 time, or offsets: ``offset:0=120,1=95``, for several topics ``offset:TOPIC/0=120``.
        key: The dotted path of the setting, for the error.

    Raises:
        ConfigError: The text has another form.
    """
    match text:
        case "committed" | "latest" | "":
            return Committed(Bound.LATEST)
        case "earliest":
            return Committed(Bound.EARLIEST)
        case _ if text.startswith(_OFFSETS):
            return _parse_offsets(text, key=key)
        case _:
            return Moment(_parse_milliseconds(text, key=key, allowed=f"committed, earliest, latest, {_EXAMPLE}"))


def parse_end(text: str, *, key: str) -> End | None:
    """Return the end that `text` names; None for an empty text: never.

    Args:
        text: Empty, ``latest``, an RFC 3339 time, or offsets as for `parse_start`.
        key: The dotted path of the setting, for the error.

    Raises:
        ConfigError: The text has another form.
    """
    match text:
        case "":
            return None
        case "latest":
            return LatestAtStart()
        case _ if text.startswith(_OFFSETS):
            return _parse_offsets(text, key=key)
        case _:
            return Moment(_parse_milliseconds(text, key=key, allowed=f"latest, {_EXAMPLE}"))


def parse_until(text: str, *, key: str) -> Moment | LatestAtStart | None:
    """Return the end of a source with times and without offsets, as `parse_end`. Offsets raise `ConfigError` as well."""
    end = parse_end(text, key=key)
    if isinstance(end, Offsets):
        raise ConfigError(
            f"{key} is {text!r}, but this source has no offsets.",
            hint="Write latest, or a time with its zone such as 2026-01-31T12:00:00Z.",
            key=key,
        )
    return end


def format_bound(position: Start | End) -> str:
    """Return the text that `parse_start` or `parse_end` parses as this position."""
    match position:
        case Committed(otherwise):
            return otherwise.value
        case LatestAtStart():
            return "latest"
        case Moment(milliseconds):
            return datetime.fromtimestamp(milliseconds / 1000, tz=UTC).isoformat(timespec="milliseconds")
        case Offsets(offsets):
            stated = (f"{topic}/{number}={at}" if topic else f"{number}={at}" for topic, number, at in offsets)
            return _OFFSETS + ",".join(stated)
        case _:
            assert_never(position)


def resolve_end(end: Moment | LatestAtStart | None, *, now: int) -> int | None:
    """Return the time of an end in milliseconds since the epoch; None for never."""
    match end:
        case None:
            return None
        case LatestAtStart():
            return now
        case Moment(milliseconds):
            return milliseconds
        case _:
            assert_never(end)


def parse_since(text: str, *, key: str) -> Moment | None:
    """Return the start of a source without a committed position; None for an empty text: now.

    Args:
        text: Empty or an RFC 3339 time.
        key: The dotted path of the setting, for the error.

    Raises:
        ConfigError: The text is neither empty nor a time.
    """
    return Moment(_parse_milliseconds(text, key=key, allowed="nothing")) if text else None


_EXAMPLE = "offsets such as offset:0=120,1=95"


def _parse_offsets(text: str, *, key: str) -> Offsets:
    found = [_OFFSET.fullmatch(each) for each in text.removeprefix(_OFFSETS).split(",")]
    stated = tuple((each["topic"] or "", int(each["number"]), int(each["offset"])) for each in found if each)
    if len(stated) < len(found) or len({(topic, number) for topic, number, _ in stated}) < len(stated):
        raise ConfigError(
            f"{key} is {text!r}: these are not valid offsets.",
            hint=f"Each partition once, by number: {_EXAMPLE}; for several topics offset:TOPIC/0=120.",
            key=key,
        )
    return Offsets(stated)


def _parse_milliseconds(text: str, *, key: str, allowed: str) -> int:
    time = parse_iso_time(text, needs_zone=True)
    if time is None:
        raise ConfigError(
            f"{key} is {text!r}, which is not a valid position.",
            hint=f"Allowed: {allowed}, or a time with its zone such as 2026-01-31T12:00:00Z.",
            key=key,
        )
    return time
