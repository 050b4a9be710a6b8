"""Decoder of a file or stream of text whose format is found in its first bytes."""

from __future__ import annotations

import structlog

from wikistate.adapters.compression.decoder import Decoder
from wikistate.adapters.compression.formats import Format, UnsupportedFormatError, format_by_name, recognise
from wikistate.core.events.byte_order_mark import MARK

log = structlog.get_logger(__name__)


class TextDecoder:
    """Decoder of plain and compressed text.

    Protocol: `feed`, then `read` until it is empty, and so on; `end` at the end of the file, then `read` to the end. A byte
    order mark before the text is removed. It is logged, as is a name that states another format than the first bytes.

    Args:
        name: The name of the file; empty for a stream without a name.
    """

    def __init__(self, name: str = "") -> None:
        self._name = name
        self._head = b""  # before the format is known
        self._decoder: Decoder | _PlainBuffer | None = None
        self._beginning: bytes | None = b""  # of the text; None once it was checked
        self._has_ended = False

    @property
    def is_plain(self) -> bool:
        """Whether the file is known to be plain text."""
        return isinstance(self._decoder, _PlainBuffer)

    def feed(self, chunk: bytes) -> None:
        """Add bytes of the file.

        Raises:
            UnsupportedFormatError: The format is not read.
        """
        if self._decoder is not None:
            self._decoder.feed(chunk)
            return
        self._head += chunk
        found = recognise(self._head, name=self._name, is_whole=self._has_ended)
        if found is not None:
            self._report_other_name(found)
            self._decoder = _PlainBuffer() if found is Format.PLAIN else Decoder(found)
            self._decoder.feed(self._head)
            self._head = b""

    def end(self) -> None:
        """Mark the end of the file.

        Raises:
            UnsupportedFormatError: The format is not read.
        """
        self._has_ended = True
        self.feed(b"")

    def read(self, limit: int) -> bytes:
        """Return the next bytes of the text, at most `limit` of them; none if it needs to be fed, or has ended.

        Raises:
            DamagedError: The bytes are damaged, or end within compressed bytes.
            UnsupportedFormatError: The compressed bytes are not text.
        """
        if self._decoder is None:
            return b""
        while piece := self._decoder.read(limit):
            if self._beginning is None:
                return piece
            self._beginning += piece
            if text := self._take_beginning():
                return text
        if not self._has_ended:
            return b""
        self._decoder.finish()
        return self._take_beginning()

    def _take_beginning(self) -> bytes:
        """Return the beginning of the text without a mark; none as long as it is too short to be recognised."""
        text = self._beginning
        if text is None or (text != MARK and MARK.startswith(text) and not self._has_ended):
            return b""
        if not self.is_plain and (found := recognise(text, is_whole=self._has_ended)) is not Format.PLAIN:
            if found is None:
                return b""
            raise UnsupportedFormatError(f"it is compressed twice, the second time with {found}", "Decompress it once.")
        self._beginning = None
        if text.startswith(MARK):
            log.warning("byte_order_mark_removed", origin=self._name or "standard input")
        return text.removeprefix(MARK)

    def _report_other_name(self, found: Format) -> None:
        stated = format_by_name(self._name)
        if self._head and stated not in (None, found):
            log.warning("file_format_unexpected", file=self._name, stated=str(stated), format=found.value)


class _PlainBuffer:
    """Counterpart of `Decoder` for plain text."""

    def __init__(self) -> None:
        self._text = b""

    def feed(self, chunk: bytes) -> None:
        self._text = self._text + chunk if self._text else chunk

    def read(self, limit: int) -> bytes:
        text, self._text = self._text[:limit], self._text[limit:]
        return text

    def finish(self) -> None:
        """Check nothing: plain text may end anywhere."""
