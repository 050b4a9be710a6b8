"""How much a farm of wikis is asked at once: concurrency that adapts, a rate, a pause. Pure; the clock is handed in.

All times are seconds of one monotonic clock.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from wikistate.adapters.mediawiki.wikis import WIKIMEDIA_FARM

POLITE_CONCURRENCY = 3
"""Requests at the same time that Wikimedia asks clients of its public wikis to keep to (API etiquette, 2026)."""

POLITE_RATE = 5.0
"""Requests a second to Wikimedia's public wikis unless the operator knows of a higher limit. The limits of clients that
say who they are are not published; with fifty revisions a request this carries several times what all wikis change."""

OWN_CONCURRENCY = 16
"""Requests at the same time for wikis of one's own."""

_SLACK = 1.05
"""A window is so much longer than it must be: networks deliver unevenly, and the other side counts arrivals."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FarmSettings:
    """What a farm is asked at most.

    Attributes:
        max_concurrency: Requests at the same time. 1 or more.
        rate: Requests per second; None for no bound.
        latency_bound: Seconds that a revision may wait for its batch to fill while `rate` makes requests scarce.
        slow_answer: Seconds from which on an answer counts as slow: concurrency does not grow on it.
    """

    max_concurrency: int = OWN_CONCURRENCY
    rate: float | None = None
    latency_bound: float = 30.0
    slow_answer: float = 5.0


def default_farm_settings(name: str) -> FarmSettings:
    """Polite to Wikimedia's public wikis, brisk with one's own."""
    if name == WIKIMEDIA_FARM:
        return FarmSettings(max_concurrency=POLITE_CONCURRENCY, rate=POLITE_RATE)
    return FarmSettings()


class AdaptiveConcurrency:
    """Additive increase, multiplicative decrease.

    One more after each window of fast answers (as many as the limit itself); half as many when the other side is
    overloaded, once for each round trip: answers to what was sent before the last decrease say nothing new.
    """

    def __init__(self, maximum: int) -> None:
        self._maximum = max(1, maximum)
        self.limit = (self._maximum + 1) // 2
        self._fast = 0
        self._decreased = float("-inf")

    def succeeded(self) -> None:
        """Count a fast answer."""
        self._fast += 1
        if self._fast >= self.limit:
            self._fast = 0
            self.limit = min(self._maximum, self.limit + 1)

    def slowed(self) -> None:
        """An answer was good but slow: start the window again."""
        self._fast = 0

    def overloaded(self, *, sent: float, now: float) -> None:
        """An answer says that it is too much.

        Args:
            sent: When its request was sent.
            now: When it came.
        """
        if sent < self._decreased:
            return
        self._decreased = now
        self._fast = 0
        self.limit = max(1, self.limit // 2)


class RateLimit:
    """No more than so many requests in any second, bursts included; below two a second, one in the time it may take.

    A window that slides and not a bucket of tokens: a bucket that was full lets up to twice the rate through in one
    second, which the other side answers with 429.
    """

    def __init__(self, per_second: float | None) -> None:
        self._limited = per_second is not None
        size = max(1, int(per_second or 1))
        self._window = size / (per_second or 1) * _SLACK
        self._sent: deque[float] = deque(maxlen=size)

    def delay(self, now: float) -> float:
        """Seconds until a request may be sent, 0.0 when it may be now."""
        if not self._limited or len(self._sent) < (self._sent.maxlen or 1):
            return 0.0
        return max(0.0, self._sent[0] + self._window - now)

    def reserve(self, now: float) -> float:
        """Count a request; returns the seconds after which it may be sent, for one that must queue for its time."""
        delay = self.delay(now)
        self._sent.append(now + delay)
        return delay


class Pause:
    """A time until which nothing is sent."""

    def __init__(self) -> None:
        self.until = float("-inf")

    def extend(self, until: float) -> None:
        """Pause until then; never shortens a pause."""
        self.until = max(self.until, until)
