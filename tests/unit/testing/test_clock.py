"""The manual clock: time passes only when a test advances it."""

from __future__ import annotations

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from wikistate.testing.clock import ManualClock


async def test_sleep_ends_at_its_deadline_and_not_before() -> None:
    """One millisecond before the deadline the task still sleeps."""
    clock = ManualClock(100.0)
    sleeper = asyncio.create_task(clock.sleep(5))
    await clock.elapse(4.999)
    assert not sleeper.done()
    assert clock.sleeper_count == 1
    await clock.elapse(0.001)
    assert sleeper.done()
    assert clock.now() == 105.0


async def test_advance_resumes_all_due_tasks_in_the_order_of_their_deadlines() -> None:
    """The order in which the tasks began to sleep does not matter."""
    clock, resumed = ManualClock(), list[int]()

    async def rest(seconds: int) -> None:
        await clock.sleep(seconds)
        resumed.append(seconds)

    tasks = [asyncio.create_task(rest(seconds)) for seconds in (3, 1, 2, 9)]
    await asyncio.sleep(0)
    clock.advance(3)
    await asyncio.gather(*tasks[:3])
    assert resumed == [1, 2, 3]
    tasks[3].cancel()


async def test_task_that_sleeps_in_a_loop_resumes_at_each_deadline() -> None:
    """`elapse` advances from deadline to deadline: there are ten ticks in ten seconds, each at its own time."""
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


async def test_cancelled_sleep_is_removed() -> None:
    """A cancelled task neither resumes nor counts as a sleeper."""
    clock = ManualClock()
    task = asyncio.create_task(clock.sleep(1))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert clock.sleeper_count == 0
    await clock.elapse(5)
    assert clock.now() == 5.0


async def test_sleep_of_zero_or_less_returns_at_once() -> None:
    """Such a sleep returns although the clock is not advanced."""
    clock = ManualClock()
    await clock.sleep(0)
    await clock.sleep(-3)
    assert clock.now() == 0.0


@settings(deadline=None)
@given(st.lists(st.integers(1, 50), max_size=12))
async def test_all_tasks_have_resumed_when_the_longest_sleep_ends(naps: list[int]) -> None:
    """Each task resumes at its own deadline."""
    clock, seen = ManualClock(), dict[int, float]()

    async def rest(number: int, seconds: int) -> None:
        await clock.sleep(seconds)
        seen[number] = clock.now()

    tasks = [asyncio.create_task(rest(number, seconds)) for number, seconds in enumerate(naps)]
    await clock.elapse(max(naps, default=0))
    assert all(task.done() for task in tasks)
    assert seen == {number: float(seconds) for number, seconds in enumerate(naps)}
