from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wikistate.errors import InputError
from wikistate.runners.flink.keyed.buckets import BUCKET_SIZE, EMPTY_ENTRY, Bucket, KeyEntry, bucket_of
from wikistate.streaming.keyed_job import KeyedState

NUMBERS = st.integers(min_value=-(2**63), max_value=2**63 - 1)
STATES = st.builds(KeyedState, st.none() | NUMBERS, st.binary(max_size=20))
ENTRIES = st.builds(KeyEntry, STATES, st.none() | NUMBERS)
KEYS = st.integers(min_value=0, max_value=2**40)


@given(KEYS, st.dictionaries(st.integers(min_value=0, max_value=BUCKET_SIZE - 1), ENTRIES))
def test_unpacked_bucket_has_the_entries_that_were_packed(key: int, places: dict[int, KeyEntry]) -> None:
    """Any number, any blob, and any timer, also none of them."""
    number = bucket_of(key)
    bucket = Bucket(number)
    for place, entry in places.items():
        bucket.put(number * BUCKET_SIZE + place, entry)
    read = Bucket.unpack(number, bucket.pack())
    for place in range(BUCKET_SIZE):
        assert read.get(number * BUCKET_SIZE + place) == places.get(place, EMPTY_ENTRY)


def test_bucket_without_entries_takes_no_space() -> None:
    """A key that loses its state leaves nothing behind."""
    bucket = Bucket(0, {1: KeyEntry(KeyedState(7))})
    bucket.put(1, EMPTY_ENTRY)
    assert bucket.pack() is None


def test_known_revision_takes_nine_bytes() -> None:
    """A hundred million entities need about a gigabyte."""
    full = Bucket(3, {3 * BUCKET_SIZE + place: KeyEntry(KeyedState(10**9 + place)) for place in range(BUCKET_SIZE)})
    packed = full.pack()
    assert packed is not None
    assert len(packed) == 2 + 9 * BUCKET_SIZE


@given(st.dictionaries(st.integers(min_value=0, max_value=BUCKET_SIZE - 1), st.integers(0, 100), min_size=1))
def test_due_timers_are_in_the_order_of_time(timers: dict[int, int]) -> None:
    """The timer of a key is due at its time, and not before."""
    bucket = Bucket(0, {key: KeyEntry(timer=time) for key, time in timers.items()})
    assert bucket.due(50) == sorted((time, key) for key, time in timers.items() if time <= 50)


def test_state_of_a_later_release_is_refused() -> None:
    """Its format is not known, so nothing is guessed."""
    with pytest.raises(InputError, match="format 9"):
        Bucket.unpack(0, b"\x09\x00")
