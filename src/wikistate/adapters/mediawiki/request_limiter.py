"""Limiter of single requests to one wiki, with limits that adapt. For clients without batching."""

from __future__ import annotations

import asyncio
from collections import deque
from math import inf
from time import monotonic
from typing import TYPE_CHECKING

from wikistate.adapters.mediawiki.limits import AdaptiveConcurrency, FarmSettings, Pause, RateLimit
from wikistate.core.enrichment.circuit_breaker import BreakerSettings, CircuitBreaker

if TYPE_CHECKING:
    from collections.abc import Callable


class RequestLimiter:
    """Request limiter: callers acquire slots in the order of their calls.

    ::

        sent = await limiter.acquire()
        try:
            ...
        finally:
            limiter.release()

    Args:
        settings: Limits of the farm.
        breaker: Circuit breaker of the wiki: while it is open, only its probes are granted.
        clock: Returns seconds of a monotonic clock.

    Attributes:
        in_flight: Number of acquired slots.
    """

    def __init__(
        self,
        settings: FarmSettings,
        *,
        breaker: CircuitBreaker | None = None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._breaker = breaker or CircuitBreaker(BreakerSettings())
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
        """Current number of slots."""
        return self._concurrency.limit

    @property
    def waiting(self) -> int:
        """Number of callers that wait for a slot."""
        return sum(not waiter.done() for waiter in self._waiters)

    async def acquire(self) -> float:
        """Wait for a slot and return the time. The caller must release the slot in any case."""
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        self._grant()
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():  # the slot was granted at the moment of the cancellation
                self.release()
            raise
        return self._clock()

    def release(self) -> None:
        """Release a slot for the next caller."""
        self.in_flight -= 1
        self._grant()

    def answered(self, seconds: float) -> None:
        """Note a good answer that took some seconds."""
        if seconds < self._slow_answer:
            self._concurrency.succeeded()
        else:
            self._concurrency.slowed()

    def overloaded(self, *, sent: float, pause: float) -> None:
        """Reduce the slots after an answer that reports overload, and grant none during a pause.

        Args:
            sent: Result of `acquire`.
            pause: Length of the pause in seconds.
        """
        now = self._clock()
        self._concurrency.overloaded(sent=sent, now=now)
        self._pause.extend(now + pause)

    def _grant(self) -> None:
        while self._waiters and self.in_flight < self._concurrency.limit:
            if self._waiters[0].done():  # its caller was cancelled
                self._waiters.popleft()
                continue
            now = self._clock()
            if (delay := max(self._pause.until - now, self._rate.delay(now), self._breaker.ready_at() - now)) > 0.0:
                if delay < inf:  # the end of the probe in flight grants again
                    self._grant_later(delay)
                return
            self._rate.reserve(now)
            self._breaker.sent()
            self.in_flight += 1
            self._waiters.popleft().set_result(None)

    def _grant_later(self, delay: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(delay, self._grant)
