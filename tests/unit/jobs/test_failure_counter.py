"""Failures are counted, and the first of each type is logged with its cause."""

from __future__ import annotations

from structlog.testing import capture_logs

from wikistate.jobs.failure_counter import FailureCounter
from wikistate.telemetry import metrics
from wikistate.telemetry.capped_label import MAX_VALUES
from wikistate.telemetry.meter import RecordingMeter


def test_first_failure_of_each_type_is_logged() -> None:
    """The further ones are only counted; the reason is bounded."""
    meter = RecordingMeter()
    failures = FailureCounter(meter, metrics.EVENTS_ERRORS)
    with capture_logs() as logs:
        for number in range(3):
            failures.count("NotJson", f"line {number}")
        failures.count("ClientError", "x" * 9999)
    assert [(line["error_type"], line["reason"]) for line in logs] == [
        ("NotJson", "line 0"),
        ("ClientError", "x" * 500),
    ]
    assert meter.by_label(metrics.EVENTS_ERRORS) == {("NotJson",): 3, ("ClientError",): 1}


def test_types_are_bounded() -> None:
    """Input may name any number of them."""
    failures = FailureCounter(RecordingMeter(), metrics.EVENTS_ERRORS)
    with capture_logs() as logs:
        for number in range(MAX_VALUES * 2):
            failures.count(f"E{number}", "")
    assert len(logs) == MAX_VALUES
