"""The main failure: the reason for which most of what was tried has failed. Pure.

One invalid event among many is normal and belongs on the error stream. If most events fail for one reason, the cause lies
in the settings, in a release or in an outside system, and a run that continues silently looks like a success.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

SHARE = 0.5
"""The default of the share of attempts above which a reason is the main failure."""

MINIMUM = 10
"""The default of the number of attempts that the share is computed of: fewer may fail by chance."""


class MainFailure(NamedTuple):
    """The reason for which most attempts have failed.

    Attributes:
        reason: The error type.
        failed: The number of attempts that failed for this reason.
        attempts: The number of all attempts.
    """

    reason: str
    failed: int
    attempts: int

    def __str__(self) -> str:
        return f"{self.failed:,} of {self.attempts:,} failed: {self.reason}"


def find_main_failure(
    successes: float, failures: Mapping[str, float], *, share: float = SHARE, minimum: int = MINIMUM
) -> MainFailure | None:
    """Return the main failure of some attempts; None if there is none, or if there are too few attempts.

    Args:
        successes: The number of attempts that succeeded.
        failures: The number of those that failed, by reason.
        share: The share of attempts above which a reason is the main failure.
        minimum: The least number of attempts.
    """
    attempts = successes + sum(failures.values())
    if attempts < minimum or not failures:
        return None
    reason, failed = max(failures.items(), key=lambda item: item[1])
    return MainFailure(reason, round(failed), round(attempts)) if failed > share * attempts else None


class RecentFailures:
    """The main failure of the latest attempts, computed of each so many attempts.

    It ends as soon as enough of the next attempts succeed: a quiet source may take days for so many attempts.

    Args:
        share: See `find_main_failure`.
        minimum: See `find_main_failure`.

    Attributes:
        main: The main failure of the latest attempts; None while most succeed.
    """

    def __init__(self, *, share: float = SHARE, minimum: int = MINIMUM) -> None:
        self.main: MainFailure | None = None
        self._share = share
        self._minimum = minimum
        self._successes = 0.0
        self._failures: Counter[str] = Counter()

    def add(self, successes: float, failures: Mapping[str, float] | None = None) -> None:
        """Add attempts."""
        self._successes += successes
        for reason, count in (failures or {}).items():
            self._failures[reason] += round(count)
        if self._successes + self._failures.total() >= self._minimum:
            self.main = find_main_failure(self._successes, self._failures, share=self._share, minimum=self._minimum)
        elif self.main is not None and self._successes >= (1 - self._share) * self._minimum:
            self.main = None
        else:
            return
        self._successes = 0.0
        self._failures.clear()
