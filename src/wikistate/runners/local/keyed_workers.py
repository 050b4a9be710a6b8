"""Sequential work for each key; keys do not wait for each other."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

Item = TypeVar("Item")


class KeyedWorkers(Generic[Item]):
    """A queue and a task for each busy key.

    Args:
        work: Processes an item of a key. Its error ends the queue of the key and is raised by `raise_failure`.
        progressed: Set whenever an item is done or work has failed.
    """

    def __init__(self, work: Callable[[int, Item], Awaitable[None]], *, progressed: asyncio.Event) -> None:
        self._work = work
        self._progressed = progressed
        self._queues: dict[int, deque[Item]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._failure: BaseException | None = None
        self.waiting = 0
        """The number of items in all queues, with those in work."""

    def __contains__(self, key: int) -> bool:
        """Return whether the key has items."""
        return key in self._queues

    def append(self, key: int, item: Item) -> None:
        """Process this item when all earlier items of the key are done."""
        self.waiting += 1
        queue = self._queues.get(key)
        if queue is not None:
            queue.append(item)
            return
        self._queues[key] = queue = deque((item,))
        task = asyncio.create_task(self._run_worker(key, queue))
        self._tasks.add(task)
        task.add_done_callback(self._on_task_done)

    def raise_failure(self) -> None:
        """Raise the first error of the work, if there is one."""
        if self._failure is not None:
            raise self._failure

    async def cancel(self) -> None:
        """Cancel the work on all items."""
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
