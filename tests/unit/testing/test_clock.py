"""The manual clock: time passes only when it is told to."""

from __future__ import annotations

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from wikistate.testing.clock import ManualClock


async def test_a_sleeper_wakes_when_its_time_has_come_and_not_before() -> None:
    """One millisecond short, it still sleeps."""
    clock = ManualClock(100.0)
    sleeper = asyncio.create_task(clock.sleep(5))
    await clock.elapse(4.999)
    assert not sleeper.done()
    assert clock.sleeper_count == 1
    await clock.elapse(0.001)
    assert sleeper.done()
    assert clock.now() == 105.0


async def test_advance_wakes_all_that_are_due_earliest_first() -> None:
    """The order of waking is that of the deadlines, whatever the order of going to sleep."""
    clock, woken = ManualClock(), list[int]()

    async def rest(seconds: int) -> None:
        await clock.sleep(seconds)
        woken.append(seconds)

    tasks = [asyncio.create_task(rest(seconds)) for seconds in (3, 1, 2, 9)]
    await asyncio.sleep(0)
    clock.advance(3)
    await asyncio.gather(*tasks[:3])
    assert woken == [1, 2, 3]
    tasks[3].cancel()


async def test_a_task_that_sleeps_in_a_loop_wakes_at_each_of_its_times() -> None:
    """`elapse` goes from deadline to deadline: ten ticks in ten seconds, each at its own time."""
    clock, ticks = ManualClock(), list[float]()

    async def tick() -> None:
        while True:
            await clock.sleep(1)
            ticks.append(clock.now())

    task = asyncio.create_task(tick())
    await clock.elapse(10.5)
    assert ticks == [float(number) for number in range(1, 11)]
    assert clock.now() == 10.5
    task.cancel()


async def test_a_cancelled_sleeper_is_forgotten() -> None:
    """It neither wakes nor counts."""
    clock = ManualClock()
    task = asyncio.create_task(clock.sleep(1))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert clock.sleeper_count == 0
    await clock.elapse(5)
    assert clock.now() == 5.0


async def test_no_time_at_all_passes_at_once() -> None:
    """Zero and negative sleeps return without the clock being moved."""
    clock = ManualClock()
    await clock.sleep(0)
    await clock.sleep(-3)
    assert clock.now() == 0.0


@settings(deadline=None)
@given(st.lists(st.integers(1, 50), max_size=12))
async def test_everybody_has_woken_when_the_longest_sleep_is_over(naps: list[int]) -> None:
    """Each sleeper sees the time that it asked for."""
    clock, seen = ManualClock(), dict[int, float]()

    async def rest(number: int, seconds: int) -> None:
        await clock.sleep(seconds)
        seen[number] = clock.now()

    tasks = [asyncio.create_task(rest(number, seconds)) for number, seconds in enumerate(naps)]
    await clock.elapse(max(naps, default=0))
    assert all(task.done() for task in tasks)
    assert seen == {number: float(seconds) for number, seconds in enumerate(naps)}
