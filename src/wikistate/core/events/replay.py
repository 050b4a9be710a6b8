"""Reading of error events: the failed event, the reason, and whether it can be replayed. The inverse of `error_event`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

import orjson

from wikistate.core.events.byte_order_mark import load_json
from wikistate.core.events.error_event import SCHEMA_TITLE, is_truncated
from wikistate.core.events.fields import as_text
from wikistate.core.events.meta import event_time, is_canary

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet


class ReplayStatus(StrEnum):
    """Decision of a replay about a record of an error stream, with the reason."""

    REPLAYED = "to be replayed"
    NOT_SELECTED = "not selected"
    TRUNCATED = "the original is truncated"
    NO_ORIGINAL = "there is no original"
    NOT_AN_ERROR_EVENT = "not an error event"
    CANARY = "canary event"


class FailedEvent(NamedTuple):
    """Classified record of an error stream.

    Attributes:
        error_type: `error_type` of the error event; empty if the record is not an error event.
        status: Decision about the record.
        raw: Bytes of the event that failed, as the source read them; empty unless the event is to be replayed.
    """

    error_type: str
    status: ReplayStatus
    raw: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayFilter:
    """Selection of the error events that are replayed.

    Attributes:
        types: Accepted values of `error_type`; empty for all.
        since: Earliest time of the failure, in milliseconds since the epoch; None for no bound.
        until: Time from which on failures are left out, in milliseconds since the epoch; None for no bound.
    """

    types: AbstractSet[str] = frozenset()
    since: int | None = None
    until: int | None = None

    def classify(self, value: bytes | None) -> FailedEvent:
        """Return the decision about a record of the error stream."""
        try:
            event = load_json(value or b"")
        except orjson.JSONDecodeError:
            event = None
        if not isinstance(event, dict) or not as_text(event.get("$schema")).startswith(f"/{SCHEMA_TITLE}/"):
            return FailedEvent("", ReplayStatus.NOT_AN_ERROR_EVENT)
        kind, raw = as_text(event.get("error_type")), event.get("raw_event")
        if is_canary(event):
            return FailedEvent(kind, ReplayStatus.CANARY)
        if not self._matches(kind, event_time(event)):
            return FailedEvent(kind, ReplayStatus.NOT_SELECTED)
        if not isinstance(raw, str):
            return FailedEvent(kind, ReplayStatus.NO_ORIGINAL)
        return (
            FailedEvent(kind, ReplayStatus.TRUNCATED)
            if is_truncated(as_text(event.get("message")))
            else FailedEvent(kind, ReplayStatus.REPLAYED, raw.encode())
        )

    def _matches(self, kind: str, moment: int | None) -> bool:
        if self.types and kind not in self.types:
            return False
        if moment is None:
            return self.since is None and self.until is None
        return (self.since is None or moment >= self.since) and (self.until is None or moment < self.until)
