"""Log events about the form of inputs: files, lists and the answers of servers. See `log_events`."""

from __future__ import annotations

from wikistate.telemetry.log_event import LogEvent

INPUT_LOG_EVENTS = (
    LogEvent(
        "byte_order_mark_removed",
        "warning",
        "{origin} has a byte order mark, which is removed.",
        "A file or the answers of a server begin or end with the bytes EF BB BF, which are not part of JSON. They are "
        "removed; the event is logged once for each origin. On a wiki, one of its PHP files was saved with a mark: save "
        "it without one.",
        ("origin",),
    ),
    LogEvent(
        "file_format_unexpected",
        "warning",
        "The name of {file} states {stated}, but it is {format}; it is read as {format}.",
        "The first bytes of a file decide about its format. Its name is wrong, or a client has decompressed it.",
        ("file", "stated", "format"),
    ),
)
