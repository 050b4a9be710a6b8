"""Buckets: the state of many keys in one value of Flink.

Each access to keyed state from Python is a round trip to the JVM of some milliseconds, whatever the size of the value.
A bucket holds keys that follow each other, so a bulk load needs one access for many keys. Nearly all keys have nothing
but a number, which takes nine bytes.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

from wikistate.errors import InputError
from wikistate.streaming.keyed_job import EMPTY_STATE, KeyedState

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_BITS = 7
BUCKET_SIZE = 1 << _BITS
"""Keys in a bucket. Savepoints hold it: a change loses them."""

_FORMAT = 1
_HEADER = struct.Struct(">BB")  # the format, the number of plain keys
_PLAIN = struct.Struct(">Bq")  # the place in the bucket, the number
_SPECIAL = struct.Struct(">BBqqI")  # the place, which fields are present, the number, the timer, the length of the blob
_HAS_NUMBER, _HAS_TIMER = 1, 2


class KeyEntry(NamedTuple):
    """The state of a key, and its timer.

    Attributes:
        state: The keyed state.
        timer: The event time of its timer, milliseconds since the epoch; None without one.
    """

    state: KeyedState = EMPTY_STATE
    timer: int | None = None


EMPTY_ENTRY = KeyEntry()


def bucket_of(key: int) -> int:
    """Return the bucket of a key."""
    return key >> _BITS


def first_key_of(bucket: int) -> int:
    """Return the first key of a bucket."""
    return bucket << _BITS


def pack_numbers(bucket: int, numbers: Sequence[tuple[int, int]]) -> bytes:
    """Pack keys that have only a number, as `Bucket.pack` does.

    Args:
        bucket: The number of the bucket.
        numbers: Keys of the bucket with their numbers, in ascending order of the keys; not empty.
    """
    base = first_key_of(bucket)
    return _HEADER.pack(_FORMAT, len(numbers)) + b"".join([_PLAIN.pack(key - base, number) for key, number in numbers])


class Bucket:
    """The entries of the keys of one bucket.

    Args:
        number: The number of the bucket.
        entries: The entries that are not empty, by key.
    """

    __slots__ = ("_entries", "_number")

    def __init__(self, number: int, entries: Mapping[int, KeyEntry] | None = None) -> None:
        self._number = number
        self._entries = dict(entries or {})

    def get(self, key: int) -> KeyEntry:
        """Return the entry of a key; an empty one if the key was never seen."""
        return self._entries.get(key, EMPTY_ENTRY)

    def put(self, key: int, entry: KeyEntry) -> None:
        """Replace the entry of a key."""
        if entry == EMPTY_ENTRY:
            self._entries.pop(key, None)
        else:
            self._entries[key] = entry

    def due(self, time: int) -> list[tuple[int, int]]:
        """Return the timers up to an event time, with their keys, in ascending order."""
        return sorted(
            (entry.timer, key)
            for key, entry in self._entries.items()
            if entry.timer is not None and entry.timer <= time
        )

    def timers(self) -> Iterator[int]:
        """Return the event times of all timers."""
        return (entry.timer for entry in self._entries.values() if entry.timer is not None)

    def pack(self) -> bytes | None:
        """Pack the entries; None if there is none."""
        if not self._entries:
            return None
        base = self._number << _BITS
        plain, special = [], []
        for key, entry in sorted(self._entries.items()):
            (number, blob), timer = entry
            if number is not None and not blob and timer is None:
                plain.append(_PLAIN.pack(key - base, number))
            else:
                special.append(_pack_special(key - base, number, blob, timer))
        return b"".join((_HEADER.pack(_FORMAT, len(plain)), *plain, *special))

    @classmethod
    def unpack(cls, number: int, packed: bytes | None) -> Bucket:
        """Return the bucket from the result of `pack`.

        Raises:
            InputError: A later release has packed it.
        """
        if packed is None:
            return cls(number)
        version, plain = _HEADER.unpack_from(packed)
        if version != _FORMAT:
            raise InputError(
                f"The state of keys has format {version}; this release knows {_FORMAT}.",
                hint="Run the release that wrote the state, or a later one.",
            )
        base = number << _BITS
        end = _HEADER.size + plain * _PLAIN.size
        entries = {
            base + place: KeyEntry(KeyedState(value)) for place, value in _PLAIN.iter_unpack(packed[_HEADER.size : end])
        }
        entries.update(_unpack_special(base, packed, end))
        return cls(number, entries)


def _pack_special(place: int, number: int | None, blob: bytes, timer: int | None) -> bytes:
    flags = (_HAS_NUMBER if number is not None else 0) | (_HAS_TIMER if timer is not None else 0)
    return _SPECIAL.pack(place, flags, number or 0, timer or 0, len(blob)) + blob


def _unpack_special(base: int, packed: bytes, start: int) -> Iterator[tuple[int, KeyEntry]]:
    while start < len(packed):
        place, flags, number, timer, length = _SPECIAL.unpack_from(packed, start)
        start += _SPECIAL.size
        blob = packed[start : start + length]
        start += length
        state = KeyedState(number if flags & _HAS_NUMBER else None, blob)
        yield base + place, KeyEntry(state, timer if flags & _HAS_TIMER else None)
