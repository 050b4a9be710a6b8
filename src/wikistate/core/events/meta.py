"""What every event of the Event Platform carries: `$schema`, `dt`, `meta`, and the fields of its message key.

The rules are those of Wikitech: Event Platform/Schemas and Event Platform/Stream configuration.

The readers take any object, also one that no schema has seen yet, and answer None for what is not there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import orjson

from wikistate.core.events.timestamps import format_timestamp, parse_timestamp
from wikistate.errors import DocumentError, InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wikistate.core.events.schema import Schema

Event = dict[str, Any]
"""A decoded event: a JSON object. Nobody changes one in place; who needs another makes another."""

NewId = Callable[[], str]
"""Makes an identity for a new event: a UUID."""

CANARY = "canary"
"""The domain of synthetic events, which show that a stream is alive (Wikitech: Event Platform/Stream configuration)."""

_CORRECT = "Correct the producer of the event, or message_key_fields in the stream configuration."
_SCALAR = (str, int, float)  # a union would be built anew for each field of each key


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


class MessageKey:
    """Builds the keys of a stream.

    Args:
        fields: Name in the key to dotted path in the event, in the order of the key. Empty for an unkeyed stream.
    """

    __slots__ = ("_paths", "fields")

    def __init__(self, fields: Mapping[str, str]) -> None:
        self.fields = dict(fields)
        self._paths = tuple((name, tuple(path.split("."))) for name, path in fields.items())

    def check(self, schema: Schema) -> None:
        """Make sure that the schema declares every field of the key, before the first event is read.

        Raises:
            DocumentError: It does not.
        """
        for name, path in self.fields.items():
            if not schema.has_field(path):
                raise DocumentError(
                    f"message_key_fields.{name} is {path!r}, which the schema {schema.uri} does not have.",
                    hint="Correct the stream configuration, or use a version of the schema that has the field.",
                    field=path,
                    schema=schema.uri,
                )

    def of(self, event: Event) -> bytes | None:
        """The key: a JSON object, compact, with the declared names in declared order. None for an unkeyed stream.

        Raises:
            InputError: The event lacks a field of the key, or has something there that is not text, a number or a boolean.
        """
        if not self._paths:
            return None
        key = {name: _scalar(event, path) for name, path in self._paths}
        try:
            return orjson.dumps(key)
        except orjson.JSONEncodeError as error:
            raise InputError(f"The message key cannot be built: {error}.", hint=_CORRECT) from error


def _meta_text(event: Event, name: str) -> str | None:
    meta = event.get("meta")
    found = meta.get(name) if isinstance(meta, dict) else None
    return found if isinstance(found, str) else None


def _scalar(event: Event, path: tuple[str, ...]) -> str | int | float:
    value: Any = event
    try:
        for name in path:
            value = value[name]
    except (KeyError, TypeError):
        value = None
    if isinstance(value, _SCALAR):
        return value
    field = ".".join(path)
    found = "missing" if value is None else f"{type(value).__name__}, not text or a number"
    raise InputError(f"The message key cannot be built: {field} is {found}.", hint=_CORRECT, field=field)
