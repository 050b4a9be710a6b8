"""Mutations of bytes: flips, cuts, copies, and bytes that are not text."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

_PIECES = (
    *(
        b"\0",
        b"\xff",
        b"\xef\xbb\xbf",
        b"\xff\xfe",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b"\xc3",
        b"\r",
        b"\n",
        b"\r\n\r\n",
    ),
    *(
        b"\0" * 600,
        b"\xff" * 8,
        b"\x7f\xff\xff\xff",
        b"\x80\0\0\0",
        b"\x1f\x8b\x08",
        b"\x28\xb5\x2f\xfd",
        b"BZh9",
        b"\xfd7zXZ\0",
    ),
    *(b"\x50\x2a\x4d\x18\xff\xff\xff\xff", b"PK\x03\x04", b"PAR1", b"ustar", b"SQLite format 3\0", b"\x04\x22\x4d\x18"),
)


def mutate_bytes(data: bytes, rng: random.Random, others: Sequence[bytes] = ()) -> bytes:
    """Return bytes with some mutations; `others` are inputs of the same target, whose parts are spliced in."""
    for _ in range(rng.choice((1, 1, 2, 4, 10))):
        data = _mutate_once(data, rng, others)
    return data


def _mutate_once(data: bytes, rng: random.Random, others: Sequence[bytes]) -> bytes:  # noqa: PLR0911  (one for each mutation)
    at = rng.randrange(len(data) + 1)
    size = rng.choice((1, 1, 2, 4, 8, 64, 1024))
    match rng.randrange(8):
        case 0 | 1 if at < len(data):
            return data[:at] + bytes([data[at] ^ (1 << rng.randrange(8))]) + data[at + 1 :]
        case 2:
            return data[:at]
        case 3:
            return data[:at] + data[at + size :]
        case 4:
            return data[:at] + data[at : at + size] * rng.choice((2, 2, 3, 200)) + data[at + size :]
        case 5:
            return data[:at] + rng.choice(_PIECES) + data[at:]
        case 6 if others:
            donor = rng.choice(others)
            start = rng.randrange(len(donor) + 1)
            return data[:at] + donor[start : start + rng.choice((4, 64, 1 << 20))] + data[at:]
        case _:
            return data[:at] + rng.randbytes(size) + data[at + size :]
