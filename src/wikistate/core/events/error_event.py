"""Error events: failures of a job, each with the event that could not be processed (schema ``error`` 2.1.0).

An error event is valid for any content of the failed event, because a failure that is not written there is lost. Values
that are copied from the failed event are checked, cleaned and bounded. No text holds a secret of this process.
"""

from __future__ import annotations

import hashlib
from codecs import getincrementaldecoder
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

import orjson

from wikistate.core.events.timestamps import format_timestamp
from wikistate.secret import mask

if TYPE_CHECKING:
    from wikistate.core.events.meta import Event
    from wikistate.streaming.record import Record

SCHEMA_TITLE = "error"
SCHEMA_URI = "/error/2.1.0"

_MAX_IDENTITY_LENGTH = 1024  # characters; a longer text is not a host name, stream or request id
_MAX_TEXT_BYTES = 16_384  # bytes of a message or stack, escaped as a JSON string

_TRUNCATION_MARK = " (raw_event is cut:"

_MEASURED_BYTES = 256 * 1024  # bytes of a failed event that are escaped at once to measure them

_Utf8 = getincrementaldecoder("utf-8")


@dataclass(frozen=True, slots=True, kw_only=True)
class Emitter:
    """Job that reports failures, with its streams: the same for all error events of the job.

    Attributes:
        emitter_id: The name of the job.
        stream: The error stream.
        schema_uri: The schema of the error stream.
        source_stream: The stream that the job reads, for an event that does not name its stream.
        source_schema_uri: The schema that the job reads with, for an event that does not name its schema.
    """

    emitter_id: str
    stream: str
    schema_uri: str = SCHEMA_URI
    source_stream: str
    source_schema_uri: str


def build_error_id(emitter: Emitter, *, error_type: str, record: Record, event: object) -> str:
    """Return the `meta.id` of an error event: the same whenever the same record fails in the same way.

    A crash or an outage repeats records, and a reader recognises the repeated error event by its id. An event that names
    itself is known by its name and its content, wherever it is read. Any other record is known by its position as well,
    because several records may have the same content.

    Args:
        emitter: The job that reports the failure.
        error_type: Class of the failure.
        record: The record that failed.
        event: The failed event as far as it could be decoded; None if it could not be.
    """
    name = _read_identity(event.get("meta") if isinstance(event, dict) else None, "id")
    place = (record.partition.topic, record.partition.number, record.offset) if name is None else ()
    about = repr((emitter.stream, emitter.emitter_id, error_type, name, place, record.truncated_bytes))
    digest = hashlib.sha256(about.encode(errors="backslashreplace") + (record.value or b"")).digest()
    return str(UUID(bytes=digest[:16], version=5))


def build_error_event(
    emitter: Emitter,
    *,
    error_type: str,
    message: str,
    raw: bytes | None,
    event: object,
    now: int,
    event_id: str,
    max_raw_bytes: int,
    truncated_bytes: int = 0,
    stack: str = "",
    triggered_by: str = "",
) -> Event:
    """Build the event for the error stream.

    Args:
        emitter: The job that reports the failure.
        error_type: Class of the failure, for machines. The number of classes is bounded: they are also metric labels.
        message: Description of the failure, for people.
        raw: Bytes of the failed event as the source read them; None if there are none.
        event: The failed event as far as it could be decoded; None if it could not be.
        now: Milliseconds since the epoch.
        event_id: The `meta.id`; see `build_error_id`.
        max_raw_bytes: Size limit of `raw_event` as it is on the wire, that is, escaped as a JSON string.
        truncated_bytes: Number of bytes of the event that the source had already left out of `raw`.
        stack: Place in the code, if it helps.
        triggered_by: Cause of the failed work, to correlate events.
    """
    raw_text, left_out = truncate_to_size(raw or b"", max_raw_bytes)
    meta = event.get("meta") if isinstance(event, dict) else None
    texts = {
        "error_type": error_type,
        "stack": stack,
        "triggered_by": triggered_by,
        "errored_schema_uri": _read_identity(event, "$schema") or emitter.source_schema_uri,
        "errored_stream_name": _read_identity(meta, "stream") or emitter.source_stream,
    }
    return {
        "$schema": emitter.schema_uri,
        "meta": {"stream": emitter.stream, "id": event_id, **_read_correlation_ids(meta)},
        "dt": format_timestamp(now),
        "emitter_id": emitter.emitter_id,
        "message": _clean(mask(message))
        + _format_truncation(len(raw or b"") + truncated_bytes, left_out + truncated_bytes),
        **{name: _clean(mask(text)) for name, text in texts.items() if text},
        **({} if raw is None else {"raw_event": raw_text}),
    }


def shorten_error_event(value: bytes, max_bytes: int) -> bytes:
    """Return an encoded error event with its `raw_event` cut, so that it has at most so many bytes if that is possible.

    The message names the number of bytes that are left out, which includes those of an earlier cut.
    """
    event: Event = orjson.loads(value)
    raw = event.get("raw_event")
    if not isinstance(raw, str):
        return value
    message, mark, earlier = str(event["message"]).rpartition(_TRUNCATION_MARK)
    numbers = [int(word) for word in earlier.split() if word.isdecimal()]
    if not mark or len(numbers) != len(("missing", "size")) or not earlier.endswith(" bytes)"):
        message, numbers = str(event["message"]), []
    encoded = raw.encode()
    missing, size = numbers or (0, len(encoded))
    envelope = len(orjson.dumps({**event, "raw_event": "", "message": message + _format_truncation(size, size)}))
    text, left_out = truncate_to_size(encoded, max(0, max_bytes - envelope))
    cut = _format_truncation(size, missing + left_out)
    return orjson.dumps({**event, "raw_event": text, "message": message + cut})


def truncate_to_size(raw: bytes, limit: int) -> tuple[str, int]:
    """Return a beginning of `raw` that takes at most `limit` bytes as a JSON string, and the number of bytes cut.

    Bytes that are not UTF-8 are escaped with backslashes. The text is measured in steps: a byte may take six as an escape.
    """
    decoder = _Utf8("backslashreplace")
    texts: list[str] = []
    end, left = min(len(raw), limit), limit  # a byte takes at least one
    for start in range(0, end, _MEASURED_BYTES):
        whole = length = min(_MEASURED_BYTES, end - start)
        state = decoder.getstate()
        while True:
            decoder.setstate(state)
            text = decoder.decode(raw[start : start + length], final=start + length == len(raw))
            size = len(orjson.dumps(text)) - len('""')
            if size <= left:
                break
            length = length * left // size  # always smaller; if escapes are spread evenly, the next pass fits
        texts.append(text)
        left -= size
        if length < whole:
            end = start + length
            break
    pieces, _ = decoder.getstate()  # bytes of a character that the limit cuts in two
    return "".join(texts), len(raw) - end + len(pieces)


def _read_correlation_ids(meta: object) -> dict[str, str]:
    found = {name: _read_identity(meta, name) for name in ("domain", "request_id")}
    return {name: text for name, text in found.items() if text is not None}


def _read_identity(fields: object, name: str) -> str | None:
    found = fields.get(name) if isinstance(fields, dict) else None
    return _clean(found) if isinstance(found, str) and 0 < len(found) <= _MAX_IDENTITY_LENGTH else None


def _clean(text: str) -> str:
    """Return the text without lone surrogates, so that it can be encoded, and bounded in its size on the wire."""
    return truncate_to_size(text[:_MAX_TEXT_BYTES].encode(errors="backslashreplace"), _MAX_TEXT_BYTES)[0]


def _format_truncation(size: int, left_out: int) -> str:
    return f"{_TRUNCATION_MARK} it lacks the last {left_out} of {size} bytes)" if left_out else ""


def is_truncated(message: str) -> bool:
    """Return whether the message of an error event says that its `raw_event` is truncated."""
    return _TRUNCATION_MARK in message
