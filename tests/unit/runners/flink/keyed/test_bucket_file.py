"""The file of an initial state."""

from __future__ import annotations

import os
import stat
import struct
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wikistate.errors import InputError, StateError
from wikistate.runners.flink.keyed.bucket_file import BucketFile, write_bucket_file
from wikistate.runners.flink.keyed.buckets import Bucket, KeyEntry, bucket_of, pack_numbers
from wikistate.streaming.keyed_job import EMPTY_STATE, KeyedState

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NUMBERS = st.integers(-(2**63), 2**63 - 1)


def read_buckets(path: Path) -> Iterator[tuple[int, Bucket]]:
    """Yield the buckets of a file by their first key, as the source of Flink reads them."""
    content = path.read_bytes()
    while content:
        key, length = struct.unpack_from(">qi", content)
        yield key, Bucket.unpack(bucket_of(key), content[12 : 12 + length])
        content = content[12 + length :]


@given(st.dictionaries(st.integers(128, 255), NUMBERS, min_size=1))
def test_packed_numbers_are_those_of_a_bucket(numbers: dict[int, int]) -> None:
    """The operator that decides reads them as its own."""
    entries = {key: KeyEntry(KeyedState(number)) for key, number in numbers.items()}
    assert pack_numbers(1, sorted(numbers.items())) == Bucket(1, entries).pack()


def test_file_holds_each_key_in_its_bucket(tmp_path: Path) -> None:
    """A bucket without keys is not in the file."""
    numbers = {1: 5, 127: 6, 128: 7, 2**34 + 1: 8}
    file = write_bucket_file(sorted(numbers.items()), tmp_path / "buckets")
    assert file == BucketFile(tmp_path / "buckets", buckets=3, keys=4)
    buckets = dict(read_buckets(file.path))
    assert list(buckets) == [0, 128, 2**34]
    assert [buckets[key // 128 * 128].get(key).state.number for key in numbers] == [5, 6, 7, 8]
    assert buckets[0].get(2).state == EMPTY_STATE


def test_file_is_private(tmp_path: Path) -> None:
    """It lists the entities of a wiki that may be private."""
    path = write_bucket_file([(1, 1)], tmp_path / "buckets").path
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_error_of_the_input_passes(tmp_path: Path) -> None:
    """It is not an error of the file."""

    def read() -> Iterator[tuple[int, int]]:
        yield 1, 1
        raise InputError("a.csv, line 2, is wrong.")

    with pytest.raises(InputError, match="line 2"):
        write_bucket_file(read(), tmp_path / "buckets")


def test_full_disk_is_an_error_with_advice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the file."""
    monkeypatch.setattr(
        "wikistate.runners.flink.keyed.bucket_file.create_private", lambda _: os.open("/dev/full", os.O_WRONLY)
    )
    with pytest.raises(StateError, match=r"buckets cannot be written: .*Make room"):
        write_bucket_file(((key, 1) for key in range(100_000)), tmp_path / "buckets")
