"""What the runner of stateful jobs reports, bound once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wikistate.streaming.record import Role
from wikistate.telemetry import metrics

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wikistate.streaming.record import Output, Partition
    from wikistate.telemetry.meter import Meter


class KeyedRunnerMetrics:
    """Counts records, outputs and checkpoints; shows how far event time and the checkpoint have come."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self.consumed = meter.counter(metrics.EVENTS_CONSUMED)
        self.checkpoints = meter.counter(metrics.COMMITS)
        self.checkpoint_seconds = meter.histogram(metrics.CHECKPOINT_SECONDS)
        self.in_flight = meter.gauge(metrics.EVENTS_IN_FLIGHT)
        self.keys_with_timers = meter.gauge(metrics.KEYS_WITH_TIMERS)
        self._watermark_lag = meter.gauge(metrics.WATERMARK_LAG)
        self._changes = meter.counter(metrics.EVENTS_PRODUCED, role=Role.SINK)
        self._produced = {role: meter.counter(metrics.EVENTS_PRODUCED, role=role) for role in Role}

    def record_written(self, changes: int, outputs: Sequence[Output]) -> None:
        """These were handed over."""
        self._changes(changes)
        for output in outputs:
            self._produced[output.role](1)

    def record_watermark(self, watermark: int | None, now: float) -> None:
        """How far event time has come, at this moment (seconds since the epoch)."""
        if watermark is not None:
            self._watermark_lag(max(0.0, now - watermark / 1000))

    def record_lag(self, lag: Mapping[Partition, int]) -> None:
        """What is left to be read."""
        for partition, records in lag.items():
            self._meter.gauge(metrics.SOURCE_LAG, topic=partition.topic, partition=str(partition.number))(records)
