"""One thing after the other for each key; keys do not wait for each other."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

Item = TypeVar("Item")


class KeyedWorkers(Generic[Item]):
    """A line of items for each key that has any, and a task that takes them one by one.

    Args:
        work: Does what there is to do about an item of a key. What it raises ends its line and is raised by `raise_failure`.
        progressed: Set whenever an item is done or work has failed.
    """

    def __init__(self, work: Callable[[int, Item], Awaitable[None]], *, progressed: asyncio.Event) -> None:
        self._work = work
        self._progressed = progressed
        self._queues: dict[int, deque[Item]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._failure: BaseException | None = None
        self.waiting = 0
        """How many items stand in a line, those included that are being worked on."""

    def __contains__(self, key: int) -> bool:
        """Whether something is being done about the key."""
        return key in self._queues

    def append(self, key: int, item: Item) -> None:
        """Work on this item when all that the key has before it is done."""
        self.waiting += 1
        line = self._queues.get(key)
        if line is not None:
            line.append(item)
            return
        self._queues[key] = line = deque((item,))
        task = asyncio.create_task(self._run_worker(key, line))
        self._tasks.add(task)
        task.add_done_callback(self._on_task_done)

    def raise_failure(self) -> None:
        """Raises what work has raised, if any did."""
        if self._failure is not None:
            raise self._failure

    async def cancel(self) -> None:
        """Break off what is being worked on."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _run_worker(self, key: int, queue: deque[Item]) -> None:
        while queue:
            await self._work(key, queue[0])
            queue.popleft()
            self.waiting -= 1
            self._progressed.set()
        del self._queues[key]

    def _on_task_done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None and self._failure is None:
            self._failure = error
        self._progressed.set()
