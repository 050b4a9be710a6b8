"""Fields of mutation events: their names in each version, and readers that validate any JSON object."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

from wikistate.core.events.fields import quote_value
from wikistate.core.events.integers import MAX_INTEGER, is_integer
from wikistate.core.events.timestamps import parse_timestamp
from wikistate.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

MIME_TYPE = "text/turtle"

RDF_FIELDS = {
    "added": "rdf_added_data",
    "removed": "rdf_deleted_data",
    "linked": "rdf_linked_shared_data",
    "unlinked": "rdf_unlinked_shared_data",
}
"""Fields of an event by the fields of a `Patch`, in the order of the wire."""


class FieldNames(NamedTuple):
    """Names that differ between versions."""

    schema: str
    entity: str
    revision: str
    time: str


class MessageVersion(Enum):
    """Versions of the format. Version 1 was never published as a schema; old consumers use it."""

    V1 = FieldNames("/wikibase/rdf/update_stream/1.0.0", "entity", "revision", "event_time")
    V2 = FieldNames("/mediawiki/wikibase/entity/rdf_change/2.0.0", "entity_id", "rev_id", "dt")


VERSIONS = {version.value.schema: version.value for version in MessageVersion}


def read_text(event: Mapping[str, Any], field: str, *, under: str = "") -> str:
    """Return the text in a field, which lies `under` another. Raise `InputError` if it is not a text."""
    found = event.get(field)
    if isinstance(found, str):
        return found
    raise invalid_field(under + field, "text", found)


def read_number(event: Mapping[str, Any], field: str, *, minimum: int) -> int:
    """Return the integer in a field. Raise `InputError` if it is not an integer or is below the minimum."""
    found = event.get(field)
    if is_integer(found, minimum=minimum):
        return found
    raise invalid_field(field, f"an integer from {minimum} to {MAX_INTEGER}", found)


def read_time(event: Mapping[str, Any], field: str) -> int:
    """Return the timestamp in a field, milliseconds since the epoch. Raise `InputError` if it is not a timestamp."""
    stated = read_text(event, field)
    if (found := parse_timestamp(stated)) is not None:
        return found
    raise invalid_field(field, "an RFC 3339 timestamp", stated)


def invalid_field(field: str, expected: str, found: object) -> InputError:
    """Return the error for a field with an invalid value."""
    state = f"is {quote_value(found, 100)}" if found is not None else "is absent"
    return InputError(f"{field} {state}, but must be {expected}.", field=field)
