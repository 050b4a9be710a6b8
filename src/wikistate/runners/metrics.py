"""The metrics of the runners, with their labels bound once."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from wikistate.adapters.http.outages import OUTAGES
from wikistate.streaming.record import Role
from wikistate.telemetry import metrics

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wikistate.streaming.ordering import InFlightRecord, OrderedRelease
    from wikistate.streaming.record import Output, Partition
    from wikistate.telemetry.meter import Meter

_ROLES = (Role.SINK, Role.ERROR)
"""The streams of a job without state."""


class RunnerMetrics:
    """Metrics of events in a job without state. A runner calls `consumed` with the number of records that it has read."""

    def __init__(self, meter: Meter) -> None:
        self.consumed = meter.counter(metrics.EVENTS_CONSUMED)
        self._produced = {role: meter.counter(metrics.EVENTS_PRODUCED, role=role) for role in _ROLES}
        self._events = meter.gauge(metrics.EVENTS_IN_FLIGHT)
        self._bytes = meter.gauge(metrics.BYTES_IN_FLIGHT)
        self._latency = meter.histogram(metrics.EVENT_LATENCY)
        self._age = meter.histogram(metrics.EVENT_AGE)

    def record_in_flight(self, ordering: OrderedRelease) -> None:
        """Report the events and bytes in flight."""
        self._events(ordering.events)
        self._bytes(ordering.bytes)

    def record_written(self, records: Sequence[InFlightRecord], outputs: Sequence[Output]) -> None:
        """Report these records as processed, with their outputs."""
        now, epoch = time.monotonic(), time.time()
        for record in records:
            self._latency(now - record.read_at)
        for role, count in self._produced.items():
            count(sum(1 for output in outputs if output.role is role))
        for output in outputs:
            if output.timestamp is not None:
                self._age(epoch - output.timestamp / 1000)


class StatelessMetrics(RunnerMetrics):
    """Metrics of a job without state under a runner that commits itself."""

    def __init__(self, meter: Meter) -> None:
        super().__init__(meter)
        self.commits = meter.counter(metrics.COMMITS)


class KeyedMetrics:
    """Metrics of a keyed job: records, outputs, checkpoints, timers and the lag of the watermark."""

    def __init__(self, meter: Meter) -> None:
        self.consumed = meter.counter(metrics.EVENTS_CONSUMED)
        self.checkpoints = meter.counter(metrics.COMMITS)
        self.checkpoint_seconds = meter.histogram(metrics.CHECKPOINT_SECONDS)
        self.in_flight = meter.gauge(metrics.EVENTS_IN_FLIGHT)
        self.keys_with_timers = meter.gauge(metrics.KEYS_WITH_TIMERS)
        self._watermark_lag = meter.gauge(metrics.WATERMARK_LAG)
        self._changes = meter.counter(metrics.EVENTS_PRODUCED, role=Role.SINK)
        self._produced = {role: meter.counter(metrics.EVENTS_PRODUCED, role=role) for role in Role}

    def record_written(self, changes: int, outputs: Sequence[Output]) -> None:
        """Report the changes and outputs of one write."""
        self._changes(changes)
        for output in outputs:
            self._produced[output.role](1)

    def record_watermark(self, watermark: int | None, now: float) -> None:
        """Report how far the watermark (milliseconds) is behind `now` (seconds), both since the epoch."""
        if watermark is not None:
            self._watermark_lag(max(0.0, now - watermark / 1000))


def report_outages(meter: Meter) -> None:
    """Report the outages that the process waits for, of each kind that had any."""
    for kind, count in OUTAGES.counts().items():
        meter.gauge(metrics.WAITING_FOR_DEPENDENCY, what=kind)(float(count > 0))


def report_source_lag(meter: Meter, lag: Mapping[Partition, int]) -> None:
    """Report how many records of each partition are left to be read."""
    for partition, records in lag.items():
        meter.gauge(metrics.SOURCE_LAG, topic=partition.topic, partition=str(partition.number))(records)
