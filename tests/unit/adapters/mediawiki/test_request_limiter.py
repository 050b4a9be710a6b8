"""Request limiter: requests start one by one, within limits that adapt."""

from __future__ import annotations

import asyncio

import pytest

from wikistate.adapters.mediawiki.limits import FarmSettings
from wikistate.adapters.mediawiki.request_limiter import RequestLimiter


async def waiting_tasks(limiter: RequestLimiter, number: int) -> list[asyncio.Task[float]]:
    """Return tasks that acquire a slot, in order."""
    tasks = [asyncio.create_task(limiter.acquire()) for _ in range(number)]
    await turns()
    return tasks


async def turns(number: int = 5) -> None:
    """Let other tasks run."""
    for _ in range(number):
        await asyncio.sleep(0)


async def test_slots_are_limited_and_given_in_order() -> None:
    """The next task acquires a slot when another releases one."""
    limiter = RequestLimiter(FarmSettings(max_concurrency=4))
    tasks = await waiting_tasks(limiter, 5)
    assert [task.done() for task in tasks] == [True, True, False, False, False]
    assert (limiter.in_flight, limiter.waiting, limiter.limit) == (2, 3, 2)
    limiter.release()
    await turns()
    assert [task.done() for task in tasks] == [True, True, True, False, False]
    for task in tasks[3:]:
        task.cancel()


async def test_limit_grows_on_fast_responses_and_halves_on_overload() -> None:
    """Slow responses do not raise the limit."""
    limiter = RequestLimiter(FarmSettings(max_concurrency=8, slow_answer=1.0))
    sent = await limiter.acquire()
    limiter.answered(2.0)
    assert limiter.limit == 4
    for _ in range(4):
        limiter.answered(0.1)
    assert limiter.limit == 5
    limiter.overloaded(sent=sent, pause=0.0)
    assert limiter.limit == 2
    limiter.overloaded(sent=sent, pause=0.0)  # This request was sent before the limit was halved.
    assert limiter.limit == 2


async def test_no_slot_is_acquired_during_a_pause() -> None:
    """After the pause the waiting tasks acquire their slots automatically."""
    limiter = RequestLimiter(FarmSettings(max_concurrency=4))
    limiter.overloaded(sent=await limiter.acquire(), pause=0.05)
    limiter.release()
    (task,) = await waiting_tasks(limiter, 1)
    assert not task.done()
    await asyncio.wait_for(task, 5)


async def test_rate_limit_is_kept() -> None:
    """The rate is twenty in a second: three more than that take more than a second."""
    limiter = RequestLimiter(FarmSettings(max_concurrency=100, rate=20.0))
    began = asyncio.get_running_loop().time()
    await asyncio.wait_for(asyncio.gather(*(limiter.acquire() for _ in range(23))), 10)
    assert asyncio.get_running_loop().time() - began >= 1.0


@pytest.mark.parametrize("after", [0, 1])
async def test_cancelled_task_takes_no_slot(after: int) -> None:
    """The task may be cancelled while it waits, or at the moment at which it acquires its slot."""
    limiter = RequestLimiter(FarmSettings(max_concurrency=1))
    await limiter.acquire()
    quitter, patient = await waiting_tasks(limiter, 2)
    if after:
        limiter.release()  # It gives the slot to the quitter, which is cancelled before it runs.
    quitter.cancel()
    await turns()
    if not after:
        limiter.release()
    await asyncio.wait_for(patient, 5)
    assert (limiter.in_flight, limiter.waiting) == (1, 0)
