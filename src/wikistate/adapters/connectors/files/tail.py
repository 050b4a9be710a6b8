"""The contents of a file before a sink appends: their amount, and the incomplete end that a crash left. Blocking."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import orjson

from wikistate.adapters.compression.decoder import DamagedError, Decoder, TruncatedError
from wikistate.adapters.compression.formats import Format, format_by_name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_BLOCK = 64 * 1024
_CHUNK = 16 * 1024  # bytes before decompression
_STEP = 1024 * 1024  # bytes after decompression
_THOUSAND = 1000

_MAX_COUNTED = 64 * 1024 * 1024
"""Largest size in bytes of a file whose lines are counted, some 50 ms; of a larger one the size is known at once."""

_UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB")


def describe_contents(path: Path) -> str:
    """Return the number of lines in a plain file, or the size of a large or compressed one; empty without contents."""
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode) or not status.st_size:
                return ""
            if format_by_name(path.name) or status.st_size > _MAX_COUNTED:
                return _format_size(status.st_size)
            count = sum(block.count(b"\n") for block in iter(lambda: file.read(_STEP), b""))
    except OSError:  # the sink reports it when it opens the file
        return ""
    return f"{count:,} line{'s' if count != 1 else ''}"


def _format_size(size: float) -> str:
    power = 0
    while size >= _THOUSAND and power < len(_UNITS) - 1:
        size, power = size / _THOUSAND, power + 1
    return f"{size:,.1f} {_UNITS[power]}" if power else f"{size:,.0f} {_UNITS[0]}"


def complete_until(descriptor: int, written: Format) -> int:
    """Return the number of bytes that consist of complete lines, or of complete members of compressed lines.

    A compressed file is decompressed from its beginning.

    Raises:
        DamagedError: A compressed file is damaged before its end, or has another compression.
    """
    return _find_last_line_end(descriptor) if written is Format.PLAIN else _find_last_member_end(descriptor, written)


def is_truncated(descriptor: int, start: int) -> bool:
    """Return whether the bytes from `start` to the end of the file are a complete JSON object without its line feed.

    Such a line may have another writer, and is kept.
    """
    tail = os.pread(descriptor, os.fstat(descriptor).st_size - start, start)
    try:
        return isinstance(orjson.loads(tail), dict)
    except orjson.JSONDecodeError:
        return False


def _find_last_line_end(descriptor: int) -> int:
    at = os.fstat(descriptor).st_size
    while at > 0:
        size = min(_BLOCK, at)
        at -= size
        found = os.pread(descriptor, size, at).rfind(b"\n")
        if found >= 0:
            return at + found + 1
    return 0


def _find_last_member_end(descriptor: int, written: Format) -> int:
    stream = Decoder(written)
    try:
        for chunk in _read_chunks(descriptor):
            stream.feed(chunk)
            while stream.read(_STEP):
                pass  # only the ends of the members count
        stream.finish()
    except TruncatedError:
        return stream.complete_bytes
    return stream.complete_bytes


def _read_chunks(descriptor: int) -> Iterator[bytes]:
    at = 0
    while chunk := os.pread(descriptor, _CHUNK, at):
        at += len(chunk)
        yield chunk


__all__ = ["DamagedError", "complete_until", "describe_contents", "is_truncated"]
