"""Compressed input: mutated content in each format, in odd members, and bombs."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zlib
from functools import lru_cache
from typing import TYPE_CHECKING

import zstandard
from tests.fuzz.mutators.byte_mutator import mutate_bytes

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

_BLOCK = 8 * 1024 * 1024
"""Bytes of one member of a bomb. Its members are equal, so that each is compressed once."""

_BOMB_MEMBERS = 96
"""Members of a bomb: 768 MB, which is beyond the limit of memory."""


def _raw_deflate(data: bytes) -> bytes:
    stream = zlib.compressobj(1, wbits=-zlib.MAX_WBITS)
    return stream.compress(data) + stream.flush()


COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda data: gzip.compress(data, 1, mtime=0),
    "zstd": lambda data: zstandard.ZstdCompressor(1).compress(data),
    "bzip2": lambda data: bz2.compress(data, 1),
    "xz": lambda data: lzma.compress(data, preset=0),
    "deflate": lambda data: zlib.compress(data, 1),
    "raw deflate": _raw_deflate,
}
"""Compressors by format."""

UNITS = (b"\0", b"\n", b"data: x\n")
"""Contents of bombs."""

FILE_FORMATS = ("gzip", "zstd", "bzip2", "xz")
HTTP_FORMATS = ("gzip", "zstd", "deflate", "raw deflate")


def compress(data: bytes, rng: random.Random, formats: tuple[str, ...]) -> tuple[str, bytes]:
    """Return the name of a format, and the data in it: well, damaged, in many members, or as a bomb."""
    name = rng.choice(formats)
    compressor = COMPRESSORS[name]
    match rng.randrange(20):
        case 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7:
            packed = compressor(data)
        case 8 | 9 | 10 | 11:
            packed = mutate_bytes(compressor(data), rng)
        case 12 | 13:
            packed = _split_into_members(data, rng, compressor)
        case 14 | 15:
            packed = _add_empty_members(compressor(data), compressor(b""), rng)
        case 16 | 17 | 18:
            packed = compressor(data) + rng.choice((b"\0" * 5_000, b"junk", data, b"\0\0x", compressor(data)[:9]))
        case _:
            packed = compressor(data) + bomb(name, rng.choice(UNITS))
    return name, packed


@lru_cache(maxsize=64)
def bomb(name: str, unit: bytes) -> bytes:
    """Return small bytes that decompress to 768 MB of a repeated unit: of Zstandard one frame, else many members."""
    block = unit * (_BLOCK // len(unit))
    if name != "zstd":
        return COMPRESSORS[name](block) * _BOMB_MEMBERS
    stream = zstandard.ZstdCompressor(1).compressobj()
    return b"".join(map(stream.compress, [block] * _BOMB_MEMBERS)) + stream.flush()


def prepare_bombs() -> None:
    """Build the bombs in this process, so that its children need not."""
    for name in COMPRESSORS:
        for unit in UNITS:
            bomb(name, unit)


def _split_into_members(data: bytes, rng: random.Random, compressor: Callable[[bytes], bytes]) -> bytes:
    step = max(1, len(data) // rng.choice((2, 5, 50)))
    padding = rng.choice((b"", b"", b"\0", b"\0" * 512))
    return padding.join(compressor(data[at : at + step]) for at in range(0, len(data), step))


def _add_empty_members(packed: bytes, empty: bytes, rng: random.Random) -> bytes:
    many = empty * rng.choice((1, 100, 5_000, 20_000))
    return packed + many if rng.random() < 0.5 else many + packed
