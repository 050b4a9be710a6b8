"""Limits of the requests to a farm: adaptive concurrency, a rate and a pause. Pure; time is a parameter.

All times are seconds of one monotonic clock.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from wikistate.adapters.mediawiki.wikis import WIKIMEDIA_FARM

POLITE_CONCURRENCY = 3
"""Largest number of concurrent requests that Wikimedia allows clients of its public wikis (API etiquette, 2026)."""

POLITE_RATE = 5.0
"""Requests per second to Wikimedia's public wikis, unless the operator configures a higher limit.

The limits of authenticated clients are not published. With fifty revisions in a request, this rate is several times the
rate of changes of all wikis.
"""

OWN_CONCURRENCY = 16
"""Largest number of concurrent requests to other wikis than Wikimedia's."""

_SLACK = 1.05
"""Factor by which a window is longer than required: networks deliver unevenly, and the server counts arrivals."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FarmSettings:
    """Limits of the requests to a farm.

    Attributes:
        max_concurrency: Largest number of concurrent requests; 1 or more.
        rate: Largest number of requests per second; None for no limit.
        latency_bound: Longest time in seconds that a revision waits for its batch to fill while `rate` is the limit.
        slow_answer: Seconds from which an answer counts as slow: concurrency does not grow with it.
    """

    max_concurrency: int = OWN_CONCURRENCY
    rate: float | None = None
    latency_bound: float = 30.0
    slow_answer: float = 5.0


def default_farm_settings(name: str) -> FarmSettings:
    """Return the limits of Wikimedia's etiquette for its public wikis, and higher ones for other wikis."""
    if name == WIKIMEDIA_FARM:
        return FarmSettings(max_concurrency=POLITE_CONCURRENCY, rate=POLITE_RATE)
    return FarmSettings()


class AdaptiveConcurrency:
    """Concurrency limit with additive increase and multiplicative decrease.

    The limit grows by one after each window of fast answers, which has as many answers as the limit. It is halved when the
    server is overloaded, at most once in a round trip: answers to requests from before the last decrease are ignored.
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
        """Start the window again after a good but slow answer."""
        self._fast = 0

    def overloaded(self, *, sent: float, now: float) -> None:
        """Halve the limit after an answer that reports overload.

        Args:
            sent: Time of the request.
            now: Time of the answer.
        """
        if sent < self._decreased:
            return
        self._decreased = now
        self._fast = 0
        self.limit = max(1, self.limit // 2)


class RateLimit:
    """Limit of the requests in any second, including bursts; a rate below two spaces single requests.

    It is a sliding window and not a token bucket: a full bucket allows up to twice the rate in one second, which the server
    answers with 429.
    """

    def __init__(self, per_second: float | None) -> None:
        self._limited = per_second is not None
        size = max(1, int(per_second or 1))
        self._window = size / (per_second or 1) * _SLACK
        self._sent: deque[float] = deque(maxlen=size)

    def delay(self, now: float) -> float:
        """Return the seconds until a request may be sent; 0.0 if it may be sent now."""
        if not self._limited or len(self._sent) < (self._sent.maxlen or 1):
            return 0.0
        return max(0.0, self._sent[0] + self._window - now)

    def reserve(self, now: float) -> float:
        """Count a request and return the seconds after which it may be sent."""
        delay = self.delay(now)
        self._sent.append(now + delay)
        return delay


class Pause:
    """Time until which no request is sent."""

    def __init__(self) -> None:
        self.until = float("-inf")

    def extend(self, until: float) -> None:
        """Pause until a time; an earlier time does not shorten the pause."""
        self.until = max(self.until, until)
