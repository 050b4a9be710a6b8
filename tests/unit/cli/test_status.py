"""Status line of a run: the progress, the lag and the reason of a wait."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wikistate.cli.live_line import LiveLine
from wikistate.cli.status import Status
from wikistate.telemetry import metrics
from wikistate.telemetry.meter import RecordingMeter

if TYPE_CHECKING:
    import pytest


def describe(status: Status, width: int = 80) -> str:
    """Return the text of the live line."""
    line = LiveLine(status._meter, status._counts, status.total)
    return "".join(part.text for part in line.describe(width))


def set_lag(meter: RecordingMeter, *records: int) -> None:
    """Set the lag of each partition of the source."""
    for number, remaining in enumerate(records):
        meter.gauge(metrics.SOURCE_LAG, topic="changes", partition=str(number))(remaining)


def test_total_of_a_bounded_source_is_events_read_plus_lag() -> None:
    """The total is unknown until the source reports its lag."""
    meter = RecordingMeter()
    status = Status(meter, total=None, live=False, bounded=True)
    meter.counter(metrics.EVENTS_CONSUMED)(100)
    assert status.total() is None
    set_lag(meter, 250, 50)
    assert status.total() == 400


def test_unbounded_stream_has_a_lag_but_no_total() -> None:
    """New records would make a progress bar run backwards."""
    meter = RecordingMeter()
    set_lag(meter, 250)
    status = Status(meter, total=None, live=False)
    assert status.total() is None
    assert "250 behind" in describe(status)


def test_total_that_is_known_in_advance_takes_precedence() -> None:
    """The demonstration, for example, knows the number of its events."""
    meter = RecordingMeter()
    set_lag(meter, 250)
    assert Status(meter, total=3000, live=False, bounded=True).total() == 3000


def test_status_line_names_the_dependency_that_a_run_waits_for() -> None:
    """The reason disappears as soon as the wait ends."""
    meter = RecordingMeter()
    waits = {what: meter.gauge(metrics.WAITING_FOR_DEPENDENCY, what=what) for what in ("store", "stream")}
    meter.gauge(metrics.STORE_LAG)(42.0)
    waits["store"](1.0)
    status = Status(meter, total=None, live=False)
    assert "the store is 42 s behind" in describe(status)
    assert "waiting for the store" in describe(status)
    assert "waiting for the stream" not in describe(status)
    waits["store"](0.0)
    assert "waiting" not in describe(status)


def test_status_line_and_summary_show_failures_of_entities(capsys: pytest.CaptureFixture[str]) -> None:
    """Entities that could not be read are on a side stream, and are failures all the same."""
    meter = RecordingMeter()
    meter.counter(metrics.ENTITY_FAILURES, error_type="MungeError")(200)
    meter.gauge(metrics.MAIN_FAILURE, error_type="MungeError")(1)
    status = Status(meter, total=None, live=False)
    assert "200 failed" in describe(status)
    assert "most events fail: MungeError" in describe(status)
    status.summary()
    lines = [" ".join(line.split()) for line in capsys.readouterr().err.splitlines()]
    assert "200 failures of entities" in lines
    assert "200 MungeError" in lines
    meter.gauge(metrics.MAIN_FAILURE, error_type="MungeError")(0)
    assert "most events fail" not in describe(status)
