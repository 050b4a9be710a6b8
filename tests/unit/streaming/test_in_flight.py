"""The rules of the local runner: order within a key, contiguous commits, bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wikistate.streaming.in_flight import InFlight
from wikistate.streaming.record import Output, Partition, Record, Role

if TYPE_CHECKING:
    from wikistate.streaming.ordering import InFlightRecord

P0, P1 = Partition("t", 0), Partition("t", 1)


def in_flight(*, events: int = 100, size: int = 10_000, uncommitted: int = 1_000) -> InFlight:
    """Return an empty `InFlight` with these bounds."""
    return InFlight(max_events=events, max_bytes=size, max_uncommitted=uncommitted)


def make_record(offset: int, partition: Partition = P0, value: bytes = b"x") -> Record:
    """Return a record at this offset."""
    return Record(value, None, None, partition, offset)


def output(text: str) -> list[Output]:
    """Return one output."""
    return [Output(Role.SINK, None, text.encode(), None)]


def admit(flight: InFlight, offset: int, key: str | None, partition: Partition = P0) -> InFlightRecord:
    """Admit a record behind the others of its key."""
    record = flight.admit(make_record(offset, partition), 0.0)
    flight.enqueue(record, key)
    return record


def released(flight: InFlight) -> list[int]:
    """Write the released records and return their offsets."""
    records = flight.take_released()
    flight.mark_written(records)
    return [record.offset for record in records]


def test_later_event_of_a_page_waits_for_the_earlier_one() -> None:
    """Within a key, outputs are released in the order of reading."""
    flight = in_flight()
    first, second = admit(flight, 0, "a"), admit(flight, 1, "a")
    flight.finish(second, output("2"))
    assert released(flight) == []
    flight.finish(first, output("1"))
    assert released(flight) == [0, 1]


def test_pages_do_not_wait_for_each_other() -> None:
    """Keys are independent, and a record without a key does not wait."""
    flight = in_flight()
    admit(flight, 0, "a")
    other, loose = admit(flight, 1, "b"), admit(flight, 2, None)
    flight.finish(loose, [])
    flight.finish(other, output("b"))
    assert released(flight) == [2, 1]


def test_position_never_passes_an_unwritten_record() -> None:
    """Finished records behind a slow record are not committed until the slow one is finished."""
    flight = in_flight()
    slow, quick = admit(flight, 5, "a"), admit(flight, 6, "b")
    flight.finish(quick, [])
    released(flight)
    assert flight.take_positions() == {}
    flight.finish(slow, [])
    assert flight.take_positions() == {}, "released is not written"
    released(flight)
    assert flight.take_positions() == {P0: 7}
    assert flight.take_positions() == {}, "a position is given once"


def test_partitions_are_committed_separately() -> None:
    """A slow record holds back its own partition alone."""
    flight = in_flight()
    admit(flight, 0, "a", P0)
    flight.finish(admit(flight, 9, "b", P1), [])
    released(flight)
    assert flight.take_positions() == {P1: 10}


def test_record_that_is_finished_twice_is_an_error() -> None:
    """A job that calls `on_done` twice is stopped, because the second output would be out of order."""
    flight = in_flight()
    record = admit(flight, 0, "a")
    flight.finish(record, [])
    with pytest.raises(RuntimeError, match="t/0 offset 0 was finished twice"):
        flight.finish(record, [])


def test_room_is_bounded_in_events_bytes_and_uncommitted_records() -> None:
    """Each bound alone stops the reading, and each is free again when its records are finished."""
    by_events = in_flight(events=2)
    records = [admit(by_events, offset, str(offset)) for offset in range(2)]
    assert by_events.room() == 0
    by_events.finish(records[0], [])
    released(by_events)
    assert by_events.room() == 1

    by_bytes = in_flight(size=10)
    record = by_bytes.admit(make_record(0, value=b"0123456789"), 0.0)
    assert by_bytes.room() == 0
    by_bytes.finish(record, output("result"))
    assert by_bytes.bytes == 16
    released(by_bytes)
    assert (by_bytes.bytes, by_bytes.room()) == (0, 100)

    by_commits = in_flight(uncommitted=3)
    slow = admit(by_commits, 0, "slow")
    for offset in (1, 2):
        by_commits.finish(admit(by_commits, offset, None), [])
    released(by_commits)
    assert by_commits.room() == 0
    by_commits.finish(slow, [])
    released(by_commits)
    by_commits.take_positions()
    assert by_commits.room() == 3


def test_records_of_a_revoked_partition_are_neither_written_nor_committed() -> None:
    """Their results are dropped: the new reader produces them."""
    flight = in_flight()
    running, ready = admit(flight, 0, "a"), admit(flight, 1, "b")
    flight.finish(ready, output("late"))
    flight.abandon({P0})
    flight.finish(running, output("late"))
    records = flight.take_released()
    assert [record.outputs for record in records] == [[], []]
    flight.mark_written(records)
    assert flight.take_positions() == {}
    assert (flight.events, flight.bytes) == (0, 0)


@given(st.lists(st.sampled_from("abc"), max_size=30), st.randoms(use_true_random=False))
def test_any_order_of_results_gives_the_order_of_reading_in_each_key(keys: list[str], random: object) -> None:
    """The law: each record is released once, each key keeps its order, and at the end all records are committed."""
    flight = in_flight()
    records = [admit(flight, offset, key) for offset, key in enumerate(keys)]
    order: list[int] = []
    random.shuffle(records)  # type: ignore[attr-defined]  # hypothesis types its strategy of random.Random as object
    for record in records:
        flight.finish(record, output("x"))
        order += released(flight)
    assert sorted(order) == list(range(len(keys)))
    for key in "abc":
        offsets = [offset for offset in order if keys[offset] == key]
        assert offsets == sorted(offsets)
    assert flight.take_positions() == ({P0: len(keys)} if keys else {})
    assert (flight.events, flight.bytes, flight.uncommitted) == (0, 0, 0)
