"""Reading one file or stream, chunk by chunk; blocking, for a separate thread."""

from __future__ import annotations

import os
import select
import stat
from pathlib import Path

from wikistate.adapters.connectors.files.codecs import (
    DamagedError,
    Decompressor,
    PlainReader,
    build_decompressor,
    codec_by_magic,
    codec_by_name,
)
from wikistate.adapters.connectors.files.lines import Line, LineSplitter
from wikistate.errors import SourceError
from wikistate.streaming.record import Partition, Record

_PLAIN_CHUNK = 256 * 1024
_CHUNK = 16 * 1024  # bytes before decompression; a hostile chunk may decompress to hundreds of megabytes


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
        self._stream: PlainReader | Decompressor | None = None
        self._head = b""
        self._next = 0
        self._descriptor = -1
        self._ends = False
        self._failure: SourceError | None = None
        self.partition = file_partition(target)

    def open(self) -> None:
        """Open the file.

        Raises:
            SourceError: It does not exist, may not be read, or is a folder.
        """
        try:
            self._descriptor = _open_descriptor(self._target)
            mode = os.fstat(self._descriptor).st_mode
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
        """
        if self._failure is not None:
            raise self._failure
        if self._ends:
            return None
        if self._waits and not select.select([self._descriptor], [], [], wait)[0]:
            return []
        plain = isinstance(self._stream, PlainReader)
        try:
            chunk = os.read(self._descriptor, _PLAIN_CHUNK if plain else _CHUNK)
            return self._build_records(self._split_chunk(chunk))
        except OSError as error:
            raise self._source_error(error.strerror or str(error), "Check its disk and its writer.") from error
        except DamagedError as error:
            raise self._source_error(f"it is damaged, {error}", "Copy it from its origin again.") from error

    def close(self) -> None:
        """Close the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _split_chunk(self, chunk: bytes) -> list[Line]:
        if self._stream is None:
            self._head += chunk
            codec = codec_by_magic(self._head)
            if codec is None and chunk:
                return []  # a pipe: too few bytes to recognise the codec
            if codec is None and self._head:
                codec = codec_by_name(self._target) if isinstance(self._target, Path) else None
            self._stream = build_decompressor(codec) if codec else PlainReader()
            lines = self._splitter.feed(self._stream.feed(self._head))
            self._head = b""
            return lines if chunk else [*lines, *self._split_rest()]
        return self._splitter.feed(self._stream.feed(chunk)) if chunk else self._split_rest()

    def _split_rest(self) -> list[Line]:
        if self._stream is not None:
            self._stream.finish()
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
            Record(value, None, None, partition, number, cut)
            for number, (value, cut) in enumerate(lines[skipped:], first + skipped)
        ]

    def _source_error(self, why: str, hint: str) -> SourceError:
        name = self.partition.topic
        place = f" at line {self._next}" if self._next else ""
        self._failure = SourceError(f"{name} cannot be read{place}: {why}.", hint=hint, file=name, line=self._next)
        return self._failure


def file_partition(target: Path | int) -> Partition:
    """Return the only partition of a file."""
    return Partition("-" if isinstance(target, int) else str(target))


def _open_descriptor(target: Path | int) -> int:
    return os.dup(target) if isinstance(target, int) else os.open(target, os.O_RDONLY)
