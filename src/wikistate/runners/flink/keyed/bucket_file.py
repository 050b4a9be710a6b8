"""The file of an initial state: the buckets of all keys, each as Flink keeps it.

It travels with the job that loads it. A bucket is its first key (8 bytes), the length of its packed entries (4 bytes), both
big-endian, and the entries. The class ``BucketSource`` of the bridge reads the file.
"""

from __future__ import annotations

import os
import struct
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from wikistate.adapters.private_files import create_private
from wikistate.errors import StateError
from wikistate.runners.flink.keyed.buckets import bucket_of, first_key_of, pack_numbers

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_HEAD = struct.Struct(">qi")


class BucketFile(NamedTuple):
    """A file that was written.

    Attributes:
        path: Its path.
        buckets: The number of buckets.
        keys: The number of keys in them.
    """

    path: Path
    buckets: int
    keys: int


def write_bucket_file(numbers: Iterable[tuple[int, int]], path: Path) -> BucketFile:
    """Write the state of keys that have only a number.

    Args:
        numbers: Each key once with its number, in ascending order of the keys. Its errors pass.
        path: Path of the new file.

    Raises:
        StateError: The file cannot be written.
    """
    buckets = keys = 0
    try:
        with os.fdopen(create_private(path), "wb") as file:
            for bucket, group in groupby(numbers, key=lambda pair: bucket_of(pair[0])):
                entries = list(group)
                packed = pack_numbers(bucket, entries)
                file.write(_HEAD.pack(first_key_of(bucket), len(packed)) + packed)
                buckets += 1
                keys += len(entries)
    except OSError as error:
        raise StateError(
            f"The file of the initial state {path} cannot be written: {error}.",
            hint="It needs some ten bytes of disk an entity, and Flink copies it twice. Make room, then start again.",
            file=str(path),
        ) from error
    return BucketFile(path, buckets, keys)
