"""One thread for one blocking client."""

from __future__ import annotations

import asyncio
import threading
from functools import partial

import pytest

from wikistate.adapters.connectors.client_thread import ClientThread


async def test_calls_run_in_order_on_one_other_thread() -> None:
    """A client that allows one caller at a time has one."""
    thread = ClientThread("test")
    thread.start()
    seen: list[tuple[int, int]] = []

    def look(number: int) -> None:
        seen.append((number, threading.get_ident()))

    await asyncio.gather(*(thread.run(partial(look, number)) for number in range(50)))
    assert [number for number, _ in seen] == list(range(50))
    assert len({ident for _, ident in seen}) == 1
    assert seen[0][1] != threading.get_ident()
    await thread.stop()


async def test_error_of_call_is_raised_at_its_await() -> None:
    """The thread continues afterwards."""
    thread = ClientThread("test")
    thread.start()
    with pytest.raises(ZeroDivisionError):
        await thread.run(lambda: 1 / 0)
    assert await thread.run(lambda: 1) == 1
    await thread.stop()


async def test_call_may_wait_for_loop_that_uses_same_client() -> None:
    """A rebalance callback does so: the runner commits while the thread of the consumer waits for it."""
    thread = ClientThread("test")
    thread.start()
    order: list[str] = []

    async def step() -> None:
        order.append("asked")
        await thread.run(lambda: order.append("committed"))
        order.append("told")

    def call() -> str:
        thread.wait_for(step())
        order.append("went on")
        return "result"

    assert await thread.run(call) == "result"
    assert order == ["asked", "committed", "told", "went on"]
    await thread.stop()


async def test_error_of_awaited_coroutine_is_raised_in_call() -> None:
    """A failing callback of the runner is not lost between two threads."""
    thread = ClientThread("test")
    thread.start()

    async def step() -> None:
        raise LookupError("lost")

    with pytest.raises(LookupError, match="lost"):
        await thread.run(lambda: thread.wait_for(step()))
    await thread.stop()


async def test_thread_that_does_not_run_rejects_calls() -> None:
    """It does not wait for ever."""
    thread = ClientThread("test")
    with pytest.raises(RuntimeError, match="before it is opened"):
        thread.submit(lambda: None)
    thread.start()
    await thread.stop()
    await thread.stop()
    with pytest.raises(RuntimeError, match="after it was closed"):
        await thread.run(lambda: None)
