"""Order and bounds, which every runner shares."""

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
    """Empty ones with these bounds."""
    return OrderedRelease(max_events=events, max_bytes=size)


def admit(to: OrderedRelease, offset: int, lane: str | None, *, value: bytes | None = b"r" * SIZE) -> InFlightRecord:
    """Admits the record at this offset, and lines it up."""
    ticket = to.admit(Record(value, None, None, PARTITION, offset), 0.0)
    to.enqueue(ticket, lane)
    return ticket


def outputs(*sizes: int) -> list[Output]:
    """Outputs with values of these sizes."""
    return [Output(Role.SINK, None, b"o" * size, None) for size in sizes]


def write_released(of: OrderedRelease) -> list[int]:
    """Writes all that is released; its offsets, in order."""
    tickets = of.take_released()
    of.mark_written(tickets)
    return [ticket.offset for ticket in tickets]


def test_one_slow_event_releases_all_that_waited_behind_it_at_once_and_in_order() -> None:
    """However many of a page were finished meanwhile, and in whatever order."""
    some = make_ordering()
    slow, *rest = [admit(some, offset, "page") for offset in range(5)]
    for ticket in reversed(rest):
        some.finish(ticket, [])
    assert write_released(some) == []
    some.finish(slow, [])
    assert write_released(some) == [0, 1, 2, 3, 4]


def test_an_event_waits_for_the_nearest_unfinished_one_before_it() -> None:
    """Not for the whole lane: what is before a gap goes out."""
    some = make_ordering()
    tickets = [admit(some, offset, "page") for offset in range(4)]
    for offset in (3, 1, 0):
        some.finish(tickets[offset], [])
    assert write_released(some) == [0, 1]
    some.finish(tickets[2], [])
    assert write_released(some) == [2, 3]


def test_other_lanes_and_no_lane_wait_for_nobody() -> None:
    """Also when many have none: no lane is not one lane."""
    some = make_ordering()
    admit(some, 0, "slow")
    admit(some, 1, None)
    others = [admit(some, 2, None), admit(some, 3, "other")]
    for ticket in others:
        some.finish(ticket, [])
    assert write_released(some) == [2, 3]


def test_a_lane_that_was_left_begins_anew() -> None:
    """Nothing is kept of a page once nothing of it is in flight, so memory does not grow with the pages of a wiki."""
    some = make_ordering()
    for offset in range(1_000):
        some.finish(admit(some, offset, f"page {offset}"), [])
    assert write_released(some) == list(range(1_000))
    assert some._tails == {}
    some.finish(admit(some, 1_000, "page 0"), [])
    assert write_released(some) == [1_000]


def test_what_is_released_is_given_once() -> None:
    """A second look finds nothing, although nothing was written yet."""
    some = make_ordering()
    some.finish(admit(some, 0, "page"), outputs(1))
    assert [ticket.offset for ticket in some.take_released()] == [0]
    assert some.take_released() == []


def test_room_is_what_the_bound_of_events_leaves() -> None:
    """Until they are written: released is not enough."""
    some = make_ordering(events=3)
    ticket = admit(some, 0, "page")
    assert some.room() == 2
    some.finish(ticket, [])
    released = some.take_released()
    assert some.room() == 2
    some.mark_written(released)
    assert some.room() == 3
    assert ticket.written


def test_results_count_until_they_are_written() -> None:
    """What waits for its turn fills the room: a slow event cannot make the results behind it pile up."""
    some = make_ordering(size=2 * SIZE + 50)
    slow, quick = admit(some, 0, "page"), admit(some, 1, "page")
    assert some.room() > 0
    some.finish(quick, outputs(30, 20))
    assert (some.bytes, some.room()) == (2 * SIZE + 50, 0)
    some.finish(slow, outputs(10))
    write_released(some)
    assert (some.bytes, some.events) == (0, 0)
    assert some.room() > 0


def test_a_record_larger_than_the_bound_gets_through_alone() -> None:
    """It is admitted, and nothing beside it."""
    some = make_ordering(size=SIZE // 2)
    assert some.room() > 0
    ticket = admit(some, 0, "page")
    assert some.room() == 0
    some.finish(ticket, [])
    write_released(some)
    assert some.room() > 0


def test_a_tombstone_counts_as_an_event_without_bytes() -> None:
    """It has no value, and is in flight like any other record."""
    some = make_ordering()
    admit(some, 0, None, value=None)
    assert (some.events, some.bytes) == (1, 0)


def test_finishing_twice_says_which_record_it_was() -> None:
    """Also after it was written."""
    some = make_ordering()
    ticket = admit(some, 7, "page")
    some.finish(ticket, outputs(1))
    write_released(some)
    with pytest.raises(RuntimeError, match="changes/3 offset 7 was finished twice"):
        some.finish(ticket, outputs(1))
    assert (some.events, some.bytes) == (0, 0)


def test_what_was_abandoned_is_not_written() -> None:
    """Whether it was finished before or after; its successors still get their turn."""
    some = make_ordering()
    tickets = [admit(some, offset, "page") for offset in range(3)]
    some.finish(tickets[0], outputs(1))
    for ticket in tickets[:2]:
        ticket.abandoned = True
    some.finish(tickets[1], outputs(1))
    some.finish(tickets[2], outputs(1))
    released = some.take_released()
    assert [len(ticket.outputs or []) for ticket in released] == [0, 0, 1]
    some.mark_written(released)
    assert (some.events, some.bytes) == (0, 0)


def _in_lane(offsets: Iterable[int], keys: list[str | None], lane: str) -> list[int]:
    return [offset for offset in offsets if keys[offset] == lane]


@given(keys=st.lists(st.sampled_from(["a", "b", "c", None]), max_size=40), data=st.data())
def test_order_and_bounds_hold_whenever_records_come_results_come_and_outputs_are_written(
    keys: list[str | None], data: st.DataObject
) -> None:
    """The law, for every interleaving of the three: in order within a lane, each once, and nothing left at the end."""
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
    for lane in "abc":
        assert _in_lane(order, keys, lane) == _in_lane(range(len(keys)), keys, lane)
    assert (some.events, some.bytes, some._tails) == (0, 0, {})
