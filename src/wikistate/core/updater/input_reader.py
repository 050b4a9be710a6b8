"""From the records of input streams to what happened to entities.

Schemas differ in where they say what; each has a `EventFormat`. What is common is here: the order of the checks, and that a
record says what time it is in its partition whatever becomes of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from wikistate.core.events.decoder import Decoder, read_object
from wikistate.core.events.meta import is_canary
from wikistate.core.events.rejection import Filtered, FilterReason, RejectedEvent
from wikistate.core.events.timestamps import parse_timestamp
from wikistate.core.updater.input_events import InputEvent, Origin
from wikistate.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wikistate.core.events.meta import Event
    from wikistate.core.events.schema import Schema
    from wikistate.streaming.record import Record


CLOCK_SKEW = 60_000
"""How far ahead the clock of who wrote an event may be of ours, in milliseconds."""


class InputReading(NamedTuple):
    """What a record says.

    Attributes:
        time: What time it is in its partition, milliseconds since the epoch; None where it does not say.
        outcome: What happened to which entity; or why that is dropped or refused.
    """

    time: int | None
    outcome: InputEvent | Filtered | RejectedEvent


class EventFormat(Protocol):
    """Where the events of a schema say what.

    Protocol: `event_time` and `filter_reason` are given any JSON object and raise nothing; `read` is given what follows the
    schema and was not dropped.
    """

    def event_time(self, event: Event) -> int | None:
        """What time it is in the event's partition."""

    def filter_reason(self, event: Event) -> FilterReason | None:
        """Why the event is not wanted, None when it is."""

    def read(self, event: Event, ingested: int) -> InputEvent:
        """What happened.

        Raises:
            InputError: The event follows its schema, and yet it cannot be about an entity.
        """


class InputReader:
    """Reads the streams of a job. Which of them a record is of, its `$schema` says.

    Args:
        inputs: The pinned version of each schema that a stream has, and its shape.
    """

    def __init__(self, inputs: Iterable[tuple[Schema, EventFormat]]) -> None:
        self._inputs = {schema.title: (Decoder(schema, keep_unknown=True), shape) for schema, shape in inputs}

    def read(self, record: Record, *, ingested: int) -> InputReading:
        """What a record says. Raises nothing, whatever it holds.

        Args:
            record: As the source gave it.
            ingested: Now, milliseconds since the epoch.
        """
        event = read_object(record)
        if not isinstance(event, dict):
            return InputReading(None, event)
        title = str(event.get("$schema")).removeprefix("/").rpartition("/")[0]
        if title not in self._inputs:
            return InputReading(
                None, Filtered(FilterReason.CANARY) if is_canary(event) else self._reject_unknown(event)
            )
        decoder, shape = self._inputs[title]
        found = _read_event(event, ingested, decoder, shape)
        time = shape.event_time(event)
        if not isinstance(found, Filtered | RejectedEvent):
            found = found._replace(time=_limit_to_now(found.time, ingested))
        return InputReading(None if time is None else _limit_to_now(time, ingested), found)

    def _reject_unknown(self, event: Event) -> RejectedEvent:
        expected = " or ".join(f"/{title}/" for title in self._inputs)
        return RejectedEvent(
            "WrongSchema", f"$schema must begin with {expected}, found {event.get('$schema')!r:.100}.", event
        )


def _limit_to_now(time: int, now: int) -> int:
    """The time; now where it is in the future. Else one clock that is wrong would make all others late for years."""
    return now if time > now + CLOCK_SKEW else time


def _read_event(
    event: Event, ingested: int, decoder: Decoder, event_format: EventFormat
) -> InputEvent | Filtered | RejectedEvent:
    reason = FilterReason.CANARY if is_canary(event) else event_format.filter_reason(event)
    if reason is not None:
        return Filtered(reason)
    conformed = decoder.conform(event)
    if isinstance(conformed, RejectedEvent):
        return conformed
    try:
        return event_format.read(conformed, ingested)
    except InputError as error:
        return RejectedEvent("InvalidInput", error.message, event)


def nested(event: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The object in a field; an empty one where there is none."""
    found = event.get(name)
    return found if isinstance(found, dict) else {}


def read_origin(event: Event) -> Origin:
    """What later events say of where they come from."""
    meta = nested(event, "meta")
    names = ("dt", "id", "domain", "stream", "request_id")
    return Origin(
        str(event.get("$schema", "")), *(found if isinstance(found := meta.get(n), str) else "" for n in names)
    )


def read_timestamp(event: Mapping[str, Any], field: str = "dt") -> int:
    """The time in a field, milliseconds since the epoch.

    Raises:
        InputError: There is none.
    """
    found = event.get(field)
    time = parse_timestamp(found) if isinstance(found, str) else None
    if time is None:
        raise InputError(f"{field} is {found!r:.100}, but the event needs an RFC 3339 timestamp there.", field=field)
    return time


def require_revision(revision: int) -> int:
    """The revision, when it can be one that exists.

    Raises:
        InputError: It is 0, which events use for none.
    """
    if revision < 1:
        raise InputError(f"The revision is {revision}, but what exists has one from 1 on.", revision=revision)
    return revision
