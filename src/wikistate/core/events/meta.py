"""Common fields of all events of the Event Platform: `$schema`, `dt`, `meta`.

The rules are those of Wikitech: Event Platform/Schemas and Event Platform/Stream configuration.

The readers accept any object, also one that has not been validated yet, and return None for a field that is missing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wikistate.core.events.timestamps import format_timestamp, parse_timestamp
from wikistate.errors import InputError

Event = dict[str, Any]
"""A decoded event: a JSON object. Events are never changed in place; a function that needs a changed event copies it."""

NewId = Callable[[], str]
"""Factory of the id of a new event, a UUID."""

CANARY = "canary"
"""The domain of canary events, which show that a stream is alive (Wikitech: Event Platform/Stream configuration)."""


def domain_of(event: Event) -> str | None:
    """Return the host name of the wiki that the event is about."""
    return _meta_text(event, "domain")


def is_canary(event: Event) -> bool:
    """Return whether the event is a canary event. Consumers drop those."""
    return _meta_text(event, "domain") == CANARY


def event_time(event: Event) -> int | None:
    """Return the time at which the event occurred, in milliseconds since the epoch.

    For an imported revision this may be weeks before the event was produced (T409105): see also `ingestion_time`.
    """
    dt = event.get("dt")
    return parse_timestamp(dt) if isinstance(dt, str) else None


def ingestion_time(event: Event) -> int | None:
    """Return the time at which the Event Platform received the event, in milliseconds since the epoch."""
    dt = _meta_text(event, "dt")
    return None if dt is None else parse_timestamp(dt)


def stamp(event: Event, *, schema_uri: str, stream: str, now: int, new_id: NewId) -> Event:
    """Return a copy of the event that belongs to `stream` and is produced now.

    `$schema`, `meta.stream` and `meta.dt` are set. `meta.id` and `dt` are set only if the event has none. All other
    parts are shared with the given event.

    Args:
        event: The event to copy; it is not changed.
        schema_uri: The schema that the new event follows.
        stream: The stream that it belongs to.
        now: Milliseconds since the epoch.
        new_id: Factory of `meta.id`.

    Raises:
        InputError: The event has a `meta` that is not an object.
    """
    moment = format_timestamp(now)
    meta = event.get("meta", {})
    if not isinstance(meta, dict):
        raise InputError(f"meta is {type(meta).__name__}, not an object.", hint="Correct the producer of the event.")
    stamped = {**event, "$schema": schema_uri, "meta": {**meta, "stream": stream, "dt": moment}}
    if "id" not in meta:
        stamped["meta"]["id"] = new_id()
    if "dt" not in event:
        stamped["dt"] = moment
    return stamped


def _meta_text(event: Event, name: str) -> str | None:
    meta = event.get("meta")
    found = meta.get(name) if isinstance(meta, dict) else None
    return found if isinstance(found, str) else None
