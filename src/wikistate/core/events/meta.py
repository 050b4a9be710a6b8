"""What every event of the Event Platform carries: `$schema`, `dt`, `meta`.

The rules are those of Wikitech: Event Platform/Schemas and Event Platform/Stream configuration.

The readers take any object, also one that no schema has seen yet, and answer None for what is not there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wikistate.core.events.timestamps import format_timestamp, parse_timestamp
from wikistate.errors import InputError

Event = dict[str, Any]
"""A decoded event: a JSON object. Nobody changes one in place; who needs another makes another."""

NewId = Callable[[], str]
"""Makes an identity for a new event: a UUID."""

CANARY = "canary"
"""The domain of synthetic events, which show that a stream is alive (Wikitech: Event Platform/Stream configuration)."""


def domain_of(event: Event) -> str | None:
    """The host name of the wiki that the event is about."""
    return _meta_text(event, "domain")


def is_canary(event: Event) -> bool:
    """Whether the event is synthetic. Consumers drop those."""
    return _meta_text(event, "domain") == CANARY


def event_time(event: Event) -> int | None:
    """When it happened, in milliseconds since the epoch.

    For an imported revision this may be weeks before the event was made (T409105): see also `ingestion_time`.
    """
    dt = event.get("dt")
    return parse_timestamp(dt) if isinstance(dt, str) else None


def ingestion_time(event: Event) -> int | None:
    """When the event was received by the Event Platform, in milliseconds since the epoch."""
    dt = _meta_text(event, "dt")
    return None if dt is None else parse_timestamp(dt)


def stamp(event: Event, *, schema_uri: str, stream: str, now: int, new_id: NewId) -> Event:
    """A new event that belongs to `stream`, produced now: `$schema`, `meta.stream` and `meta.dt` are set.

    `meta.id` and `dt` are set only where the event has none. The rest is shared with the event that was given.

    Args:
        event: The event to start from; it stays as it is.
        schema_uri: The schema that the new event follows.
        stream: The stream that it belongs to.
        now: Milliseconds since the epoch.
        new_id: Makes `meta.id`.

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
