"""Messages: encoding of mutations as events of a stream, and decoding.

If the triples of a mutation do not fit into one event, they are split into several. These are numbered from 0 and follow
each other in one partition. Source of the fields: the schema ``mediawiki/wikibase/entity/rdf_change`` and the stream's
description on Wikitech, "Wikidata Query Service/Streaming Updater".
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, NamedTuple

from wikistate.core.events.fields import quote_value
from wikistate.core.events.timestamps import format_timestamp, parse_timestamp
from wikistate.core.rdf.patch import Patch
from wikistate.core.updater.chunks import SOFT_MAXIMUM, split_into_chunks
from wikistate.core.updater.entity_id import check_page_entity
from wikistate.core.updater.input_events import Origin
from wikistate.core.updater.message_fields import (
    MIME_TYPE,
    RDF_FIELDS,
    VERSIONS,
    MessageVersion,
    invalid_field,
    read_number,
    read_text,
    read_time,
)
from wikistate.core.updater.message_rdf import read_patch
from wikistate.core.updater.mutation import Mutation, OperationName
from wikistate.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wikistate.core.events.meta import Event


_OPERATIONS = {operation.value: operation for operation in OperationName}


class Message(NamedTuple):
    """Event of a mutation stream.

    Attributes:
        operation: Operation of the mutation.
        entity: Id of the entity.
        revision: Revision that the store holds afterwards.
        time: Event time, milliseconds since the epoch.
        sequence: Place among the messages of the mutation, from 0.
        sequence_length: Number of messages of the mutation.
        origin: Metadata of the message itself: `origin.request_id` is common to all messages of a mutation.
        patch: The triples of this message.
    """

    operation: OperationName
    entity: str
    revision: int
    time: int
    sequence: int
    sequence_length: int
    origin: Origin
    patch: Patch


def encode_mutation(
    mutation: Mutation, version: MessageVersion, *, domain: str, now: int, soft_maximum: int = SOFT_MAXIMUM
) -> list[Event]:
    """Return the events of a mutation; none if the mutation changes nothing.

    The `meta.id` of an event is the same when it is built again after a crash, so that consumers can drop repeats.

    Args:
        mutation: The mutation to encode.
        version: Version of the format.
        domain: Host name of the wiki.
        now: Value of `meta.dt`, milliseconds since the epoch.
        soft_maximum: Length at which the RDF is split, in UTF-16 units; it may be exceeded by one triple.
    """
    if mutation.operation is OperationName.DELETE:
        bodies: list[dict[str, str]] = [{}]
    else:
        bodies = _distribute(mutation.patch, soft_maximum)
    names = version.value
    return [
        {
            "$schema": names.schema,
            "meta": _build_meta(mutation, sequence, domain=domain, now=now),
            names.entity: mutation.entity,
            names.revision: mutation.revision,
            names.time: format_instant(mutation.time),
            "sequence": sequence,
            "sequence_length": len(bodies),
            "operation": mutation.operation.value,
            **{field: {"data": body[field], "mime_type": MIME_TYPE} for field in RDF_FIELDS.values() if field in body},
        }
        for sequence, body in enumerate(bodies)
    ]


def _build_meta(mutation: Mutation, sequence: int, *, domain: str, now: int) -> dict[str, str]:
    origin = mutation.origin
    name = f"{mutation.stream}/{origin.stream}/{origin.id}/{mutation.operation}/{mutation.entity}/{mutation.revision}/{sequence}"
    meta = {
        "dt": format_instant(now),
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, name) if origin.id else uuid.uuid4()),
        "domain": domain,
        "stream": mutation.stream,
    }
    return meta | ({"request_id": origin.request_id} if origin.request_id else {})


def _distribute(patch: Patch, soft_maximum: int) -> list[dict[str, str]]:
    """Return the RDF by field for each event: a document is put into the first event that has room and lacks its field."""
    bodies: list[dict[str, str]] = []
    lengths: list[int] = []
    for kind, field in RDF_FIELDS.items():
        for chunk in split_into_chunks(getattr(patch, kind), soft_maximum):
            fits = (i for i, body in enumerate(bodies) if field not in body and lengths[i] < soft_maximum)
            place = next(fits, len(bodies))
            if place == len(bodies):
                bodies.append({})
                lengths.append(0)
            bodies[place][field] = chunk.text
            lengths[place] += chunk.length
    return bodies


def format_instant(milliseconds: int) -> str:
    """Return RFC 3339 in the established form of the stream: milliseconds are written only if they are not zero."""
    return format_timestamp(milliseconds).replace(".000Z", "Z")


def decode_message(event: Mapping[str, Any]) -> Message:
    """Read an event of either version.

    Args:
        event: The decoded JSON object; it need not be valid.

    Raises:
        InputError: The event is not a message of a mutation; the error has the field, the found and the expected value.
    """
    stated = event.get("$schema")
    names = VERSIONS.get(stated) if isinstance(stated, str) else None
    if names is None:
        known = " or ".join(VERSIONS)
        raise InputError(f"$schema is {quote_value(event.get('$schema'), 100)}, but must be {known}.", field="$schema")
    operation = _read_operation(event)
    sequence, length = _read_sequence(event)
    entity = read_text(event, names.entity)
    check_page_entity(entity)
    return Message(
        operation,
        entity,
        read_number(event, names.revision, minimum=0),
        read_time(event, names.time),
        sequence,
        length,
        _read_origin(event),
        _read_message_patch(event, operation),
    )


def _read_sequence(event: Mapping[str, Any]) -> tuple[int, int]:
    sequence = read_number(event, "sequence", minimum=0)
    length = read_number(event, "sequence_length", minimum=1)
    if sequence >= length:
        raise InputError(
            f"sequence is {sequence}, but must be below sequence_length, which is {length}.", field="sequence"
        )
    return sequence, length


def _read_operation(event: Mapping[str, Any]) -> OperationName:
    name = read_text(event, "operation")
    if (operation := _OPERATIONS.get(name)) is None:
        raise invalid_field("operation", f"one of {', '.join(OperationName)}", name)
    return operation


def _read_message_patch(event: Mapping[str, Any], operation: OperationName) -> Patch:
    patch = read_patch(event)
    if operation is OperationName.DELETE and any(patch):
        raise InputError(
            "operation is 'delete', but the message has RDF; a deletion must not have any.", field="operation"
        )
    return patch


def _read_origin(event: Mapping[str, Any]) -> Origin:
    meta = event.get("meta")
    if not isinstance(meta, dict):
        raise invalid_field("meta", "an object", meta)
    request_id = meta.get("request_id", "")
    if not isinstance(request_id, str):
        raise invalid_field("meta.request_id", "text", request_id)
    return Origin(
        schema=str(event["$schema"]),
        dt=_read_optional(meta, "dt"),
        id=_read_optional(meta, "id"),
        domain=_read_optional(meta, "domain"),
        stream=read_text(meta, "stream", under="meta."),
        request_id=request_id,
    )


def _read_optional(meta: Mapping[str, Any], field: str) -> str:
    found = meta.get(field)
    return found if isinstance(found, str) else ""


def merge_chunks(messages: Sequence[Message]) -> Mutation:
    """Join the messages of a mutation.

    Args:
        messages: All messages of the mutation, in order.

    Raises:
        InputError: The messages are not all messages of one mutation, from the first to the last.
    """
    if not messages:
        raise InputError("A mutation has at least one message.")
    first = messages[0]
    for place, message in enumerate(messages):
        if message.sequence_length != len(messages) or message.sequence != place:
            raise InputError(
                f"{_format_name(message)} is not message {place + 1} of {len(messages)}.", entity=message.entity
            )
        if message is not first:
            _check_same_mutation(first, message)
    return Mutation(
        first.operation,
        first.entity,
        first.revision,
        first.time,
        parse_timestamp(first.origin.dt) or first.time,
        first.origin,
        first.origin.stream,
        _merge_patches([message.patch for message in messages]),
    )


def _format_name(message: Message) -> str:
    return f"Message {message.sequence + 1} of {message.sequence_length} about {message.entity}"


def _check_same_mutation(first: Message, message: Message) -> None:
    for name, found, expected in (
        ("entity", message.entity, first.entity),
        ("operation", message.operation, first.operation),
        ("revision", message.revision, first.revision),
        ("stream", message.origin.stream, first.origin.stream),
        ("request id", message.origin.request_id, first.origin.request_id),
    ):
        if found != expected:
            raise InputError(
                f"{_format_name(message)} has the {name} {quote_value(found, 100)}, but the first message has {quote_value(expected, 100)}.",
                entity=message.entity,
            )


def _merge_patches(patches: Sequence[Patch]) -> Patch:
    """Merge the patches to one in which no triple is in two sets, for any content of the messages.

    Insertions override deletions, as if they were applied after them. Triples that several entities may share override
    triples of this entity alone.
    """
    if len(patches) == 1:
        added, removed, linked, unlinked = patches[0]
    else:
        added, removed, linked, unlinked = (frozenset[Any]().union(*kind) for kind in zip(*patches, strict=True))
    return Patch(
        _subtract(added, linked),
        _subtract(removed, added, linked, unlinked),
        linked,
        _subtract(unlinked, added, linked),
    )


def _subtract(triples: frozenset[Any], *others: frozenset[Any]) -> frozenset[Any]:
    for other in others:
        if not triples.isdisjoint(other):
            return triples.difference(*others)
    return triples
