"""Event loop whose waits take no time: its clock jumps to the next timer when nothing else happens.

Readers wait between attempts, for as long as a server asks. The loop bounds each wait and their number: a client that
retries without a limit is stopped as by SIGTERM, and has to end then.
"""

from __future__ import annotations

import asyncio
import selectors
from typing import TYPE_CHECKING, Any, TypeVar

from tests.fuzz.target import WrongResultError

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping

T = TypeVar("T")

LONGEST_WAIT = 7_200.0
"""Seconds of the longest wait that an outside text may cause: twice the bound of `Retry-After`."""

_MAX_JUMPS = 60
"""Number of jumps after which the work is stopped."""

_GRACE = 0.02  # seconds that sockets and threads have to become ready before the clock jumps
_SMALL = 0.001  # seconds that are waited for and not jumped over


class _JumpingSelector(selectors.DefaultSelector):
    """Selector that asks its loop to jump when it would wait."""

    loop: VirtualTimeLoop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout <= _SMALL:
            return super().select(timeout)
        ready = super().select(min(timeout, _GRACE))
        if not ready and timeout > _GRACE:
            self.loop.jump(timeout - _GRACE)
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """See the module."""

    def __init__(self) -> None:
        selector = _JumpingSelector()
        super().__init__(selector)
        selector.loop = self
        self._ahead = 0.0
        self._jumps = 0
        self.main: asyncio.Task[Any] | None = None
        self.longest = 0.0

    def time(self) -> float:
        """Return the time with all jumps."""
        return super().time() + self._ahead

    def jump(self, seconds: float) -> None:
        """Advance the clock; stop the main task after too many jumps."""
        self._ahead += seconds
        self._jumps += 1
        self.longest = max(self.longest, seconds)
        if self._jumps == _MAX_JUMPS and self.main is not None:
            self.main.cancel()


def run_virtually(work: Coroutine[Any, Any, T]) -> T | None:
    """Run a coroutine in such a loop. Return its result; None if it had to be stopped.

    Raises:
        WrongResultError: A wait was too long, or a task failed and no code has taken its exception.
    """
    loop = VirtualTimeLoop()
    lost: list[BaseException | str] = []

    def note(_: asyncio.AbstractEventLoop, context: Mapping[str, Any]) -> None:
        lost.append(context.get("exception") or str(context.get("message")))

    loop.set_exception_handler(note)
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        try:
            result: T | None = runner.run(_as_main(loop, work))
        except asyncio.CancelledError:
            result = None
    for each in lost:
        if isinstance(each, BaseException):
            raise each
        raise WrongResultError(f"the loop reports: {each:.200}")
    if loop.longest > LONGEST_WAIT:
        raise WrongResultError("a wait is longer than any bound")
    return result


async def _as_main(loop: VirtualTimeLoop, work: Coroutine[Any, Any, T]) -> T:
    loop.main = asyncio.current_task()
    return await work
