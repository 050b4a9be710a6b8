"""Where measurements go: a port, a meter that forgets, and one that remembers for tests and summaries.

A metric is bound to its labels once and the result called for each event, so that the hot path pays for one call and
no look-up of labels.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from wikistate.telemetry.metrics import Counter, Gauge, Histogram, Metric

Report = Callable[[float], None]
"""Adds to a counter, sets a gauge, or observes a value of a histogram."""


class Meter(Protocol):
    """Binds declared metrics to labels."""

    def counter(self, metric: Counter, **labels: str) -> Report:
        """A function that adds to the counter."""

    def gauge(self, metric: Gauge, **labels: str) -> Report:
        """A function that sets the gauge."""

    def histogram(self, metric: Histogram, **labels: str) -> Report:
        """A function that observes a value."""


def check_labels(metric: Metric, labels: dict[str, str]) -> tuple[str, ...]:
    """The label values in declared order.

    Raises:
        TypeError: The labels given are not the ones declared; a defect of the caller.
    """
    if set(labels) != set(metric.labels):
        raise TypeError(f"{metric.name} is declared with the labels {metric.labels}, not {tuple(labels)}")
    return tuple(labels[name] for name in metric.labels)


class MemoryMeter:
    """Keeps the sums: counters added up, gauges as last set, histograms as count of observations and their sum.

    For the summary at the end of a run and for tests.
    """

    def __init__(self) -> None:
        self.values: dict[tuple[str, tuple[str, ...]], float] = defaultdict(float)
        self.counts: dict[tuple[str, tuple[str, ...]], int] = defaultdict(int)

    def counter(self, metric: Counter, **labels: str) -> Report:
        """See `Meter`."""
        slot = (metric.name, check_labels(metric, labels))

        def add(value: float) -> None:
            self.values[slot] += value

        return add

    def gauge(self, metric: Gauge, **labels: str) -> Report:
        """See `Meter`."""
        slot = (metric.name, check_labels(metric, labels))

        def put(value: float) -> None:
            self.values[slot] = value

        return put

    def histogram(self, metric: Histogram, **labels: str) -> Report:
        """See `Meter`."""
        slot = (metric.name, check_labels(metric, labels))

        def observe(value: float) -> None:
            self.values[slot] += value
            self.counts[slot] += 1

        return observe

    def total(self, metric: Metric) -> float:
        """The sum over all label values."""
        return sum(value for (name, _), value in self.values.items() if name == metric.name)

    def count(self, metric: Histogram) -> int:
        """How many values a histogram observed, over all label values."""
        return sum(value for (name, _), value in self.counts.items() if name == metric.name)

    def by_label(self, metric: Metric) -> dict[tuple[str, ...], float]:
        """The values by label values, in declared order of the labels."""
        return {labels: value for (name, labels), value in self.values.items() if name == metric.name}


def _forget(value: float) -> None:
    """Takes a measurement and keeps nothing of it."""


class NullMeter:
    """Forgets everything."""

    def counter(self, metric: Counter, **labels: str) -> Report:
        """See `Meter`."""
        check_labels(metric, labels)
        return _forget

    def gauge(self, metric: Gauge, **labels: str) -> Report:
        """See `Meter`."""
        check_labels(metric, labels)
        return _forget

    def histogram(self, metric: Histogram, **labels: str) -> Report:
        """See `Meter`."""
        check_labels(metric, labels)
        return _forget
