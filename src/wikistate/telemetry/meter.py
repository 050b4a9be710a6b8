"""The port to metrics, and a meter that keeps the values in memory.

A metric is bound to its labels once, and the result is called for each event: the hot path costs one call and no look-up
of labels.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from wikistate.telemetry.outside_text import MAX_CELL, show_text

if TYPE_CHECKING:
    from wikistate.telemetry.metrics import Counter, Gauge, Histogram, Metric

Report = Callable[[float], None]
"""Function that adds to a counter, sets a gauge, or observes a value of a histogram."""


class Meter(Protocol):
    """Port that binds declared metrics to labels."""

    def counter(self, metric: Counter, **labels: str) -> Report:
        """Return a function that adds to the counter."""

    def gauge(self, metric: Gauge, **labels: str) -> Report:
        """Return a function that sets the gauge."""

    def histogram(self, metric: Histogram, **labels: str) -> Report:
        """Return a function that observes a value."""


def check_labels(metric: Metric, labels: dict[str, str]) -> tuple[str, ...]:
    """Return the label values in declared order, as text of visible characters: some are names of others.

    Raises:
        TypeError: The labels are not the declared ones; a defect of the caller.
    """
    if set(labels) != set(metric.labels):
        raise TypeError(f"{metric.name} is declared with the labels {metric.labels}, not {tuple(labels)}")
    return tuple(show_text(labels[name], MAX_CELL) for name in metric.labels)


@dataclass(slots=True)
class Distribution:
    """Values of a histogram: the number of values at or below each bound, and their sum."""

    bounds: tuple[float, ...]
    counts: list[int]  # one for each bound and one beyond the last; not cumulative
    total: float = 0.0

    @property
    def count(self) -> int:
        """Number of observed values."""
        return sum(self.counts)


Labels = tuple[str, ...]


class RecordingMeter:
    """Meter that keeps all values in memory: for the Prometheus endpoint, the summary of a run, and tests.

    It does not use the Prometheus client, which acquires a lock for each report: several values are reported for each
    event, and all reports come from one thread.
    """

    def __init__(self) -> None:
        self.numbers: dict[Metric, dict[Labels, float]] = {}
        self.distributions: dict[Histogram, dict[Labels, Distribution]] = {}

    def counter(self, metric: Counter, **labels: str) -> Report:
        """See `Meter`."""
        series, values = self._series(metric, labels)

        def add(value: float) -> None:
            series[values] += value

        return add

    def gauge(self, metric: Gauge, **labels: str) -> Report:
        """See `Meter`."""
        series, values = self._series(metric, labels)

        def put(value: float) -> None:
            series[values] = value

        return put

    def histogram(self, metric: Histogram, **labels: str) -> Report:
        """See `Meter`."""
        values = check_labels(metric, labels)
        empty = Distribution(metric.buckets, [0] * (len(metric.buckets) + 1))
        distribution = self.distributions.setdefault(metric, {}).setdefault(values, empty)
        bounds, counts = distribution.bounds, distribution.counts

        def observe(value: float) -> None:
            counts[bisect_left(bounds, value)] += 1
            distribution.total += value

        return observe

    def _series(self, metric: Metric, labels: dict[str, str]) -> tuple[dict[Labels, float], Labels]:
        values = check_labels(metric, labels)
        series = self.numbers.setdefault(metric, {})
        series.setdefault(values, 0.0)
        return series, values

    def total(self, metric: Counter | Gauge) -> float:
        """Return the sum over all label values."""
        return sum(self.numbers.get(metric, {}).values())

    def by_label(self, metric: Counter | Gauge) -> dict[Labels, float]:
        """Return the values by label values, which are in the declared order of the labels."""
        return dict(self.numbers.get(metric, {}))
