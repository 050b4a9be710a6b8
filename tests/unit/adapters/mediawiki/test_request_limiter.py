"""Requests pass one by one, within limits that adapt."""

from __future__ import annotations

import asyncio

import pytest

from wikistate.adapters.mediawiki.limits import FarmSettings
from wikistate.adapters.mediawiki.request_limiter import RequestLimiter


async def line(turnstile: RequestLimiter, number: int) -> list[asyncio.Task[float]]:
    """So many who want to enter, in order."""
    tasks = [asyncio.create_task(turnstile.acquire()) for _ in range(number)]
    await turns()
    return tasks


async def turns(number: int = 5) -> None:
    """Let tasks run."""
    for _ in range(number):
        await asyncio.sleep(0)


async def test_no_more_are_inside_than_the_limit_allows_first_come_first_served() -> None:
    """The next enters when one leaves."""
    turnstile = RequestLimiter(FarmSettings(max_concurrency=4))
    tasks = await line(turnstile, 5)
    assert [task.done() for task in tasks] == [True, True, False, False, False]
    assert (turnstile.in_flight, turnstile.waiting, turnstile.limit) == (2, 3, 2)
    turnstile.release()
    await turns()
    assert [task.done() for task in tasks] == [True, True, True, False, False]
    for task in tasks[3:]:
        task.cancel()


async def test_the_limit_grows_on_fast_answers_and_halves_on_overload() -> None:
    """Not on slow ones."""
    turnstile = RequestLimiter(FarmSettings(max_concurrency=8, slow_answer=1.0))
    sent = await turnstile.acquire()
    turnstile.answered(2.0)
    assert turnstile.limit == 4
    for _ in range(4):
        turnstile.answered(0.1)
    assert turnstile.limit == 5
    turnstile.overloaded(sent=sent, pause=0.0)
    assert turnstile.limit == 2
    turnstile.overloaded(sent=sent, pause=0.0)  # was sent before the limit was halved
    assert turnstile.limit == 2


async def test_nobody_enters_during_a_pause() -> None:
    """And all that fit do so when it is over, without anybody asking."""
    turnstile = RequestLimiter(FarmSettings(max_concurrency=4))
    turnstile.overloaded(sent=await turnstile.acquire(), pause=0.05)
    turnstile.release()
    (task,) = await line(turnstile, 1)
    assert not task.done()
    await asyncio.wait_for(task, 5)


async def test_a_rate_is_kept() -> None:
    """Twenty in a second: three more than that take more than a second."""
    turnstile = RequestLimiter(FarmSettings(max_concurrency=100, rate=20.0))
    began = asyncio.get_running_loop().time()
    await asyncio.wait_for(asyncio.gather(*(turnstile.acquire() for _ in range(23))), 10)
    assert asyncio.get_running_loop().time() - began >= 1.0


@pytest.mark.parametrize("after", [0, 1])
async def test_who_gives_up_takes_nobodys_turn(after: int) -> None:
    """Neither while standing in line, nor in the very moment of being admitted."""
    turnstile = RequestLimiter(FarmSettings(max_concurrency=1))
    await turnstile.acquire()
    quitter, patient = await line(turnstile, 2)
    if after:
        turnstile.release()  # admits the quitter, who is cancelled before it runs
    quitter.cancel()
    await turns()
    if not after:
        turnstile.release()
    await asyncio.wait_for(patient, 5)
    assert (turnstile.in_flight, turnstile.waiting) == (1, 0)
