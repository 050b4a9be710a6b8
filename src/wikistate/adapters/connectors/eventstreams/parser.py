"""The parser of server-sent events: the algorithm of the WHATWG HTML standard, section 9.2.6. Pure.

Two rules differ from a browser. Data stays bytes: the reader rejects invalid UTF-8 and still has the original. An event
longer than a bound keeps its beginning only, so that no server can fill the memory.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from wikistate.core.events.byte_order_mark import MARK

_LINE_END = re.compile(rb"\r\n|\r|\n")
_CARRIAGE_RETURN = 13
_MAX_FIELD_BYTES = 65_536  # bytes of an id or of another field beside the data


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
        retry: Seconds to wait before a reconnect, as the server states; None if it does not.
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
        self._data: list[bytes] = []
        self._size = 0
        self._truncated_bytes = 0

    @property
    def is_within_event(self) -> bool:
        """Whether an event is incomplete so far."""
        return bool(self._partial_line or self._data)

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
        room = max(0, self._max_bytes + _MAX_FIELD_BYTES - len(self._partial_line))
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
            case b"id" if b"\0" not in value and len(value) <= _MAX_FIELD_BYTES:
                self._id = value.decode(errors="replace")
            case b"retry" if value.isdigit():
                self.retry = int(value[:9]) / 1000
            case _:
                pass  # comments keep the connection alive; unknown fields and `event` have no meaning here

    def _append_data(self, value: bytes, overlong: int) -> None:
        if self._truncated_bytes:
            self._truncated_bytes += 1 + len(value) + overlong
            return
        separator = 1 if self._data else 0
        room = self._max_bytes - self._size - separator
        if room < 0:  # the line feed alone would exceed the bound
            self._truncated_bytes = separator + len(value) + overlong
            return
        kept = value[:room]
        self._truncated_bytes = len(value) - len(kept) + overlong
        self._size += separator + len(kept)
        self._data.append(kept)

    def _dispatch(self) -> ServerSentEvent | None:
        if not self._data:
            return None
        event = ServerSentEvent(self._id, b"\n".join(self._data), self._truncated_bytes)
        self._data, self._size, self._truncated_bytes = [], 0, 0
        return event
