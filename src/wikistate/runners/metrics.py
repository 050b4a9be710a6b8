"""What every runner reports of the work that goes through it, bound once."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from wikistate.streaming.record import Role
from wikistate.telemetry import metrics

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wikistate.streaming.ordering import InFlightRecord, OrderedRelease
    from wikistate.streaming.record import Output
    from wikistate.telemetry.meter import Meter

_ROLES = (Role.SINK, Role.ERROR)
"""The streams of a job that keeps no state."""


class RunnerMetrics:
    """Counts and times events; a runner calls `consumed` with the number of records that it read."""

    def __init__(self, meter: Meter) -> None:
        self.consumed = meter.counter(metrics.EVENTS_CONSUMED)
        self._produced = {role: meter.counter(metrics.EVENTS_PRODUCED, role=role) for role in _ROLES}
        self._events = meter.gauge(metrics.EVENTS_IN_FLIGHT)
        self._bytes = meter.gauge(metrics.BYTES_IN_FLIGHT)
        self._latency = meter.histogram(metrics.EVENT_LATENCY)
        self._age = meter.histogram(metrics.EVENT_AGE)

    def record_in_flight(self, ordering: OrderedRelease) -> None:
        """What is in flight now."""
        self._events(ordering.events)
        self._bytes(ordering.bytes)

    def record_written(self, tickets: Sequence[InFlightRecord], outputs: Sequence[Output]) -> None:
        """These tickets are done, and these are their outputs."""
        now, epoch = time.monotonic(), time.time()
        for ticket in tickets:
            self._latency(now - ticket.read_at)
        for role, count in self._produced.items():
            count(sum(1 for output in outputs if output.role is role))
        for output in outputs:
            if output.timestamp is not None:
                self._age(epoch - output.timestamp / 1000)
