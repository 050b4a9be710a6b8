"""Lets requests to one wiki through, one by one, within limits that adapt. For clients that batch nothing."""

from __future__ import annotations

import asyncio
from collections import deque
from time import monotonic
from typing import TYPE_CHECKING

from wikistate.adapters.mediawiki.limits import AdaptiveConcurrency, FarmSettings, Pause, RateLimit

if TYPE_CHECKING:
    from collections.abc import Callable


class RequestLimiter:
    """First come, first served.

    ::

        sent = await turnstile.enter()
        try:
            ...
        finally:
            turnstile.leave()

    Args:
        settings: The limits.
        clock: Seconds, monotonic.

    Attributes:
        in_flight: How many have entered and not left.
    """

    def __init__(self, settings: FarmSettings, *, clock: Callable[[], float] = monotonic) -> None:
        self.in_flight = 0
        self._clock = clock
        self._slow_answer = settings.slow_answer
        self._concurrency = AdaptiveConcurrency(settings.max_concurrency)
        self._rate = RateLimit(settings.rate)
        self._pause = Pause()
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def limit(self) -> int:
        """How many may be inside now."""
        return self._concurrency.limit

    @property
    def waiting(self) -> int:
        """How many stand in line."""
        return sum(not turn.done() for turn in self._waiters)

    async def acquire(self) -> float:
        """Return when it is one's turn: the time then. Whoever has entered leaves, whatever happens."""
        turn = asyncio.get_running_loop().create_future()
        self._waiters.append(turn)
        self._grant()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # it was admitted in the very moment in which it gave up
                self.release()
            raise
        return self._clock()

    def release(self) -> None:
        """Make room for the next."""
        self.in_flight -= 1
        self._grant()

    def answered(self, seconds: float) -> None:
        """An answer was good and took so long."""
        if seconds < self._slow_answer:
            self._concurrency.succeeded()
        else:
            self._concurrency.slowed()

    def overloaded(self, *, sent: float, pause: float) -> None:
        """An answer says that it is too much: fewer at once, and nobody for so many seconds.

        Args:
            sent: From `enter`.
            pause: Seconds.
        """
        now = self._clock()
        self._concurrency.overloaded(sent=sent, now=now)
        self._pause.extend(now + pause)

    def _grant(self) -> None:
        while self._waiters and self.in_flight < self._concurrency.limit:
            if self._waiters[0].done():  # it gave up
                self._waiters.popleft()
                continue
            now = self._clock()
            if (delay := max(self._pause.until - now, self._rate.delay(now))) > 0.0:
                self._grant_later(delay)
                return
            self._rate.reserve(now)
            self.in_flight += 1
            self._waiters.popleft().set_result(None)

    def _grant_later(self, delay: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(delay, self._grant)
