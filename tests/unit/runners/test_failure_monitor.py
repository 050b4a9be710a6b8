"""The monitor of a run: log, metric and result when most of what is tried fails."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from wikistate.config.model import FailureAlarmSettings
from wikistate.runners.failure_monitor import FailureMonitor, count_attempts
from wikistate.telemetry import metrics
from wikistate.telemetry.meter import RecordingMeter
from wikistate.telemetry.prometheus import find_obstacles


class Run:
    """Counters of a run, with its monitor."""

    def __init__(self, *, share: float = 0.5, minimum: int = 10) -> None:
        self.meter = RecordingMeter()
        self.monitor = FailureMonitor(self.meter, FailureAlarmSettings(share=share, minimum=minimum))

    def read(self, count: int) -> None:
        """Count records."""
        self.meter.counter(metrics.EVENTS_CONSUMED)(count)

    def succeed(self, count: int) -> None:
        """Count written events."""
        self.read(count)
        self.meter.counter(metrics.EVENTS_PRODUCED, role="sink")(count)

    def fail(self, count: int, error_type: str = "NotJson") -> None:
        """Count error events."""
        self.read(count)
        self.meter.counter(metrics.EVENTS_ERRORS, error_type=error_type)(count)

    def fail_entities(self, count: int, error_type: str = "MungeError") -> None:
        """Count entities that could not be read, each with its decision."""
        self.read(count)
        self.meter.counter(metrics.DECISIONS, reason="new")(count)
        self.meter.counter(metrics.ENTITY_FAILURES, error_type=error_type)(count)


@pytest.mark.parametrize("fail", [Run.fail, Run.fail_entities])
def test_alarm_begins_and_ends_once(fail: object) -> None:
    """The log, the metric and the readiness say so while it lasts."""
    run = Run()
    assert callable(fail)
    with capture_logs() as logs:
        run.succeed(500)
        run.monitor.check()
        for _ in range(3):
            fail(run, 20)
            run.monitor.check()
        during = find_obstacles(run.meter)
        run.succeed(20)
        run.monitor.check()
    assert [line["event"] for line in logs] == ["most_events_fail", "most_events_succeed"]
    assert (logs[0]["failed"], logs[0]["attempts"]) == (20, 20)
    assert len(during) == 1
    assert during[0].startswith("wikistate_main_failure{error_type=")
    assert find_obstacles(run.meter) == []


def test_reason_that_changes_is_reported() -> None:
    """One reason at a time has the metric."""
    run = Run()
    with capture_logs() as logs:
        run.fail(10)
        run.monitor.check()
        run.fail(10, "ClientError")
        run.monitor.check()
    assert [line["error_type"] for line in logs] == ["NotJson", "ClientError"]
    assert run.meter.by_label(metrics.MAIN_FAILURE) == {("NotJson",): 0, ("ClientError",): 1}


@pytest.mark.parametrize(
    ("succeeded", "failed", "ends_with_failure"),
    [
        (0, 1, True),
        (0, 3, True),
        (1, 1, False),
        (6, 3, False),
        (3, 8, True),
        (1000, 9, False),
        (0, 0, False),
        (50, 50, False),
    ],
)
def test_whole_run_has_failed_if_most_of_it_has(succeeded: int, failed: int, ends_with_failure: bool) -> None:  # noqa: FBT001
    """A few failures are normal; a run in which all that was read has failed is a failure whatever the number."""
    run = Run()
    run.succeed(succeeded)
    run.fail(failed)
    with capture_logs() as logs:
        assert (run.monitor.check_whole_run() is not None) is ends_with_failure
    assert [line["event"] for line in logs] == ["run_failed"] * ends_with_failure


def test_filtered_events_do_not_make_one_failure_a_total_failure() -> None:
    """Of a stream of all wikis a job may filter everything but one event."""
    run = Run()
    run.read(5000)
    run.fail(1)
    assert run.monitor.check_whole_run() is None


def test_stopped_run_has_no_result() -> None:
    """The alarm was given during the run, and the stop itself has succeeded."""
    run = Run()
    run.fail(100)
    run.monitor.stop_requested = True
    assert run.monitor.check_whole_run() is None


def test_entity_without_an_operation_is_not_a_failure() -> None:
    """An event that changes nothing was processed; one whose entity fails was not."""
    run = Run()
    run.meter.counter(metrics.DECISIONS, reason="old")(100)
    run.fail_entities(3)
    assert count_attempts(run.meter) == (100, {"MungeError": 3})


def test_share_and_minimum_are_settings() -> None:
    """A stricter alarm is given for a fifth of five events."""
    run = Run(share=0.1, minimum=5)
    run.succeed(4)
    run.fail(1)
    with capture_logs() as logs:
        run.monitor.check()
    assert [line["event"] for line in logs] == ["most_events_fail"]


async def test_monitor_checks_at_intervals(monkeypatch: pytest.MonkeyPatch) -> None:
    """It runs beside the run until it is cancelled."""
    monkeypatch.setattr("wikistate.runners.failure_monitor.CHECK_SECONDS", 0.001)
    run = Run()
    task = asyncio.create_task(run.monitor.check_until_cancelled())
    run.fail(10)
    async with asyncio.timeout(30):
        while run.monitor.main is None:  # noqa: ASYNC110  (the monitor sets it)
            await asyncio.sleep(0.001)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert run.monitor.main.reason == "NotJson"
