"""Compressed bytes of each format, as the tools of users write them."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zlib
from functools import partial
from typing import TYPE_CHECKING

import zstandard

from wikistate.adapters.compression.formats import Format

if TYPE_CHECKING:
    from collections.abc import Callable

SKIPPABLE_FRAME = b"\x50\x2a\x4d\x18\x04\x00\x00\x00abcd"
"""As pzstd writes it before each frame (RFC 8878, section 3.1.2)."""

COMPRESS: dict[Format, Callable[[bytes], bytes]] = {
    Format.GZIP: partial(gzip.compress, mtime=0),  # the ids of parametrized tests hold the bytes
    Format.DEFLATE: zlib.compress,
    Format.ZSTD: zstandard.ZstdCompressor().compress,
    Format.BZIP2: bz2.compress,
    Format.XZ: lzma.compress,
}

SUFFIXES = {Format.GZIP: ".gz", Format.ZSTD: ".zst", Format.BZIP2: ".bz2", Format.XZ: ".xz"}


def deflate_raw(content: bytes) -> bytes:
    """Return the raw form of "deflate", which some servers send."""
    stream = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return stream.compress(content) + stream.flush()
