"""Order and bounds of the records in flight, which every runner shares."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wikistate.streaming.ordering import OrderedRelease
from wikistate.streaming.record import Output, Partition, Record, Role

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wikistate.streaming.ordering import InFlightRecord

PARTITION = Partition("changes", 3)
SIZE = 100
"""Bytes of a record's value."""


def make_ordering(*, events: int = 1_000, size: int = 1_000_000) -> OrderedRelease:
    """Return an empty `OrderedRelease` with these bounds."""
    return OrderedRelease(max_events=events, max_bytes=size)


def admit(to: OrderedRelease, offset: int, key: str | None, *, value: bytes | None = b"r" * SIZE) -> InFlightRecord:
    """Admit a record at this offset behind the others of its key."""
    record = to.admit(Record(value, None, None, PARTITION, offset), 0.0)
    to.enqueue(record, key)
    return record


def outputs(*sizes: int) -> list[Output]:
    """Return outputs with values of these sizes."""
    return [Output(Role.SINK, None, b"o" * size, None) for size in sizes]


def write_released(of: OrderedRelease) -> list[int]:
    """Write the released records and return their offsets, in order."""
    records = of.take_released()
    of.mark_written(records)
    return [record.offset for record in records]


def test_slow_event_releases_all_events_behind_it_in_order() -> None:
    """The later events of the page were finished before, in reverse order."""
    some = make_ordering()
    slow, *rest = [admit(some, offset, "page") for offset in range(5)]
    for record in reversed(rest):
        some.finish(record, [])
    assert write_released(some) == []
    some.finish(slow, [])
    assert write_released(some) == [0, 1, 2, 3, 4]


def test_event_waits_for_earlier_unfinished_events_of_its_key() -> None:
    """Finished events before the unfinished one are released."""
    some = make_ordering()
    records = [admit(some, offset, "page") for offset in range(4)]
    for offset in (3, 1, 0):
        some.finish(records[offset], [])
    assert write_released(some) == [0, 1]
    some.finish(records[2], [])
    assert write_released(some) == [2, 3]


def test_events_of_other_keys_or_without_a_key_do_not_wait() -> None:
    """Events without a key do not wait for each other either."""
    some = make_ordering()
    admit(some, 0, "slow")
    admit(some, 1, None)
    others = [admit(some, 2, None), admit(some, 3, "other")]
    for record in others:
        some.finish(record, [])
    assert write_released(some) == [2, 3]


def test_finished_key_is_forgotten() -> None:
    """A page without events in flight takes no memory, so memory does not grow with the pages of a wiki."""
    some = make_ordering()
    for offset in range(1_000):
        some.finish(admit(some, offset, f"page {offset}"), [])
    assert write_released(some) == list(range(1_000))
    assert some._tails == {}
    some.finish(admit(some, 1_000, "page 0"), [])
    assert write_released(some) == [1_000]


def test_released_record_is_returned_once() -> None:
    """A second call returns nothing, although nothing was written yet."""
    some = make_ordering()
    some.finish(admit(some, 0, "page"), outputs(1))
    assert [record.offset for record in some.take_released()] == [0]
    assert some.take_released() == []


def test_written_records_free_room_for_events() -> None:
    """Released records still count."""
    some = make_ordering(events=3)
    record = admit(some, 0, "page")
    assert some.room() == 2
    some.finish(record, [])
    released = some.take_released()
    assert some.room() == 2
    some.mark_written(released)
    assert some.room() == 3
    assert record.written


def test_results_count_until_they_are_written() -> None:
    """Waiting results take room: a slow event cannot make the results behind it grow without bound."""
    some = make_ordering(size=2 * SIZE + 50)
    slow, quick = admit(some, 0, "page"), admit(some, 1, "page")
    assert some.room() > 0
    some.finish(quick, outputs(30, 20))
    assert (some.bytes, some.room()) == (2 * SIZE + 50, 0)
    some.finish(slow, outputs(10))
    write_released(some)
    assert (some.bytes, some.events) == (0, 0)
    assert some.room() > 0


def test_record_larger_than_the_bound_is_admitted_alone() -> None:
    """No other record is admitted beside it."""
    some = make_ordering(size=SIZE // 2)
    assert some.room() > 0
    record = admit(some, 0, "page")
    assert some.room() == 0
    some.finish(record, [])
    write_released(some)
    assert some.room() > 0


def test_tombstone_counts_as_an_event_without_bytes() -> None:
    """It has no value, and is in flight like any other record."""
    some = make_ordering()
    admit(some, 0, None, value=None)
    assert (some.events, some.bytes) == (1, 0)


def test_error_of_a_record_finished_twice_names_the_record() -> None:
    """The same after it was written."""
    some = make_ordering()
    record = admit(some, 7, "page")
    some.finish(record, outputs(1))
    write_released(some)
    with pytest.raises(RuntimeError, match="changes/3 offset 7 was finished twice"):
        some.finish(record, outputs(1))
    assert (some.events, some.bytes) == (0, 0)


def test_abandoned_record_is_not_written() -> None:
    """Whether it was finished before or after; the records behind it are released."""
    some = make_ordering()
    records = [admit(some, offset, "page") for offset in range(3)]
    some.finish(records[0], outputs(1))
    for record in records[:2]:
        record.abandoned = True
    some.finish(records[1], outputs(1))
    some.finish(records[2], outputs(1))
    released = some.take_released()
    assert [len(record.outputs or []) for record in released] == [0, 0, 1]
    some.mark_written(released)
    assert (some.events, some.bytes) == (0, 0)


def _of_key(offsets: Iterable[int], keys: list[str | None], key: str) -> list[int]:
    return [offset for offset in offsets if keys[offset] == key]


@given(keys=st.lists(st.sampled_from(["a", "b", "c", None]), max_size=40), data=st.data())
def test_order_and_bounds_hold_for_every_interleaving(keys: list[str | None], data: st.DataObject) -> None:
    """Records, results and writes interleave: order holds within a key, each record comes once, and none is left."""
    some = make_ordering(events=8)
    open_: list[InFlightRecord] = []
    came = 0
    order: list[int] = []
    while came < len(keys) or open_:
        may_admit = came < len(keys) and some.room() > 0
        if may_admit and (not open_ or data.draw(st.booleans(), label="admit")):
            open_.append(admit(some, came, keys[came]))
            came += 1
        elif open_:
            some.finish(open_.pop(data.draw(st.integers(0, len(open_) - 1), label="finish")), outputs(5))
        if not open_ or data.draw(st.booleans(), label="write"):
            order += write_released(some)
        assert some.events <= 8
    order += write_released(some)
    assert sorted(order) == list(range(len(keys)))
    for key in "abc":
        assert _of_key(order, keys, key) == _of_key(range(len(keys)), keys, key)
    assert (some.events, some.bytes, some._tails) == (0, 0, {})
