"""Live line of a run: its text at several widths, and with log lines in a pseudo-terminal."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from tests.unit.cli.deletions import write_deletions

from wikistate.cli.live_line import LiveLine
from wikistate.cli.run_counts import RunCounts
from wikistate.telemetry import metrics
from wikistate.telemetry.meter import RecordingMeter

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Run:
    """Run whose counters and clock a test sets.

    Args:
        total: Number of records in all.
    """

    def __init__(self, total: float | None = None, *, has_state: bool = False) -> None:
        self.meter = RecordingMeter()
        self.now = 0.0
        self._line = LiveLine(
            self.meter, RunCounts(self.meter, has_state=has_state), lambda: total, clock=lambda: self.now
        )

    def process(self, read: int, written: int, failed: int = 0) -> None:
        """Count records."""
        self.meter.counter(metrics.EVENTS_CONSUMED)(read)
        self.meter.counter(metrics.EVENTS_PRODUCED, role="sink")(written)
        self.meter.counter(metrics.EVENTS_PRODUCED, role="error")(failed)
        self.meter.counter(metrics.EVENTS_ERRORS, error_type="NotFound")(failed)

    def show(self, width: int = 80) -> str:
        """Return the line."""
        return "".join(part.text for part in self._line.describe(width))


def test_bounded_run_shows_count_share_rate_failures_and_time_left() -> None:
    """The rate is that of the last ten seconds."""
    run = Run(total=3012)
    run.now = 7.5
    run.process(1800, 1690, 92)
    assert run.show() == "1,782/3,012 59% 238/s 92 failed 0:05 left"
    assert run.show(36) == "1,782/3,012 59% 92 failed 0:05 left"
    assert run.show(20) == "1,782/3,012 59%"
    assert run.show(8) == "1,782/3…"


def test_bounded_run_before_its_first_event_and_at_its_end() -> None:
    """No rate is known at first, and no time is left at the end."""
    run = Run(total=3012)
    assert run.show() == "0/3,012 0%"
    run.now = 7200
    run.process(3012, 3012)
    assert run.show().startswith("3,012/3,012 100%")
    assert "left" not in run.show()


def test_slow_run_shows_hours() -> None:
    """A back-fill takes hours."""
    run = Run(total=100_000)
    run.now = 10
    run.process(50, 50)
    assert run.show() == "50/100,000 0% 5.0/s 5:33:10 left"


def test_quiet_source_shows_that_it_is_waited_for() -> None:
    """The line changes each second, so that the run is seen to be alive."""
    run = Run()
    run.now = 5
    assert run.show() == "0 events, waiting"
    run.process(2, 2)
    assert run.show() == "2 events, 0.4/s"
    run.now = 8
    assert run.show() == "2 events, newest 3 s ago, waiting"
    run.now = 3605
    assert run.show() == "2 events, newest 60 min ago, waiting"


def test_busy_stream_shows_rate_and_lag() -> None:
    """It has no total."""
    run = Run()
    run.now = 2
    run.process(2000, 2000)
    run.meter.gauge(metrics.SOURCE_LAG, topic="t", partition="0")(1234)
    assert run.show() == "2,000 events, 1,000/s, 1,234 behind"


@pytest.mark.parametrize("width", range(1, 121))
@pytest.mark.parametrize("total", [None, 1_000_000])
def test_line_fits_each_width_and_keeps_the_count(width: int, total: int | None) -> None:
    """The terminal never cuts it; the number of events is left out last."""
    run = Run(total=total)
    run.now = 3
    run.process(654_321, 600_000, 54_321)
    run.meter.gauge(metrics.SOURCE_LAG, topic="t", partition="0")(345_679)
    run.meter.gauge(metrics.WIKI_WAITING, farm="wikimedia")(4321)
    run.meter.gauge(metrics.STORE_LAG)(42)
    run.meter.gauge(metrics.MAIN_FAILURE, error_type="ConnectionFailed")(1)
    run.meter.gauge(metrics.WAITING_FOR_DEPENDENCY, what="store")(1)
    line = run.show(width)
    assert 0 < len(line) <= width
    assert line.startswith("654,321"[: max(0, width - 1)])


def test_job_with_state_counts_records_and_not_outputs() -> None:
    """An event may lead to no mutation or to several."""
    run = Run(total=100, has_state=True)
    run.now = 1
    run.process(60, 240)
    run.meter.gauge(metrics.EVENTS_IN_FLIGHT)(10)
    assert run.show().startswith("50/100 50%")


@pytest.fixture
def run_in_terminal(tmp_path: Path) -> Callable[..., str]:
    """Return a function that runs a command with a pseudo-terminal as standard error, and returns its output."""

    def run(*arguments: str, columns: int) -> str:
        controller, terminal = pty.openpty()
        environment = {**os.environ, "COLUMNS": str(columns), "TERM": "xterm-256color", "HOME": str(tmp_path)}
        process = subprocess.Popen(
            [sys.executable, "-m", "wikistate", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=terminal,
            env=environment,
            cwd=tmp_path,
        )
        os.close(terminal)
        output = b""
        while True:
            try:
                block = os.read(controller, 65_536)
            except OSError:  # the last writer has closed the terminal
                break
            if not block:
                break
            output += block
        os.close(controller)
        assert process.wait(60) == 0, output.decode()
        return output.decode()

    return run


@pytest.mark.parametrize("columns", [80, 120])
def test_log_lines_stand_above_the_live_line(run_in_terminal: Callable[..., str], tmp_path: Path, columns: int) -> None:
    """Each log line begins at the first column, and the live line is removed before the summary."""
    write_deletions(tmp_path / "in.ndjson", 300)
    with (tmp_path / "in.ndjson").open("ab") as file:
        file.write(b"no event\n")
    output = run_in_terminal(
        *("run", "page-content-change", "--source", "in.ndjson", "--sink", "out.ndjson"), columns=columns
    )
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", output)
    lines = [line.rpartition("\r")[2] for line in shown.replace("\r\n", "\n").split("\n")]
    (failure,) = [line for line in lines if "failed with NotJson for the first time" in line]
    assert re.match(r"\d{4}-\d\d-\d\dT", failure)
    assert any(re.search(r"\b301\b", line) for line in lines)
    live = [part for line in shown.split("\n") for part in line.split("\r") if re.match(r"[\d,]+ events?\b", part)]
    assert live
    assert all(len(part) <= columns for part in live)
