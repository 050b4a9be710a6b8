"""A counter or gauge whose label values become known as they come, bounded in number."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from wikistate.telemetry.meter import Report

OTHER = "other"
"""The label value of all that came too late to have one of its own."""

MAX_VALUES = 100
"""Values of a label that are told apart: some code or somebody's input makes them, and each costs memory everywhere."""


class CappedLabel:
    """Reports by a label value, each bound once.

    Args:
        bind: Binds the metric to a value, for example ``lambda value: meter.counter(METRIC, reason=value)``.
        max_values: Values that are told apart.
    """

    def __init__(self, bind: Callable[[str], Report], *, max_values: int = MAX_VALUES) -> None:
        self._bind = bind
        self._max_values = max_values
        self._bound: dict[str, Report] = {}

    def count(self, value: str, number: float = 1) -> None:
        """Report a number under a value."""
        bound = self._bound.get(value)
        (bound or self._bind_new(value))(number)

    def _bind_new(self, value: str) -> Report:
        if len(self._bound) >= self._max_values:
            value = OTHER
        report = self._bound.get(value)
        if report is None:
            report = self._bound[value] = self._bind(value)
        return report
