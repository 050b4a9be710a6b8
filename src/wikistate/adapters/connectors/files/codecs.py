"""Compression of NDJSON files that are written: gzip and Zstandard, as members that are appended to one another.

Sources: RFC 1952 (gzip members) and RFC 8878 (Zstandard frames). Both define that a concatenation of compressed files
is a compressed file.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Protocol

import zstandard

from wikistate.adapters.compression.formats import Format, format_by_name
from wikistate.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


class Compressor(Protocol):
    """A compressor of one member after the other."""

    def compress(self, chunk: bytes, /) -> bytes:
        """Return the bytes to write now; may be empty."""

    def flush(self) -> bytes:
        """Return the remaining bytes, which end the member."""


def written_format(path: Path) -> Format:
    """Return the format in which a file is written, by its name.

    Raises:
        ConfigError: The name states a format that is not written.
    """
    stated = format_by_name(path.name)
    if stated is None or stated is Format.GZIP or stated is Format.ZSTD:
        return Format(stated or Format.PLAIN)
    raise ConfigError(
        f"The name of {path} states {stated}, which is not written.",
        hint="Files are written as plain text, with gzip (.gz) or with Zstandard (.zst).",
        file=str(path),
    )


def build_compressor(written: Format) -> Compressor | None:
    """Return the compressor of the next member; None for a plain file."""
    match written:
        case Format.GZIP:
            return zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
        case Format.ZSTD:
            return zstandard.ZstdCompressor().compressobj()
        case _:
            return None
