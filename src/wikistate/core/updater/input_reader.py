"""Input reader: turns the records of input streams into changes of entities.

Schemas differ in the places of their fields; each has an `EventFormat`. The common rules are here: the order of the
checks, and that every record with a time advances the event time of its partition, even if it is filtered or rejected.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from wikistate.core.events.decoder import Decoder, read_object
from wikistate.core.events.fields import as_text, quote_value
from wikistate.core.events.integers import MAX_INTEGER, is_integer
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
"""Milliseconds by which the clock of an event's producer may be ahead of the local clock."""


class InputReading(NamedTuple):
    """Content of a record.

    Attributes:
        time: Event time of its partition, milliseconds since the epoch; None if the record has no time.
        outcome: The change of an entity, or the reason why the record is filtered or rejected.
    """

    time: int | None
    outcome: InputEvent | Filtered | RejectedEvent


class EventFormat(Protocol):
    """Mapping of the events of a schema to changes of entities.

    Protocol: `event_time` and `filter_reason` accept any JSON object and raise nothing; `read` is called with events that
    follow the schema and were not filtered.

    Attributes:
        time_field: The field that `event_time` reads: ``dt`` or ``meta.dt``.
    """

    time_field: str

    def event_time(self, event: Event) -> int | None:
        """Return the event time of the event's partition; None if the event has no time."""

    def filter_reason(self, event: Event) -> FilterReason | None:
        """Return the reason why the event is dropped; None if it is processed."""

    def read(self, event: Event, ingested: int) -> InputEvent:
        """Return the change that the event reports.

        Raises:
            InputError: The event follows its schema but cannot be about an entity.
        """


class InputReader:
    """Reader of the input streams of a job. The `$schema` of a record selects the format.

    Args:
        inputs: The pinned version of each schema that a stream has, with its format.
    """

    def __init__(self, inputs: Iterable[tuple[Schema, EventFormat]]) -> None:
        self._inputs = {
            schema.title: (Decoder(schema, keep_unknown=True), event_format) for schema, event_format in inputs
        }

    @property
    def time_fields(self) -> Mapping[str, str]:
        """The field of the event time, by the title of the schema."""
        return {title: event_format.time_field for title, (_, event_format) in self._inputs.items()}

    def read(self, record: Record, *, ingested: int) -> InputReading:
        """Return the content of a record. Raise nothing for any record.

        Args:
            record: The record of the source.
            ingested: Now, milliseconds since the epoch.
        """
        event = read_object(record)
        if not isinstance(event, dict):
            return InputReading(None, event)
        stated = event.get("$schema")
        title = stated.removeprefix("/").rpartition("/")[0] if isinstance(stated, str) else ""
        if title not in self._inputs:
            return InputReading(
                None, Filtered(FilterReason.CANARY) if is_canary(event) else self._reject_unknown(event)
            )
        decoder, event_format = self._inputs[title]
        found = _read_event(event, ingested, decoder, event_format)
        time = event_format.event_time(event)
        if not isinstance(found, Filtered | RejectedEvent):
            found = found._replace(time=_limit_to_now(found.time, ingested))
        return InputReading(None if time is None else _limit_to_now(time, ingested), found)

    def _reject_unknown(self, event: Event) -> RejectedEvent:
        expected = " or ".join(f"/{title}/" for title in self._inputs)
        return RejectedEvent(
            "WrongSchema", f"$schema must begin with {expected}, found {quote_value(event.get('$schema'), 100)}.", event
        )


def _limit_to_now(time: int, now: int) -> int:
    """Return the time, or now if it is in the future. Else one wrong clock would make all other events late for years."""
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
    """Return the object in a field; an empty one if there is none."""
    found = event.get(name)
    return found if isinstance(found, dict) else {}


def read_origin(event: Event) -> Origin:
    """Return the fields that derived events copy."""
    meta = nested(event, "meta")
    names = ("dt", "id", "domain", "stream", "request_id")
    return Origin(
        as_text(event.get("$schema")), *(found if isinstance(found := meta.get(n), str) else "" for n in names)
    )


def read_timestamp(event: Mapping[str, Any], field: str = "dt") -> int:
    """Return the time in a field, milliseconds since the epoch.

    Raises:
        InputError: The field is not a timestamp.
    """
    found = event.get(field)
    time = parse_timestamp(found) if isinstance(found, str) else None
    if time is None:
        raise InputError(f"{field} is {quote_value(found, 100)}, but must be an RFC 3339 timestamp.", field=field)
    return time


def require_revision(revision: int) -> int:
    """Return the revision if it can exist.

    Raises:
        InputError: The revision is 0, which events use for no revision, or is not a number that a wiki can have.
    """
    if not is_integer(revision, minimum=1):
        raise InputError(
            f"The revision is {quote_value(revision, 40)}, but must be from 1 to {MAX_INTEGER}.", revision=revision
        )
    return revision
