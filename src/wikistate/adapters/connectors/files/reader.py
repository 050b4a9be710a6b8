"""Reading one file or stream, chunk by chunk; blocking, for a separate thread."""

from __future__ import annotations

import os
import select
import stat
from pathlib import Path

from wikistate.adapters.compression.decoder import DamagedError, MemoryDemandError
from wikistate.adapters.compression.formats import HEAD, UnsupportedFormatError, recognise
from wikistate.adapters.compression.text_decoder import TextDecoder
from wikistate.adapters.connectors.files.lines import Line, LineSplitter, strip_mark
from wikistate.errors import InputError, SourceError, WikistateError
from wikistate.streaming.record import Partition, Record

_PLAIN_CHUNK = 256 * 1024
_CHUNK = 16 * 1024  # bytes before decompression
_STEP = 1024 * 1024  # bytes after decompression: a hostile chunk may decompress to hundreds of megabytes


class LineReader:
    """The lines of one file or stream as records, whose offset is the number of the line, counted from 0.

    Line numbers, unlike byte positions, can be looked up by a person, also in a compressed file. Offsets without gaps
    show that no line was left out. A resume at a line costs reading all lines before it.

    Args:
        target: A path, or an open descriptor.
        bound: The longest line in bytes.
        start: The number of the first line to return.
    """

    def __init__(self, target: Path | int, *, bound: int, start: int = 0) -> None:
        self._target = target
        self._start = start
        self._splitter = LineSplitter(bound)
        self._text = TextDecoder(str(target) if isinstance(target, Path) else "")
        self._has_read_all = False
        self._next = 0
        self._descriptor = -1
        self._ends = False
        self._failure: WikistateError | None = None
        self.partition = file_partition(target)

    def open(self) -> None:
        """Open the file.

        Raises:
            SourceError: It does not exist, may not be read, or is a folder.
            InputError: It has a format that is not read.
        """
        try:
            self._descriptor = _open_descriptor(self._target)
            mode = os.fstat(self._descriptor).st_mode
            if stat.S_ISREG(mode) and isinstance(self._target, Path):
                self._check_format(os.pread(self._descriptor, HEAD, 0))
        except OSError as error:
            raise self._source_error(error.strerror or str(error), "Check the path and its permissions.") from error
        if stat.S_ISDIR(mode):
            raise self._source_error("it is a folder", "Name the files in it.")
        self._waits = not stat.S_ISREG(mode)

    def read(self, wait: float) -> list[Record] | None:
        """Return the records of the next chunk; empty if no line ended in it, or if there was no chunk; None at the end.

        Args:
            wait: Seconds to wait for data of a pipe or terminal.

        Raises:
            SourceError: Reading or decompressing failed. All complete lines before that were returned.
            InputError: The file has a format that is not read, or needs too much memory to be decompressed.
        """
        if self._failure is not None:
            raise self._failure
        if self._ends:
            return None
        try:
            if self._splitter.is_pending:
                return self._build_records(self._splitter.feed(b""))
            if (text := self._text.read(_STEP)) or self._has_read_all:
                return self._build_records(self._splitter.feed(text) if text else self._end_lines())
            if self._waits and not select.select([self._descriptor], [], [], wait)[0]:
                return []
            self._read_chunk()
            return self._build_records(self._splitter.feed(self._text.read(_STEP)))
        except OSError as error:
            raise self._source_error(error.strerror or str(error), "Check its disk and its writer.") from error
        except MemoryDemandError as error:
            hint = "Compress it again, with a smaller window or dictionary."
            raise self._format_error(UnsupportedFormatError(str(error), hint)) from error
        except DamagedError as error:
            raise self._source_error(f"it is damaged, {error}", "Copy it from its origin again.") from error
        except UnsupportedFormatError as error:
            raise self._format_error(error) from error

    def close(self) -> None:
        """Close the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _check_format(self, head: bytes) -> None:
        try:
            recognise(head, name=self.partition.topic, is_whole=len(head) < HEAD)
        except UnsupportedFormatError as error:
            raise self._format_error(error) from error

    def _read_chunk(self) -> None:
        if chunk := os.read(self._descriptor, _PLAIN_CHUNK if self._text.is_plain else _CHUNK):
            self._text.feed(chunk)
        else:
            self._text.end()
            self._has_read_all = True

    def _end_lines(self) -> list[Line]:
        self._ends = True
        return self._splitter.finish()

    def _build_records(self, lines: list[Line]) -> list[Record]:
        first, self._next = self._next, self._next + len(lines)
        if self._ends and self._next < self._start:
            raise self._source_error(
                f"{self._start} lines of it are done, but it has only {self._next}",
                "It is not the file of the saved position: give it another name, or remove the saved position.",
            )
        skipped = max(0, self._start - first)
        partition = self.partition
        return [
            Record(strip_mark(value), None, None, partition, number, cut)
            for number, (value, cut) in enumerate(lines[skipped:], first + skipped)
        ]

    def _source_error(self, why: str, hint: str) -> SourceError:
        name = self.partition.topic
        place = f" at line {self._next}" if self._next else ""
        self._failure = SourceError(f"{name} cannot be read{place}: {why}.", hint=hint, file=name, line=self._next)
        return self._failure

    def _format_error(self, error: UnsupportedFormatError) -> InputError:
        name = self.partition.topic
        place = "standard input" if name == "-" else name
        self._failure = InputError(f"{place} cannot be read: {error.reason}.", hint=error.hint, file=name)
        return self._failure


def file_partition(target: Path | int) -> Partition:
    """Return the only partition of a file."""
    return Partition("-" if isinstance(target, int) else str(target))


def _open_descriptor(target: Path | int) -> int:
    return os.dup(target) if isinstance(target, int) else os.open(target, os.O_RDONLY)
