"""Message keys: Kafka keys, built of fields of the event (Wikitech: Event Platform/Stream configuration)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from wikistate.errors import DocumentError, InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wikistate.core.events.meta import Event
    from wikistate.core.events.schema import Schema

_HINT = "Correct the producer of the event, or message_key_fields in the stream configuration."
_SCALAR = (str, int, float)  # a tuple, because a union would be built again for each field of each key


class MessageKey:
    """Builder of the message keys of a stream.

    Args:
        fields: Name in the key to dotted path in the event, in the order of the key. Empty for an unkeyed stream.
    """

    __slots__ = ("_paths", "fields")

    def __init__(self, fields: Mapping[str, str]) -> None:
        self.fields = dict(fields)
        self._paths = tuple((name, tuple(path.split("."))) for name, path in fields.items())

    def check_schema(self, schema: Schema) -> None:
        """Check that the schema declares every field of the key, before the first event is read.

        Raises:
            DocumentError: The schema does not declare a field of the key.
        """
        for name, path in self.fields.items():
            if not schema.has_field(path):
                raise DocumentError(
                    f"message_key_fields.{name} is {path!r}, which the schema {schema.uri} does not have.",
                    hint="Correct the stream configuration, or use a version of the schema that has the field.",
                    field=path,
                    schema=schema.uri,
                )

    def build(self, event: Event) -> bytes | None:
        """Return the key: a compact JSON object with the declared names in declared order. None for an unkeyed stream.

        Raises:
            InputError: The event lacks a field of the key, or the field is not text, a number or a boolean.
        """
        if not self._paths:
            return None
        key = {name: _read_scalar(event, path) for name, path in self._paths}
        try:
            return orjson.dumps(key)
        except orjson.JSONEncodeError as error:
            raise InputError(f"The message key cannot be built: {error}.", hint=_HINT) from error


def _read_scalar(event: Event, path: tuple[str, ...]) -> str | int | float:
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
    raise InputError(f"The message key cannot be built: {field} is {found}.", hint=_HINT, field=field)
