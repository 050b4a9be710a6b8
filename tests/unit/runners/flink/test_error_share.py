"""The alarm of a subtask on Flink."""

from __future__ import annotations

from structlog.testing import capture_logs

from wikistate.runners.flink.error_share import ErrorShare
from wikistate.streaming.record import Output, Role
from wikistate.telemetry import metrics
from wikistate.telemetry.meter import RecordingMeter

GOOD, BAD = (Output(role, None, b"{}", None) for role in (Role.SINK, Role.ERROR))


def test_alarm_begins_and_ends_once() -> None:
    """Single errors among many events are normal; ten in a row are not."""
    meter = RecordingMeter()
    share = ErrorShare(meter, share=0.5, minimum=10)
    with capture_logs() as logs:
        for _ in range(100):
            share.observe([GOOD, GOOD, BAD])
        assert logs == []
        for _ in range(40):
            share.observe([BAD])
        assert meter.total(metrics.MAIN_FAILURE) == 1
        for _ in range(40):
            share.observe([GOOD])
    assert [line["event"] for line in logs] == ["most_events_fail", "most_events_succeed"]
    assert meter.total(metrics.MAIN_FAILURE) == 0
