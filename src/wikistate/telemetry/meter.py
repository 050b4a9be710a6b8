"""Where measurements go: a port, and a meter that remembers.

A metric is bound to its labels once and the result called for each event, so that the hot path pays for one call and
no look-up of labels.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
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


@dataclass(slots=True)
class Distribution:
    """What a histogram has seen: how many values fell at or below each bound, their number and their sum."""

    bounds: tuple[float, ...]
    counts: list[int]  # one for each bound and one beyond the last; not cumulative
    total: float = 0.0

    @property
    def count(self) -> int:
        """How many values were observed."""
        return sum(self.counts)


Labels = tuple[str, ...]


class RecordingMeter:
    """Keeps everything in memory, for the Prometheus endpoint, the summary at the end of a run, and tests.

    Its own arithmetic and not the Prometheus client's, because a value is reported several times for each event and
    the client takes a lock each time; all reports come from one thread here.
    """

    def __init__(self) -> None:
        self.numbers: dict[Metric, dict[Labels, float]] = {}
        self.distributions: dict[Histogram, dict[Labels, Distribution]] = {}

    def counter(self, metric: Counter, **labels: str) -> Report:
        """See `Meter`."""
        series, slot = self._series(metric, labels)

        def add(value: float) -> None:
            series[slot] += value

        return add

    def gauge(self, metric: Gauge, **labels: str) -> Report:
        """See `Meter`."""
        series, slot = self._series(metric, labels)

        def put(value: float) -> None:
            series[slot] = value

        return put

    def histogram(self, metric: Histogram, **labels: str) -> Report:
        """See `Meter`."""
        slot = check_labels(metric, labels)
        empty = Distribution(metric.buckets, [0] * (len(metric.buckets) + 1))
        seen = self.distributions.setdefault(metric, {}).setdefault(slot, empty)
        bounds, counts = seen.bounds, seen.counts

        def observe(value: float) -> None:
            counts[bisect_left(bounds, value)] += 1
            seen.total += value

        return observe

    def _series(self, metric: Metric, labels: dict[str, str]) -> tuple[dict[Labels, float], Labels]:
        slot = check_labels(metric, labels)
        series = self.numbers.setdefault(metric, {})
        series.setdefault(slot, 0.0)
        return series, slot

    def total(self, metric: Counter | Gauge) -> float:
        """The sum over all label values."""
        return sum(self.numbers.get(metric, {}).values())

    def by_label(self, metric: Counter | Gauge) -> dict[Labels, float]:
        """The values by label values, in the declared order of the labels."""
        return dict(self.numbers.get(metric, {}))
