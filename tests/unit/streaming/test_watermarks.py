"""Up to where event time has come, over partitions that are ahead, behind, silent or at their end."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wikistate.streaming.watermarks import Watermarks

BOUND, IDLE = 100, 1000


def watermarks() -> Watermarks[str]:
    """With a bound of 100 ms and an idleness of a second."""
    return Watermarks(bound=BOUND, idleness=IDLE)


def test_there_is_none_before_the_first_event() -> None:
    """Nothing can be late yet."""
    marks = watermarks()
    marks.assign("a", 0)
    assert marks.current(0) is None
    assert marks.timer_watermark(10_000) is None


def test_it_stays_behind_the_largest_time_by_the_bound() -> None:
    """An event that is exactly the bound older than the newest is not late, so the watermark is 1 ms before it."""
    marks = watermarks()
    marks.observe("a", 5000, 0)
    marks.observe("a", 4000, 0)
    assert marks.current(0) == 5000 - BOUND - 1


def test_it_is_the_minimum_over_partitions() -> None:
    """The one that is behind tells where all are."""
    marks = watermarks()
    marks.observe("a", 5000, 0)
    marks.observe("b", 3000, 0)
    assert marks.current(0) == 3000 - BOUND - 1


def test_a_partition_that_said_nothing_yet_holds_the_others_back_until_it_is_idle() -> None:
    """It may be about to say something old."""
    marks = watermarks()
    marks.assign("silent", 0)
    marks.observe("a", 5000, 500)
    assert marks.current(IDLE - 1) is None
    assert marks.current(IDLE) == 5000 - BOUND - 1


def test_an_idle_partition_has_no_say_until_it_says_something() -> None:
    """And when it does, the watermark waits for it but does not go back."""
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


def test_when_all_are_idle_it_stands_still() -> None:
    """A source that is cut off looks the same, and what it brings afterwards must not be late."""
    marks = watermarks()
    marks.observe("a", 5000, 0)
    assert marks.current(0) == marks.current(60_000) == 5000 - BOUND - 1


def test_while_all_is_quiet_timers_go_on_with_the_clock() -> None:
    """The last edit of a small wiki does not wait for the next one."""
    marks = watermarks()
    marks.observe("a", 5000, 0)
    assert marks.timer_watermark(IDLE - 1) == 5000 - BOUND - 1
    assert marks.timer_watermark(IDLE + 500) == 5000 + IDLE + 500 - BOUND - 1
    assert marks.current(IDLE + 500) == 5000 - BOUND - 1, "what comes after all is not late by it"


def test_a_partition_that_ended_has_no_say() -> None:
    """A file at its end holds nobody back."""
    marks = watermarks()
    marks.observe("file", 1000, 0)
    marks.observe("live", 5000, 0)
    assert marks.current(0) == 1000 - BOUND - 1
    marks.remove("file")
    assert marks.current(0) == 5000 - BOUND - 1


def test_a_partition_that_is_assigned_again_stays_where_it_is() -> None:
    """As after every change of a consumer group: what it has said is not forgotten, nor how long it was silent."""
    marks = watermarks()
    marks.observe("a", 5000, 0)
    marks.assign("a", IDLE)
    marks.assign("a", IDLE, time=3000)
    assert marks.max_event_times == {"a": 5000}
    marks.observe("b", 9000, IDLE)
    assert marks.current(IDLE) == 9000 - BOUND - 1


def test_it_goes_on_after_a_restart_where_it_was() -> None:
    """The times of a checkpoint are enough, also for a wiki that stays quiet."""
    before = watermarks()
    before.observe("a", 5000, 0)
    after = watermarks()
    for partition, time in before.max_event_times.items():
        after.assign(partition, 70_000, time=time)
    assert after.current(70_000) == before.current(0)
    assert after.timer_watermark(70_000 + IDLE) == 5000 + IDLE - BOUND - 1


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 10_000), st.integers(0, 700))))
def test_it_never_goes_back(observed: list[tuple[str, int, int]]) -> None:
    """Whatever partitions say and however long they are silent; and what is presumed is never behind."""
    marks, now, last = watermarks(), 0, -1_000_000
    for partition, time, passed in observed:
        now += passed
        marks.observe(partition, time, now)
        current = marks.current(now)
        assert current is None or current >= last
        last = last if current is None else current
        assert (marks.timer_watermark(now) or last) >= last
