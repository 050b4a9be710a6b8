"""Bytes that decompress to a multiple of their size."""

from __future__ import annotations

import bz2
import lzma
import struct
import zlib

import zstandard

from wikistate.adapters.compression.formats import Format

_MIB = 1 << 20


def build_bomb(stream_format: Format, unit: bytes, size: int, *, head: bytes = b"") -> bytes:
    """Return a compressed text that begins with the head and repeats a unit, of at least `size` bytes."""
    block = unit * (_MIB // len(unit))
    blocks = [head] + [block] * -(-size // len(block))
    match stream_format:
        case Format.GZIP | Format.DEFLATE:
            packer = zlib.compressobj(9, wbits=zlib.MAX_WBITS | (16 if stream_format is Format.GZIP else 0))
            return b"".join(map(packer.compress, blocks)) + packer.flush()
        case Format.ZSTD:
            frame = zstandard.ZstdCompressor(level=9).compressobj()
            return b"".join(map(frame.compress, blocks)) + frame.flush()
        case Format.BZIP2:
            stream = bz2.BZ2Compressor()
            return b"".join(map(stream.compress, blocks)) + stream.flush()
        case _:
            xz = lzma.LZMACompressor(preset=1)
            return b"".join(map(xz.compress, blocks)) + xz.flush()


def build_wide_frame(window_log: int, size: int) -> bytes:
    """Return a Zstandard frame of repeated bytes that demands a window of any size (RFC 8878, section 3.1.1.1.2)."""
    repeated = struct.pack("<I", (128 * 1024) << 3 | 1 << 1)[:3] + b"\n"  # a block of 128 KB in four bytes
    last = struct.pack("<I", 1)[:3]  # a block that is raw, empty and the last
    return b"\x28\xb5\x2f\xfd\x00" + bytes(((window_log - 10) << 3,)) + repeated * (size // (128 * 1024)) + last
