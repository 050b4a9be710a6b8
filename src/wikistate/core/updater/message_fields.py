"""The fields of mutation events: what they are called in which version, and how they are read from what may be anything."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

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
"""Field of an event by field of a `Patch`, in the order of the wire."""


class FieldNames(NamedTuple):
    """What differs between versions."""

    schema: str
    entity: str
    revision: str
    time: str


class MessageVersion(Enum):
    """The versions of the format. Version 1 was never published as a schema; readers of old know it."""

    V1 = FieldNames("/wikibase/rdf/update_stream/1.0.0", "entity", "revision", "event_time")
    V2 = FieldNames("/mediawiki/wikibase/entity/rdf_change/2.0.0", "entity_id", "rev_id", "dt")


VERSIONS = {version.value.schema: version.value for version in MessageVersion}


def read_text(event: Mapping[str, Any], field: str, *, under: str = "") -> str:
    """The text in a field, which lies `under` another. Raises `InputError` when there is none."""
    found = event.get(field)
    if isinstance(found, str):
        return found
    raise invalid_field(under + field, "text", found)


def read_number(event: Mapping[str, Any], field: str, *, minimum: int) -> int:
    """The integer in a field. Raises `InputError` when there is none, or a smaller one."""
    found = event.get(field)
    if type(found) is int and found >= minimum:  # a bool is an int to isinstance
        return found
    raise invalid_field(field, f"an integer from {minimum} on", found)


def read_time(event: Mapping[str, Any], field: str) -> int:
    """The timestamp in a field, milliseconds since the epoch. Raises `InputError` when there is none."""
    stated = read_text(event, field)
    if (found := parse_timestamp(stated)) is not None:
        return found
    raise invalid_field(field, "an RFC 3339 timestamp", stated)


def invalid_field(field: str, expected: str, found: object) -> InputError:
    """The error of a field that is not what it must be."""
    what = f"is {found!r:.100}" if found is not None else "is absent"
    return InputError(f"{field} {what}, but must be {expected}.", field=field)
