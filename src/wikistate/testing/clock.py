"""A clock that a test advances, for code that takes its clock as an argument."""

from __future__ import annotations

import asyncio
import heapq
from itertools import count

LOOP_TURNS = 20
"""Number of turns of the event loop that a task gets to reach its next sleep before `ManualClock.elapse` advances further.

An event loop does not report that no task is ready to run. Twenty turns carry a task through twenty awaits that are
ready. Code that awaits something real (a socket, a thread) cannot use this clock.
"""


class ManualClock:
    """Manual clock: seconds pass only when a test advances it.

    Args:
        start: First value of `now`, in seconds. Use seconds since the epoch if the code compares it with event times.
    """

    def __init__(self, start: float = 0.0) -> None:
        self._now = start
        self._order = count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    def now(self) -> float:
        """Return the time in seconds."""
        return self._now

    @property
    def sleeper_count(self) -> int:
        """Number of tasks that sleep on this clock."""
        return sum(not future.done() for _, _, future in self._sleepers)

    async def sleep(self, seconds: float) -> None:
        """Wait until that much time has passed. Like `asyncio.sleep`, it always lets other tasks run once."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        future = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now + seconds, next(self._order), future))
        await future

    def advance(self, seconds: float) -> None:
        """Advance the time in one step and resume the tasks that are due, the earliest first; they run at the next await.

        A task that sleeps again then counts from the new time. Use `elapse` for a loop of several sleeps.
        """
        self._advance_to(self._now + seconds)

    async def elapse(self, seconds: float) -> None:
        """Advance the time from one due sleep to the next, so that a task which sleeps in a loop runs at each of its times."""
        end = self._now + seconds
        await self._run_ready_tasks()
        while (due := self._next_due()) is not None and due <= end:
            self._advance_to(due)
            await self._run_ready_tasks()
        self._now = end

    def _next_due(self) -> float | None:
        while self._sleepers and self._sleepers[0][2].done():  # cancelled during its sleep
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
