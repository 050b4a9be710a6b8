"""Error events read back: what failed, why, and whether it can be done again. The inverse of `error_event`. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

import orjson

from wikistate.core.events.error_event import SCHEMA_TITLE, is_truncated
from wikistate.core.events.meta import event_time, is_canary

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet


class ReplayStatus(StrEnum):
    """What a replay does with a record of an error stream, and why."""

    REPLAYED = "to be done again"
    NOT_SELECTED = "not chosen"
    TRUNCATED = "its original is cut"
    NO_ORIGINAL = "it has no original"
    NOT_AN_ERROR_EVENT = "no error event"
    CANARY = "canary"


class FailedEvent(NamedTuple):
    """A record of an error stream, judged.

    Attributes:
        error_type: Of the error event; empty where it is none.
        status: What becomes of it.
        raw: The event that failed, as it came; empty unless it is to be done again.
    """

    error_type: str
    status: ReplayStatus
    raw: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayFilter:
    """Which error events are done again.

    Attributes:
        types: Their `error_type`; empty for all.
        since: Not those that failed before, in milliseconds since the epoch.
        until: Not those that failed then or later.
    """

    types: AbstractSet[str] = frozenset()
    since: int | None = None
    until: int | None = None

    def classify(self, value: bytes | None) -> FailedEvent:
        """What becomes of a record of the error stream."""
        try:
            event = orjson.loads(value or b"")
        except orjson.JSONDecodeError:
            event = None
        if not isinstance(event, dict) or not str(event.get("$schema")).startswith(f"/{SCHEMA_TITLE}/"):
            return FailedEvent("", ReplayStatus.NOT_AN_ERROR_EVENT)
        kind, raw = str(event.get("error_type", "")), event.get("raw_event")
        if is_canary(event):
            return FailedEvent(kind, ReplayStatus.CANARY)
        if not self._matches(kind, event_time(event)):
            return FailedEvent(kind, ReplayStatus.NOT_SELECTED)
        if not isinstance(raw, str):
            return FailedEvent(kind, ReplayStatus.NO_ORIGINAL)
        return (
            FailedEvent(kind, ReplayStatus.TRUNCATED)
            if is_truncated(str(event.get("message")))
            else FailedEvent(kind, ReplayStatus.REPLAYED, raw.encode())
        )

    def _matches(self, kind: str, moment: int | None) -> bool:
        if self.types and kind not in self.types:
            return False
        if moment is None:
            return self.since is None and self.until is None
        return (self.since is None or moment >= self.since) and (self.until is None or moment < self.until)
