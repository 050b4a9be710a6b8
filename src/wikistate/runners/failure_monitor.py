"""Monitor of the main failure of a run: says at once, and at the end, that most of what was tried has failed.

It reads the counters of the meter at intervals, so that no event pays for it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from wikistate.streaming.main_failure import MainFailure, RecentFailures, find_main_failure
from wikistate.telemetry import metrics

if TYPE_CHECKING:
    from wikistate.config.model import FailureAlarmSettings
    from wikistate.telemetry.meter import RecordingMeter

log = structlog.get_logger(__name__)

CHECK_SECONDS = 1.0
"""The interval between two checks."""


class FailureMonitor:
    """Monitor of one run.

    Args:
        meter: The meter that the run reports to.
        settings: The share and the number of attempts from which an alarm is given.

    Attributes:
        main: The main failure of the latest attempts; None while most succeed.
        stop_requested: Whether the run ends because it was stopped, and not because its source has ended.
    """

    def __init__(self, meter: RecordingMeter, settings: FailureAlarmSettings) -> None:
        self.main: MainFailure | None = None
        self.stop_requested = False
        self._meter = meter
        self._settings = settings
        self._recent = RecentFailures(share=settings.share, minimum=settings.minimum)
        self._successes, self._failures = count_attempts(meter)

    async def check_until_cancelled(self) -> None:
        """Check at intervals until cancelled."""
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            self.check()

    def check(self) -> None:
        """Compare the counters with those of the last check; report a main failure that begins, changes or ends."""
        successes, failures = count_attempts(self._meter)
        new = {reason: count - self._failures.get(reason, 0) for reason, count in failures.items()}
        self._recent.add(
            max(0.0, successes - self._successes), {reason: count for reason, count in new.items() if count}
        )
        self._successes, self._failures = successes, failures
        self._report(self._recent.main)

    def check_whole_run(self) -> MainFailure | None:
        """Return the main failure of a run whose source has ended, and log it; None if most was processed.

        A run in which everything that was read has failed has one whatever the number. A run that was stopped has none: the
        stop has succeeded, and the alarm was given during the run.
        """
        if self.stop_requested:
            return None
        successes, failures = count_attempts(self._meter)
        settings, failed = self._settings, sum(failures.values())
        nothing_else = not successes and failed >= self._meter.total(metrics.EVENTS_CONSUMED)
        main = find_main_failure(
            successes, failures, share=settings.share, minimum=1 if nothing_else else settings.minimum
        )
        if main is not None:
            log.error("run_failed", error_type=main.reason, failed=main.failed, attempts=main.attempts)
        return main

    def _report(self, main: MainFailure | None) -> None:
        before, self.main = self.main, main
        if before is not None and (main is None or main.reason != before.reason):
            self._meter.gauge(metrics.MAIN_FAILURE, error_type=before.reason)(0)
        if main is not None and (before is None or main.reason != before.reason):
            self._meter.gauge(metrics.MAIN_FAILURE, error_type=main.reason)(1)
            log.error("most_events_fail", error_type=main.reason, failed=main.failed, attempts=main.attempts)
        elif main is None and before is not None:
            log.info("most_events_succeed", error_type=before.reason)


def count_attempts(meter: RecordingMeter) -> tuple[float, dict[str, float]]:
    """Return the number of attempts that succeeded, and of those that failed by error type."""
    failures: dict[str, float] = {}
    for metric in (metrics.EVENTS_ERRORS, metrics.ENTITY_FAILURES):
        for (error_type,), count in meter.by_label(metric).items():
            failures[error_type] = failures.get(error_type, 0) + count
    written = meter.by_label(metrics.EVENTS_PRODUCED).get(("sink",), 0.0)
    # A job for stores also succeeds with an entity to which nothing is to be done.
    decided = meter.total(metrics.DECISIONS) - meter.total(metrics.ENTITY_FAILURES)
    return max(written, meter.total(metrics.STORE_MUTATIONS), decided), failures
