"""The parser of server-sent events: the algorithm of the WHATWG HTML standard, section 9.2.6. Pure.

Two rules differ from a browser. Data stays bytes: the reader rejects invalid UTF-8 and still has the original. An event
longer than a bound keeps its beginning only, so that no server can fill the memory: each line feed of its data counts as
a byte and takes one, and a line of another field is kept up to a bound of its own.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from wikistate.core.events.byte_order_mark import MARK

_LINE_END = re.compile(rb"\r\n|\r|\n")
_CARRIAGE_RETURN = 13
_DATA = b"data"
_COMMENT = b":"
_HEAD = len(_DATA)

MAX_FIELD_BYTES = 65_536
"""Bytes of an id, or of another field beside the data. A longer id is ignored, and no other field has a meaning here."""

MAX_RETRY = 600.0
"""The longest time to wait before a reconnect that a server may state, in seconds; a longer one counts as this one."""


class ServerSentEvent(NamedTuple):
    """One event.

    Attributes:
        id: The last event id that was set, by this event or an earlier one.
        data: Its data lines, joined by line feeds.
        truncated_bytes: The number of bytes that were left out because the data exceeds the bound; usually 0.
    """

    id: str
    data: bytes
    truncated_bytes: int = 0


class EventStreamParser:
    """A parser of one connection, for chunks of any size.

    Args:
        max_bytes: The longest data that is kept as a whole.

    Attributes:
        retry: Seconds to wait before a reconnect, as the server states, at most `MAX_RETRY`; None if it does not.
        has_mark: Whether the stream began with a byte order mark, which is removed.
    """

    def __init__(self, max_bytes: int) -> None:
        self.retry: float | None = None
        self.has_mark = False
        self._max_bytes = max_bytes
        self._partial_line = bytearray()
        self._overlong = 0  # bytes of the unfinished line that were not kept
        self._after_return = False  # a line feed at the start of the next chunk belongs to the previous line end
        self._started = False
        self._id = ""
        self._data: bytes | bytearray | None = None
        self._truncated_bytes = 0

    @property
    def is_within_event(self) -> bool:
        """Whether an event is incomplete so far. A comment is not part of an event."""
        return self._data is not None or bool(self._partial_line and not self._partial_line.startswith(_COMMENT))

    def feed(self, chunk: bytes) -> list[ServerSentEvent]:
        """Return the events that this chunk completes."""
        if self._after_return and chunk:
            chunk = chunk.removeprefix(b"\n")
            self._after_return = False
        events: list[ServerSentEvent] = []
        begin = 0
        for end in _LINE_END.finditer(chunk):
            self._keep_partial(chunk[begin : end.start()])
            begin = end.end()
            if (event := self._handle_line()) is not None:
                events.append(event)
        self._after_return = begin == len(chunk) > 0 and chunk[-1] == _CARRIAGE_RETURN
        self._keep_partial(chunk[begin:])
        return events

    def _keep_partial(self, piece: bytes) -> None:
        if len(self._partial_line) + len(piece) <= MAX_FIELD_BYTES:
            self._partial_line += piece
            return
        # The first line may begin with a mark.
        is_data = (self._partial_line[:_HEAD] + piece[:_HEAD]).startswith((_DATA, MARK))
        bound = MAX_FIELD_BYTES + (self._max_bytes if is_data else 0)
        room = max(0, bound - len(self._partial_line))
        self._partial_line += piece[:room]
        self._overlong += max(0, len(piece) - room)

    def _handle_line(self) -> ServerSentEvent | None:
        line, overlong = bytes(self._partial_line), self._overlong
        self._partial_line.clear()
        self._overlong = 0
        if not self._started:
            self._started = True
            self.has_mark = line.startswith(MARK)
            line = line.removeprefix(MARK)
        if not line:
            return self._dispatch()
        name, _, value = line.partition(b":")
        self._handle_field(name, value.removeprefix(b" "), overlong)
        return None

    def _handle_field(self, name: bytes, value: bytes, overlong: int) -> None:
        match name:
            case b"data":
                self._append_data(value, overlong)
            case b"id" if not overlong and b"\0" not in value and len(value) <= MAX_FIELD_BYTES:
                self._id = value.decode(errors="replace")
            case b"retry" if value.isdigit():
                self.retry = min(int(value[:9]) / 1000, MAX_RETRY)
            case _:
                pass  # comments keep the connection alive; unknown fields and `event` have no meaning here

    def _append_data(self, value: bytes, overlong: int) -> None:
        if self._truncated_bytes:
            self._truncated_bytes += 1 + len(value) + overlong
            return
        if self._data is None:
            self._data = kept = value[: self._max_bytes]
        else:
            room = self._max_bytes - len(self._data) - 1
            if room < 0:  # the line feed alone would exceed the bound
                self._truncated_bytes = 1 + len(value) + overlong
                return
            if isinstance(self._data, bytes):
                # Not a list: an object of its own for each of millions of short lines takes many times their size.
                self._data = bytearray(self._data)
            kept = value[:room]
            self._data += b"\n"
            self._data += kept
        self._truncated_bytes = len(value) - len(kept) + overlong

    def _dispatch(self) -> ServerSentEvent | None:
        if self._data is None:
            return None
        event = ServerSentEvent(self._id, bytes(self._data), self._truncated_bytes)
        self._data, self._truncated_bytes = None, 0
        return event
