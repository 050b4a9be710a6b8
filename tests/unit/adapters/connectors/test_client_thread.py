"""One thread for one blocking client."""

from __future__ import annotations

import asyncio
import threading
from functools import partial

import pytest

from wikistate.adapters.connectors.client_thread import ClientThread


async def test_calls_run_in_order_on_one_other_thread() -> None:
    """A client that wants one caller at a time gets one."""
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


async def test_what_a_call_raises_arrives_where_it_is_awaited() -> None:
    """And the thread goes on."""
    thread = ClientThread("test")
    thread.start()
    with pytest.raises(ZeroDivisionError):
        await thread.run(lambda: 1 / 0)
    assert await thread.run(lambda: 1) == 1
    await thread.stop()


async def test_a_call_may_wait_for_the_loop_which_uses_the_same_client() -> None:
    """As a rebalance callback does: the runner commits while the consumer's thread waits for it."""
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


async def test_what_the_awaited_step_raises_arrives_in_the_call() -> None:
    """A callback of the runner that fails is not lost between two threads."""
    thread = ClientThread("test")
    thread.start()

    async def step() -> None:
        raise LookupError("lost")

    with pytest.raises(LookupError, match="lost"):
        await thread.run(lambda: thread.wait_for(step()))
    await thread.stop()


async def test_a_thread_that_does_not_run_refuses_calls() -> None:
    """Instead of waiting for ever."""
    thread = ClientThread("test")
    with pytest.raises(RuntimeError, match="before it is opened"):
        thread.submit(lambda: None)
    thread.start()
    await thread.stop()
    await thread.stop()
    with pytest.raises(RuntimeError, match="after it was closed"):
        await thread.run(lambda: None)
