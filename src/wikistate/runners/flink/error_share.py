"""The alarm of one subtask on Flink when most of its events become error events.

The workers of a cluster share no counters, so each subtask observes its own outputs. The log event `first_failure` has the
error types.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from wikistate.streaming.main_failure import RecentFailures
from wikistate.streaming.record import Role
from wikistate.telemetry import metrics

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wikistate.streaming.record import Output
    from wikistate.telemetry.meter import Meter

log = structlog.get_logger(__name__)

ANY_TYPE = "any"
"""Label of the metric: an output does not state its error type."""


class ErrorShare:
    """Observer of the outputs of one subtask.

    Args:
        meter: Records the metric of the alarm.
        share: Share of error events above which the alarm is given.
        minimum: The number of outputs of which the share is computed.
    """

    def __init__(self, meter: Meter, *, share: float, minimum: int) -> None:
        self._gauge = meter.gauge(metrics.MAIN_FAILURE, error_type=ANY_TYPE)
        self._recent = RecentFailures(share=share, minimum=minimum)
        self._is_given = False

    def observe(self, outputs: Sequence[Output]) -> None:
        """Count outputs; report an alarm that begins or ends."""
        errors = sum(output.role is Role.ERROR for output in outputs)
        self.count(len(outputs) - errors, errors)

    def count(self, successes: int, errors: int) -> None:
        """Count attempts; report an alarm that begins or ends."""
        self._recent.add(successes, {ANY_TYPE: errors} if errors else None)
        main = self._recent.main
        if (main is not None) is self._is_given:
            return
        self._is_given = main is not None
        self._gauge(float(self._is_given))
        if main is None:
            log.info("most_events_succeed", error_type=ANY_TYPE)
        else:
            log.error("most_events_fail", error_type=ANY_TYPE, failed=main.failed, attempts=main.attempts)
