"""Error events: what a job could not do, with the event that it could not do it for (schema ``error`` 2.1.0).

Whatever the failed event holds, the error event is valid: it is the last place where nothing may be lost. What it takes
from that event is checked, cleaned and bounded.
"""

from __future__ import annotations

from codecs import getincrementaldecoder
from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson

from wikistate.core.events.timestamps import format_timestamp

if TYPE_CHECKING:
    from wikistate.core.events.meta import Event, NewId

SCHEMA_TITLE = "error"
SCHEMA_URI = "/error/2.1.0"

_MAX_IDENTITY_LENGTH = 1024  # characters; a longer host name, stream or request id is not one
_MAX_TEXT_BYTES = 16_384  # bytes of a message or stack, escaped as a JSON string

_TRUNCATION_MARK = " (raw_event is cut:"

_Utf8 = getincrementaldecoder("utf-8")


@dataclass(frozen=True, slots=True, kw_only=True)
class Emitter:
    """Who reports failures, and where: the same for all error events of a job.

    Attributes:
        emitter_id: The name of the job.
        stream: The error stream.
        schema_uri: The schema of the error stream.
        source_stream: The stream that the job reads, for an event that does not state its own.
        source_schema_uri: The schema that the job reads with, likewise.
    """

    emitter_id: str
    stream: str
    schema_uri: str = SCHEMA_URI
    source_stream: str
    source_schema_uri: str


def build_error_event(
    emitter: Emitter,
    *,
    error_type: str,
    message: str,
    raw: bytes | None,
    event: object,
    now: int,
    new_id: NewId,
    max_raw_bytes: int,
    truncated_bytes: int = 0,
    stack: str = "",
    triggered_by: str = "",
) -> Event:
    """Build the event for the error stream.

    Args:
        emitter: Who reports the failure.
        error_type: Its class, for machines: bounded in number, since it is also a metric's label.
        message: What happened, for people.
        raw: The failed event as it came; None where there are no bytes of it.
        event: The failed event as decoded, as far as it could be; None where it could not.
        now: Milliseconds since the epoch.
        new_id: Makes `meta.id`.
        max_raw_bytes: Size limit of `raw_event` as it is on the wire, that is, escaped as a JSON string.
        truncated_bytes: How many bytes of the event the source had already left out of `raw`.
        stack: Where in the code, when that helps.
        triggered_by: What set the failing work off, to correlate events.
    """
    kept, left_out = truncate_to_size(raw or b"", max_raw_bytes)
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
        "meta": {"stream": emitter.stream, "id": new_id(), **_read_correlation_ids(meta)},
        "dt": format_timestamp(now),
        "emitter_id": emitter.emitter_id,
        "message": _clean(message) + _format_truncation(len(raw or b"") + truncated_bytes, left_out + truncated_bytes),
        **{name: _clean(text) for name, text in texts.items() if text},
        **({} if raw is None else {"raw_event": kept}),
    }


def truncate_to_size(raw: bytes, limit: int) -> tuple[str, int]:
    """As much of the beginning of `raw` as takes at most `limit` bytes as a JSON string, and how many bytes it leaves out.

    What is not UTF-8 is shown with backslashes.
    """
    kept = min(len(raw), limit)
    while True:
        decoder = _Utf8("backslashreplace")
        text = decoder.decode(raw[:kept], final=kept == len(raw))
        size = len(orjson.dumps(text)) - len('""')
        if size <= limit:
            pieces, _ = decoder.getstate()  # of a character that the limit cuts in two
            return text, len(raw) - kept + len(pieces)
        kept = kept * limit // size  # always less than before, and right at once where escapes are spread evenly


def _read_correlation_ids(meta: object) -> dict[str, str]:
    found = {name: _read_identity(meta, name) for name in ("domain", "request_id")}
    return {name: text for name, text in found.items() if text is not None}


def _read_identity(fields: object, name: str) -> str | None:
    found = fields.get(name) if isinstance(fields, dict) else None
    return _clean(found) if isinstance(found, str) and 0 < len(found) <= _MAX_IDENTITY_LENGTH else None


def _clean(text: str) -> str:
    """Text that can be encoded, without lone surrogates, and bounded on the wire."""
    return truncate_to_size(text[:_MAX_TEXT_BYTES].encode(errors="backslashreplace"), _MAX_TEXT_BYTES)[0]


def _format_truncation(size: int, left_out: int) -> str:
    return f"{_TRUNCATION_MARK} it lacks the last {left_out} of {size} bytes)" if left_out else ""


def is_truncated(message: str) -> bool:
    """Whether the message of an error event says that its `raw_event` is not whole."""
    return _TRUNCATION_MARK in message
