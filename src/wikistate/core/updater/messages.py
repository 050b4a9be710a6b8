"""Mutations as events of a stream, and back.

The triples of a mutation that do not fit into one event are spread over several, numbered from 0, which follow each
other in one partition. Source of the fields: the schema ``mediawiki/wikibase/entity/rdf_change`` and the stream's
description on Wikitech, "Wikidata Query Service/Streaming Updater".
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, NamedTuple

from wikistate.core.events.timestamps import format_timestamp, parse_timestamp
from wikistate.core.rdf.patch import Patch
from wikistate.core.updater.chunks import SOFT_MAXIMUM, turtle_chunks
from wikistate.core.updater.entity_id import check_page_entity
from wikistate.core.updater.inputs import Origin
from wikistate.core.updater.message_fields import FIELDS, MIME_TYPE, VERSIONS, MessageVersion, number, text, time, wrong
from wikistate.core.updater.message_rdf import patch_of
from wikistate.core.updater.mutation import Mutation, OperationName
from wikistate.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wikistate.core.events.meta import Event


_OPERATIONS = {operation.value: operation for operation in OperationName}


class Message(NamedTuple):
    """One event of a mutation stream.

    Attributes:
        operation: Of the mutation.
        entity: Id of the entity.
        revision: That the store holds afterwards.
        time: Event time, milliseconds since the epoch.
        sequence: Place among the messages of the mutation, from 0.
        sequence_length: How many there are.
        origin: What the message states of itself: `origin.request_id` is common to all messages of a mutation.
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


def encode(
    mutation: Mutation, version: MessageVersion, *, domain: str, now: int, soft_maximum: int = SOFT_MAXIMUM
) -> list[Event]:
    """The events of a mutation; none where there is nothing to say.

    Each has a `meta.id` that is the same when the same is made again after a crash, so that readers can drop repeats.

    Args:
        mutation: What to encode.
        version: Of the format.
        domain: Host name of the wiki.
        now: For `meta.dt`, milliseconds since the epoch.
        soft_maximum: From which length on the RDF is cut, in UTF-16 units; one triple more may be in it.
    """
    if mutation.operation is OperationName.DELETE:
        bodies: list[dict[str, str]] = [{}]
    else:
        bodies = _spread(mutation.patch, soft_maximum)
    names = version.value
    return [
        {
            "$schema": names.schema,
            "meta": _meta(mutation, sequence, domain=domain, now=now),
            names.entity: mutation.entity,
            names.revision: mutation.revision,
            names.time: instant(mutation.time),
            "sequence": sequence,
            "sequence_length": len(bodies),
            "operation": mutation.operation.value,
            **{field: {"data": body[field], "mime_type": MIME_TYPE} for field in FIELDS.values() if field in body},
        }
        for sequence, body in enumerate(bodies)
    ]


def _meta(mutation: Mutation, sequence: int, *, domain: str, now: int) -> dict[str, str]:
    origin = mutation.origin
    name = f"{mutation.stream}/{origin.stream}/{origin.id}/{mutation.operation}/{mutation.entity}/{mutation.revision}/{sequence}"
    meta = {
        "dt": instant(now),
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, name) if origin.id else uuid.uuid4()),
        "domain": domain,
        "stream": mutation.stream,
    }
    return meta | ({"request_id": origin.request_id} if origin.request_id else {})


def _spread(patch: Patch, soft_maximum: int) -> list[dict[str, str]]:
    """RDF by field, for each event: every document goes into the first event that has room and none of its kind."""
    bodies: list[dict[str, str]] = []
    lengths: list[int] = []
    for kind, field in FIELDS.items():
        for chunk in turtle_chunks(getattr(patch, kind), soft_maximum):
            fits = (i for i, body in enumerate(bodies) if field not in body and lengths[i] < soft_maximum)
            place = next(fits, len(bodies))
            if place == len(bodies):
                bodies.append({})
                lengths.append(0)
            bodies[place][field] = chunk.text
            lengths[place] += chunk.length
    return bodies


def instant(milliseconds: int) -> str:
    """RFC 3339 as the stream has always written it: with milliseconds only where there are any."""
    return format_timestamp(milliseconds).replace(".000Z", "Z")


def decode(event: Mapping[str, Any]) -> Message:
    """Read an event of either version.

    Args:
        event: As decoded from JSON; it need not be valid.

    Raises:
        InputError: It is no message of a mutation; which field is wrong, what was found and what was expected.
    """
    names = VERSIONS.get(str(event.get("$schema")))
    if names is None:
        known = " or ".join(VERSIONS)
        raise InputError(f"$schema is {event.get('$schema')!r:.100}, but a mutation has {known}.", field="$schema")
    operation = _operation(event)
    sequence, length = _sequence(event)
    entity = text(event, names.entity)
    check_page_entity(entity)
    return Message(
        operation,
        entity,
        number(event, names.revision, least=0),
        time(event, names.time),
        sequence,
        length,
        _origin(event),
        _patch(event, operation),
    )


def _sequence(event: Mapping[str, Any]) -> tuple[int, int]:
    sequence = number(event, "sequence", least=0)
    length = number(event, "sequence_length", least=1)
    if sequence >= length:
        raise InputError(f"sequence is {sequence} of {length}; it counts from 0.", field="sequence")
    return sequence, length


def _operation(event: Mapping[str, Any]) -> OperationName:
    name = text(event, "operation")
    if (operation := _OPERATIONS.get(name)) is None:
        raise wrong("operation", f"one of {', '.join(OperationName)}", name)
    return operation


def _patch(event: Mapping[str, Any], operation: OperationName) -> Patch:
    patch = patch_of(event)
    if operation is OperationName.DELETE and any(patch):
        raise InputError("A mutation that deletes has RDF; it must have none.", field="operation")
    return patch


def _origin(event: Mapping[str, Any]) -> Origin:
    meta = event.get("meta")
    if not isinstance(meta, dict):
        raise wrong("meta", "an object", meta)
    request_id = meta.get("request_id", "")
    if not isinstance(request_id, str):
        raise wrong("meta.request_id", "text", request_id)
    return Origin(
        schema=str(event["$schema"]),
        dt=_optional(meta, "dt"),
        id=_optional(meta, "id"),
        domain=_optional(meta, "domain"),
        stream=text(meta, "stream", under="meta."),
        request_id=request_id,
    )


def _optional(meta: Mapping[str, Any], field: str) -> str:
    found = meta.get(field)
    return found if isinstance(found, str) else ""


def join(messages: Sequence[Message]) -> Mutation:
    """Put a mutation together.

    Args:
        messages: All of its messages, in order.

    Raises:
        InputError: They are not all messages of one mutation, from the first to the last.
    """
    if not messages:
        raise InputError("A mutation has at least one message.")
    first = messages[0]
    for place, message in enumerate(messages):
        if message.sequence_length != len(messages) or message.sequence != place:
            raise InputError(f"{_named(message)} is not message {place + 1} of {len(messages)}.", entity=message.entity)
        if message is not first:
            _check_alike(first, message)
    return Mutation(
        first.operation,
        first.entity,
        first.revision,
        first.time,
        parse_timestamp(first.origin.dt) or first.time,
        first.origin,
        first.origin.stream,
        _union([message.patch for message in messages]),
    )


def _named(message: Message) -> str:
    return f"Message {message.sequence + 1} of {message.sequence_length} about {message.entity}"


def _check_alike(first: Message, message: Message) -> None:
    for name, own, expected in (
        ("entity", message.entity, first.entity),
        ("operation", message.operation, first.operation),
        ("revision", message.revision, first.revision),
        ("stream", message.origin.stream, first.origin.stream),
        ("request id", message.origin.request_id, first.origin.request_id),
    ):
        if own != expected:
            raise InputError(
                f"{_named(message)} has the {name} {own!r:.100}, the first of them {expected!r:.100}.",
                entity=message.entity,
            )


def _union(patches: Sequence[Patch]) -> Patch:
    """The patches as one, in which no triple is in two places, whatever the messages say.

    What comes wins over what goes, as it does where both are applied in this order; and what may be of others, too, over
    what is of this entity alone.
    """
    if len(patches) == 1:
        added, removed, linked, unlinked = patches[0]
    else:
        added, removed, linked, unlinked = (frozenset[Any]().union(*kind) for kind in zip(*patches, strict=True))
    return Patch(
        _without(added, linked), _without(removed, added, linked, unlinked), linked, _without(unlinked, added, linked)
    )


def _without(triples: frozenset[Any], *others: frozenset[Any]) -> frozenset[Any]:
    for other in others:
        if not triples.isdisjoint(other):
            return triples.difference(*others)
    return triples
