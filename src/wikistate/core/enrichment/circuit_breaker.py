"""Circuit breaker of a wiki that refuses every request: it opens, and single probes show when the wiki answers again. Pure.

A wiki may refuse single pages for good. Only refusals of the same kind in a row count, about several subjects and without a
good answer between them. Times are seconds of one monotonic clock, and parameters.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING

from wikistate.core.enrichment.failures import FailureKind

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

_MIN_REQUESTS = 3
"""Refused requests before a breaker opens, also if one request has enough subjects: halves of a batch may succeed."""

_PATIENCE_AT_START = 10.0
"""Seconds that requests wait for a wiki that has never answered well: its address or the credentials are the likely cause."""

_REFUSALS = frozenset(
    {
        *(FailureKind.CLIENT_ERROR, FailureKind.REDIRECT, FailureKind.OTHER_SUCCESS, FailureKind.OTHER_SERVER_ERROR),
        *(FailureKind.API_ERROR, FailureKind.LOGIN_FAILED, FailureKind.UNPARSABLE, FailureKind.EMPTY),
    }
)
_ABOUT_SUBJECT = frozenset({FailureKind.BAD_REVISION, FailureKind.TOO_LARGE, FailureKind.STALLED})


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerSettings:
    """Settings of the breakers.

    Attributes:
        failures: Number of subjects that are refused in a row before the breaker opens.
        first_probe: Seconds from the opening to the first probe; each further wait is twice as long.
        longest_probe: Longest such wait in seconds.
        reject: Whether requests fail while the breaker is open; else they wait, but not long for a wiki
            that has never answered well.
    """

    failures: int = 10
    first_probe: float = 1.0
    longest_probe: float = 300.0
    reject: bool = False


class CircuitBreaker:
    """Breaker of one wiki.

    Protocol: `ready_at` before each request, `sent` when it is sent, and after it `answered`, `failed` or `dropped`.

    Args:
        settings: Settings.
    """

    def __init__(self, settings: BreakerSettings) -> None:
        self._settings = settings
        self._kind: FailureKind | None = None
        self._requests = 0
        self._subjects: set[Hashable] = set()
        self._probe_at = -inf
        self._wait = 0.0
        self._is_probing = False
        self._has_answered = False
        self._opened_at = inf
        self._is_given_up = False
        self.is_open = False

    @property
    def is_idle(self) -> bool:
        """Whether the breaker has no state that counts."""
        return not self.is_open and not self._requests

    @property
    def rejects(self) -> bool:
        """Whether a request is to fail without being sent.

        A wiki that has never answered well is not waited for for long: else a bounded run would never end.
        """
        return self.is_open and (self._settings.reject or self._is_given_up)

    @property
    def rejection(self) -> FailureKind:
        """Kind of the failure of a request that is not sent."""
        return FailureKind.CIRCUIT_OPEN if self._settings.reject or self._kind is None else self._kind

    def ready_at(self) -> float:
        """Return the time from which the next request may be sent; infinity while a probe is in flight."""
        if not self.is_open:
            return -inf
        return inf if self._is_probing else self._probe_at

    def sent(self) -> bool:
        """Note a request that is sent. Return whether it is the probe of an open breaker."""
        self._is_probing = self.is_open
        return self._is_probing

    def answered(self) -> bool:
        """Note a good answer. Return whether it closed the breaker."""
        was_open, self._has_answered, self._is_given_up = self.is_open, True, False
        self._kind, self._requests, self.is_open, self._is_probing = None, 0, False, False
        self._subjects.clear()
        return was_open

    def failed(self, kind: FailureKind, subjects: Iterable[Hashable], *, now: float, jitter: float = 0.0) -> bool:
        """Note a request that failed as a whole. Return whether the breaker opened with it.

        Args:
            kind: Kind of the failure.
            subjects: Subjects of the request.
            now: Current time.
            jitter: In [0, 1); shortens the wait to no less than half.
        """
        if kind in _ABOUT_SUBJECT:
            self.answered()
            return False
        if self.is_open:
            if self._is_probing:  # other requests were sent before the breaker opened, and must not lengthen the wait
                self._is_probing = False
                self._is_given_up = not self._has_answered and now - self._opened_at >= _PATIENCE_AT_START
                self._schedule_probe(min(self._settings.longest_probe, self._wait * 2.0), now, jitter)
            return False
        if kind not in _REFUSALS:  # an outage: no answer says nothing about a refusal
            return False
        if kind is not self._kind:
            self._kind, self._requests = kind, 0
            self._subjects.clear()
        self._requests += 1
        for subject in subjects:
            if len(self._subjects) < self._settings.failures:
                self._subjects.add(subject)
        if self._requests < _MIN_REQUESTS or len(self._subjects) < self._settings.failures:
            return False
        self.is_open, self._opened_at = True, now
        self._schedule_probe(self._settings.first_probe, now, jitter)
        return True

    def dropped(self) -> None:
        """Note the end of a probe, which may have been cancelled."""
        self._is_probing = False

    def _schedule_probe(self, wait: float, now: float, jitter: float) -> None:
        self._wait = wait
        self._probe_at = now + wait * (1.0 - jitter / 2.0)
