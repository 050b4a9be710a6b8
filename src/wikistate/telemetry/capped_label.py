"""Counter or gauge with a label whose values are known only at run time, and limited in number."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from wikistate.telemetry.meter import Report

OTHER = "other"
"""Label value for all values beyond the limit."""

MAX_VALUES = 100
"""Largest number of distinct values of a label: code or input of users creates them, and each costs memory everywhere."""


class CappedLabel:
    """Metric by label value, with each value bound once.

    Args:
        bind: Binds the metric to a value, for example ``lambda value: meter.counter(METRIC, reason=value)``.
        max_values: Largest number of distinct values.
    """

    def __init__(self, bind: Callable[[str], Report], *, max_values: int = MAX_VALUES) -> None:
        self._bind = bind
        self._max_values = max_values
        self._bound: dict[str, Report] = {}

    def count(self, value: str, number: float = 1) -> None:
        """Report a number under a label value."""
        bound = self._bound.get(value)
        (bound or self._bind_new(value))(number)

    def _bind_new(self, value: str) -> Report:
        if len(self._bound) >= self._max_values:
            value = OTHER
        report = self._bound.get(value)
        if report is None:
            report = self._bound[value] = self._bind(value)
        return report
