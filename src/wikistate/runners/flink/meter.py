"""The metrics of wikistate in the metric groups of Flink, under their declared names.

The Python metrics of Flink belong to the thread that processes a bundle; a report from any other thread, such as the
loop of a job, is lost silently. The job therefore reports into memory, and new values are passed to Flink at the end of
each bundle. The Python metrics of Flink are integers; a histogram therefore has the form of Prometheus: ``_bucket`` by
``le``, ``_count`` and ``_sum``, the last in whole units.
"""

from __future__ import annotations

from functools import partial
from itertools import accumulate
from typing import TYPE_CHECKING, Protocol

from wikistate.telemetry.meter import RecordingMeter
from wikistate.telemetry.metrics import Gauge

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from wikistate.telemetry.meter import Distribution
    from wikistate.telemetry.metrics import Histogram, Metric

    Series = tuple[str, tuple[tuple[str, str], ...]]
    """A name, and its labels with their values."""


class FlinkCounter(Protocol):
    """A counter of PyFlink."""

    def inc(self, n: int = 1) -> None:
        """Add `n`."""


class FlinkGroup(Protocol):
    """A metric group of PyFlink."""

    def add_group(self, name: str, extra: str | None = None) -> FlinkGroup:
        """Return the subgroup for a label `name` with the value `extra`."""

    def counter(self, name: str) -> FlinkCounter:
        """Return a new counter."""

    def gauge(self, name: str, obj: Callable[[], int]) -> None:
        """Register the function that returns the value of a gauge."""


class FlinkMeter(RecordingMeter):
    """Meter in memory that passes its values to Flink at the end of each bundle.

    Args:
        group: The metric group of the operator.
    """

    def __init__(self, group: FlinkGroup) -> None:
        super().__init__()
        self._group = group
        self._pushed: dict[Series, int] = {}
        self._counters: dict[Series, FlinkCounter] = {}
        # Flink reads the value of a gauge at the end of a bundle, on its thread: the only place from which values can
        # be passed. In a separate group, because metrics may be added to the group of the operator during the reading.
        group.add_group("wikistate").gauge("wikistate_series", self._push)

    def _push(self) -> int:
        for metric, numbers in list(self.numbers.items()):
            for labels, value in list(numbers.items()):
                series = _series(metric, labels)
                if isinstance(metric, Gauge):
                    self._register_gauge(series, numbers, labels)
                else:
                    self._increment(series, int(value))
        for histogram, distributions in list(self.distributions.items()):
            for labels, seen in list(distributions.items()):
                for series, value in _as_counters(histogram, labels, seen):
                    self._increment(series, value)
        return len(self._pushed)

    def _register_gauge(
        self, series: Series, numbers: Mapping[tuple[str, ...], float], labels: tuple[str, ...]
    ) -> None:
        if series not in self._pushed:
            self._pushed[series] = 0
            name, labelled = series
            self._labelled_group(labelled).gauge(name, partial(_gauge_value, numbers, labels))

    def _increment(self, series: Series, value: int) -> None:
        known = self._pushed.get(series)
        if known is None:
            name, labelled = series
            self._counters[series] = self._labelled_group(labelled).counter(name)
            known = 0
        if value != known or series not in self._pushed:
            self._counters[series].inc(value - known)
            self._pushed[series] = value

    def _labelled_group(self, labelled: tuple[tuple[str, str], ...]) -> FlinkGroup:
        group = self._group
        for name, value in labelled:
            group = group.add_group(name, value)
        return group


def _series(metric: Metric, labels: tuple[str, ...]) -> Series:
    return metric.name, tuple(zip(metric.labels, labels, strict=True))


def _gauge_value(numbers: Mapping[tuple[str, ...], float], labels: tuple[str, ...]) -> int:
    return int(numbers[labels])


def _as_counters(histogram: Histogram, labels: tuple[str, ...], seen: Distribution) -> Iterator[tuple[Series, int]]:
    name, labelled = _series(histogram, labels)
    counts = list(accumulate(seen.counts))
    bounds = [*map(str, seen.bounds), "+Inf"]
    for bound, count in zip(bounds, counts, strict=True):
        yield (f"{name}_bucket", (*labelled, ("le", bound))), count
    yield (f"{name}_count", labelled), counts[-1]
    yield (f"{name}_sum", labelled), int(seen.total)
