"""How much a farm of wikis is asked at once: concurrency that adapts, a rate, a pause. Pure; the clock is handed in.

All times are seconds of one monotonic clock.
"""

from __future__ import annotations

from dataclasses import dataclass

from wikistate.adapters.mediawiki.wikis import WIKIMEDIA_FARM

POLITE_CONCURRENCY = 3
"""Requests at the same time that Wikimedia asks clients of its public wikis to keep to (API etiquette, 2026)."""

OWN_CONCURRENCY = 16
"""Requests at the same time for wikis of one's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FarmSettings:
    """What a farm is asked at most.

    Attributes:
        max_concurrency: Requests at the same time. 1 or more.
        rate: Requests per second; None for no bound.
        slow_answer: Seconds from which on an answer counts as slow: concurrency does not grow on it.
    """

    max_concurrency: int = OWN_CONCURRENCY
    rate: float | None = None
    slow_answer: float = 5.0


def default_farm(name: str) -> FarmSettings:
    """Polite to Wikimedia's public wikis, brisk with one's own."""
    return FarmSettings(max_concurrency=POLITE_CONCURRENCY) if name == WIKIMEDIA_FARM else FarmSettings()


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

    def hesitated(self) -> None:
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


class Rate:
    """A token bucket that holds what one second brings, and at least one token."""

    def __init__(self, per_second: float | None) -> None:
        self._per_second = per_second
        self._size = max(1.0, per_second or 1.0)
        self._tokens = self._size
        self._filled = float("-inf")

    def wait(self, now: float) -> float:
        """Seconds until there is a token, 0.0 when there is one."""
        if self._per_second is None:
            return 0.0
        self._fill(now, self._per_second)
        return max(0.0, 1.0 - self._tokens) / self._per_second

    def take(self, now: float) -> None:
        """Use a token. May borrow from the future, for a request that cannot be put off."""
        if self._per_second is not None:
            self._fill(now, self._per_second)
            self._tokens -= 1.0

    def _fill(self, now: float, per_second: float) -> None:
        self._tokens = min(self._size, self._tokens + (now - self._filled) * per_second)
        self._filled = now


class Pause:
    """A time until which nothing is sent."""

    def __init__(self) -> None:
        self.until = float("-inf")

    def extend(self, until: float) -> None:
        """Pause until then; never shortens a pause."""
        self.until = max(self.until, until)
