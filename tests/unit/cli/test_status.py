"""What the live line knows of the end of a run."""

from __future__ import annotations

from wikistate.cli.status import Status
from wikistate.telemetry import metrics
from wikistate.telemetry.meter import RecordingMeter


def lagging(meter: RecordingMeter, *records: int) -> None:
    """The source has so many left in its partitions."""
    for number, left in enumerate(records):
        meter.gauge(metrics.SOURCE_LAG, topic="changes", partition=str(number))(left)


def test_the_end_of_a_bounded_source_is_what_was_read_and_what_is_left() -> None:
    """Nothing is said before the source has said how much it has."""
    meter = RecordingMeter()
    status = Status(meter, total=None, live=False, bounded=True)
    meter.counter(metrics.EVENTS_CONSUMED)(100)
    assert status.total() is None
    lagging(meter, 250, 50)
    assert status.total() == 400


def test_a_stream_that_goes_on_has_no_end_however_far_behind_it_is() -> None:
    """A bar would run backwards."""
    meter = RecordingMeter()
    lagging(meter, 250)
    status = Status(meter, total=None, live=False)
    assert status.total() is None
    assert "250 behind" in status._status_line()


def test_what_is_known_beforehand_holds() -> None:
    """Of the demonstration, for one."""
    meter = RecordingMeter()
    lagging(meter, 250)
    assert Status(meter, total=3000, live=False, bounded=True).total() == 3000


async def test_a_bar_with_the_time_left_is_drawn() -> None:
    """While a bounded run goes on."""
    meter = RecordingMeter()
    lagging(meter, 300)
    meter.counter(metrics.EVENTS_PRODUCED, role="sink")(100)
    meter.counter(metrics.EVENTS_CONSUMED)(100)
    status = Status(meter, total=None, live=True, bounded=True)
    with status._make_progress() as progress:
        progress.add_task("", total=status.total(), completed=int(status._completed()))
        with status.console.capture() as shown:
            status.console.print(progress.get_renderable())
    assert "100/400" in shown.get()
    assert "left: -:--:--" in shown.get()


def test_what_a_run_waits_for_is_said() -> None:
    """A line that stands still says why; one that moves does not."""
    meter = RecordingMeter()
    waits = {what: meter.gauge(metrics.WAITING_FOR_DEPENDENCY, what=what) for what in ("store", "stream")}
    meter.gauge(metrics.STORE_LAG)(42.0)
    waits["store"](1.0)
    status = Status(meter, total=None, live=False)
    assert "the store is 42 s behind" in status._status_line()
    assert "waiting for the store" in status._status_line()
    assert "waiting for the stream" not in status._status_line()
    waits["store"](0.0)
    assert "waiting" not in status._status_line()
