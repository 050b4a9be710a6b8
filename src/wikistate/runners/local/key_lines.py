"""One thing after the other for each key; keys do not wait for each other."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

Item = TypeVar("Item")


class KeyLines(Generic[Item]):
    """A line of items for each key that has any, and a task that takes them one by one.

    Args:
        work: Does what there is to do about an item of a key. What it raises ends its line and is raised by `check`.
        moved: Set whenever an item is done or work has failed.
    """

    def __init__(self, work: Callable[[int, Item], Awaitable[None]], *, moved: asyncio.Event) -> None:
        self._work = work
        self._moved = moved
        self._lines: dict[int, deque[Item]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._failure: BaseException | None = None
        self.waiting = 0
        """How many items stand in a line, those included that are being worked on."""

    def __contains__(self, key: int) -> bool:
        """Whether something is being done about the key."""
        return key in self._lines

    def append(self, key: int, item: Item) -> None:
        """Work on this item when all that the key has before it is done."""
        self.waiting += 1
        line = self._lines.get(key)
        if line is not None:
            line.append(item)
            return
        self._lines[key] = line = deque((item,))
        task = asyncio.create_task(self._advance(key, line))
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def check(self) -> None:
        """Raises what work has raised, if any did."""
        if self._failure is not None:
            raise self._failure

    async def cancel(self) -> None:
        """Break off what is being worked on."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _advance(self, key: int, line: deque[Item]) -> None:
        while line:
            await self._work(key, line[0])
            line.popleft()
            self.waiting -= 1
            self._moved.set()
        del self._lines[key]

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None and self._failure is None:
            self._failure = error
        self._moved.set()
