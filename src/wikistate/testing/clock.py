"""A clock that stands still until it is told to move, for code that takes its clock as an argument."""

from __future__ import annotations

import asyncio
import heapq
from itertools import count

LOOP_TURNS = 20
"""How many turns of the loop a woken task gets to reach its next sleep while `ManualClock.elapse` moves on.

A loop does not tell when nothing is left to run. Twenty turns carry a task through twenty awaits of things that are
ready; code that awaits something real (a socket, a thread) does not belong on this clock.
"""


class ManualClock:
    """Seconds that pass when a test says so.

    Args:
        start: What `now` says first, in seconds. Take seconds since the epoch when the code compares with event times.
    """

    def __init__(self, start: float = 0.0) -> None:
        self._now = start
        self._order = count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    def now(self) -> float:
        """The time in seconds."""
        return self._now

    @property
    def sleeper_count(self) -> int:
        """How many tasks wait for the time to pass."""
        return sum(not future.done() for _, _, future in self._sleepers)

    async def sleep(self, seconds: float) -> None:
        """Wait until that much time has passed. Like `asyncio.sleep`, it always lets others run once."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        future = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now + seconds, next(self._order), future))
        await future

    def advance(self, seconds: float) -> None:
        """Move the time at once and wake all whose time has come, earliest first. They run when the caller awaits.

        A task that then sleeps again counts from the new time; use `elapse` for loops of several sleeps.
        """
        self._advance_to(self._now + seconds)

    async def elapse(self, seconds: float) -> None:
        """Let time pass from one wake-up to the next, so that a task which sleeps in a loop wakes at each of its times."""
        end = self._now + seconds
        await self._run_ready_tasks()
        while (due := self._next_due()) is not None and due <= end:
            self._advance_to(due)
            await self._run_ready_tasks()
        self._now = end

    def _next_due(self) -> float | None:
        while self._sleepers and self._sleepers[0][2].done():  # cancelled while asleep
            heapq.heappop(self._sleepers)
        return self._sleepers[0][0] if self._sleepers else None

    def _advance_to(self, moment: float) -> None:
        self._now = moment
        while self._sleepers and self._sleepers[0][0] <= moment:
            future = heapq.heappop(self._sleepers)[2]
            if not future.done():
                future.set_result(None)

    async def _run_ready_tasks(self) -> None:
        for _ in range(LOOP_TURNS):
            await asyncio.sleep(0)
