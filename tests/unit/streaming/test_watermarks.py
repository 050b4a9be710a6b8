"""The watermark over partitions that are ahead, behind, silent or at their end."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wikistate.streaming.watermarks import Watermarks

BOUND, IDLE = 100, 1000


def watermarks() -> Watermarks[str]:
    """Return watermarks with a bound of 100 ms and an idleness of one second."""
    return Watermarks(bound=BOUND, idleness=IDLE)


def test_watermark_is_unknown_before_the_first_event() -> None:
    """No event can be late yet."""
    marks = watermarks()
    marks.assign("a", 0)
    assert marks.current(0) is None
    assert marks.timer_watermark(10_000) is None


def test_watermark_is_the_largest_time_minus_the_bound() -> None:
    """An event that is exactly the bound older than the newest is not late, so the watermark is 1 ms before it."""
    marks = watermarks()
    marks.observe("a", 5000, 0)
    marks.observe("a", 4000, 0)
    assert marks.current(0) == 5000 - BOUND - 1


def test_watermark_is_the_minimum_over_partitions() -> None:
    """The slowest partition determines it."""
    marks = watermarks()
    marks.observe("a", 5000, 0)
    marks.observe("b", 3000, 0)
    assert marks.current(0) == 3000 - BOUND - 1


def test_partition_without_records_holds_the_watermark_back_until_it_is_idle() -> None:
    """It may still deliver an old record."""
    marks = watermarks()
    marks.assign("silent", 0)
    marks.observe("a", 5000, 500)
    assert marks.current(IDLE - 1) is None
    assert marks.current(IDLE) == 5000 - BOUND - 1


def test_idle_partition_does_not_count_until_its_next_record() -> None:
    """The watermark then waits for it but does not move back."""
    marks = watermarks()
    marks.observe("a", 3000, 0)
    marks.observe("b", 5000, IDLE)
    assert marks.current(IDLE) == 5000 - BOUND - 1
    marks.observe("a", 3500, IDLE + 1)
    assert marks.current(IDLE + 1) == 5000 - BOUND - 1
    marks.observe("b", 9000, IDLE + 1)
    assert marks.current(IDLE + 1) == 5000 - BOUND - 1
    marks.observe("a", 8000, IDLE + 2)
    assert marks.current(IDLE + 2) == 8000 - BOUND - 1


def test_watermark_stands_still_while_all_partitions_are_idle() -> None:
    """A disconnected source looks the same, and its later records must not be late."""
    marks = watermarks()
    marks.observe("a", 5000, 0)
    assert marks.current(0) == marks.current(60_000) == 5000 - BOUND - 1


def test_timers_advance_with_the_clock_while_all_partitions_are_idle() -> None:
    """The last edit of a small wiki does not wait for the next one."""
    marks = watermarks()
    marks.observe("a", 5000, 0)
    assert marks.timer_watermark(IDLE - 1) == 5000 - BOUND - 1
    assert marks.timer_watermark(IDLE + 500) == 5000 + IDLE + 500 - BOUND - 1
    assert marks.current(IDLE + 500) == 5000 - BOUND - 1, "an event that arrives later is not late"


def test_ended_partition_does_not_count() -> None:
    """A file at its end does not hold the watermark back."""
    marks = watermarks()
    marks.observe("file", 1000, 0)
    marks.observe("live", 5000, 0)
    assert marks.current(0) == 1000 - BOUND - 1
    marks.remove("file")
    assert marks.current(0) == 5000 - BOUND - 1


def test_partition_that_is_assigned_again_keeps_its_time() -> None:
    """As after every rebalance: its largest event time and its idleness are kept."""
    marks = watermarks()
    marks.observe("a", 5000, 0)
    marks.assign("a", IDLE)
    marks.assign("a", IDLE, time=3000)
    assert marks.max_event_times == {"a": 5000}
    marks.observe("b", 9000, IDLE)
    assert marks.current(IDLE) == 9000 - BOUND - 1


def test_watermark_resumes_after_a_restart() -> None:
    """The times in a checkpoint are enough, also for a wiki that stays quiet."""
    before = watermarks()
    before.observe("a", 5000, 0)
    after = watermarks()
    for partition, time in before.max_event_times.items():
        after.assign(partition, 70_000, time=time)
    assert after.current(70_000) == before.current(0)
    assert after.timer_watermark(70_000 + IDLE) == 5000 + IDLE - BOUND - 1


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 10_000), st.integers(0, 700))))
def test_watermark_never_moves_back(observed: list[tuple[str, int, int]]) -> None:
    """For all times and silences of partitions; the time at which timers are due is never behind it."""
    marks, now, last = watermarks(), 0, -1_000_000
    for partition, time, passed in observed:
        now += passed
        marks.observe(partition, time, now)
        current = marks.current(now)
        assert current is None or current >= last
        last = last if current is None else current
        assert (marks.timer_watermark(now) or last) >= last
