"""Counter of failures by error type, which logs the first failure of each type with its cause."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from wikistate.telemetry.capped_label import MAX_VALUES, CappedLabel

if TYPE_CHECKING:
    from wikistate.telemetry.meter import Meter
    from wikistate.telemetry.metrics import Counter

log = structlog.get_logger(__name__)

_MAX_REASON = 500  # characters


class FailureCounter:
    """Counter of failures.

    Args:
        meter: Records the metric.
        metric: The metric, with the label ``error_type``.
    """

    def __init__(self, meter: Meter, metric: Counter) -> None:
        self._counted = CappedLabel(lambda value: meter.counter(metric, error_type=value))
        self._logged: set[str] = set()

    def count(self, error_type: str, message: str) -> None:
        """Count a failure. The first of each type is logged: the error stream or a side file may not be looked at."""
        self._counted.count(error_type)
        if error_type not in self._logged and len(self._logged) < MAX_VALUES:
            self._logged.add(error_type)
            log.warning("first_failure", error_type=error_type, reason=message[:_MAX_REASON])
