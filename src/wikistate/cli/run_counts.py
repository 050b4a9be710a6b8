"""Numbers of records of a run: read, dropped, written, failed, and those that are not done. They add up to those read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wikistate.telemetry import metrics

if TYPE_CHECKING:
    from wikistate.telemetry.meter import RecordingMeter


class RunCounts:
    """Numbers of a run, read from its meter.

    Args:
        meter: The meter that the run reports to.
        has_state: Whether the job builds entities from events: an event then has no output of its own.
    """

    def __init__(self, meter: RecordingMeter, *, has_state: bool = False) -> None:
        self._meter = meter
        self._has_state = has_state

    @property
    def has_state(self) -> bool:
        """Whether the job builds entities from events."""
        return self._has_state

    @property
    def read(self) -> float:
        """Records that were read."""
        return self._meter.total(metrics.EVENTS_CONSUMED)

    @property
    def written(self) -> float:
        """Events that were written to the sink; mutations, if a store has applied them."""
        if self._has_state and (applied := self._meter.total(metrics.STORE_MUTATIONS)):
            return applied  # runner and store count them both as produced
        return self._meter.by_label(metrics.EVENTS_PRODUCED).get(("sink",), 0.0)

    @property
    def errors(self) -> float:
        """Events that were written to the error stream."""
        return self._meter.by_label(metrics.EVENTS_PRODUCED).get(("error",), 0.0)

    @property
    def failed(self) -> float:
        """Events and entities that failed."""
        return self._meter.total(metrics.EVENTS_ERRORS) + self._meter.total(metrics.ENTITY_FAILURES)

    @property
    def dropped(self) -> dict[str, float]:
        """Records that were dropped on purpose, by reason."""
        return {reason: count for (reason,), count in self._meter.by_label(metrics.EVENTS_FILTERED).items() if count}

    @property
    def done(self) -> float:
        """Records whose outputs are written, or that have none."""
        if self._has_state:
            return max(0.0, self.read - self._meter.total(metrics.EVENTS_IN_FLIGHT))
        return self.written + self.errors + sum(self.dropped.values())

    @property
    def about_entities(self) -> float:
        """Records of a job with state that are events about its entities, and are processed."""
        refused = self._meter.total(metrics.EVENTS_ERRORS) + sum(self.dropped.values())
        return max(0.0, self.read - refused - self.unfinished)

    @property
    def unfinished(self) -> float:
        """Records that were read and not processed, because the run was stopped or an outage broke it."""
        if self._has_state:
            return min(self._meter.total(metrics.EVENTS_IN_FLIGHT), self.read)
        return max(0.0, self.read - self.done)

    @property
    def side(self) -> float:
        """Events that were written to side streams."""
        produced = self._meter.by_label(metrics.EVENTS_PRODUCED)
        return sum(count for (role,), count in produced.items() if role not in ("sink", "error"))
