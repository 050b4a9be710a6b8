"""Scenarios that hold for every kind of pipeline under the local runner: crash, stop, drain, failures and rewinds."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs
from tests.contract.runner.kinds import (
    KINDS,
    P0,
    POISON,
    Keyed,
    Stateless,
    Store,
    assert_each_page_in_order,
    rewound,
)

from wikistate.adapters.connectors.memory import Crash, Revoke
from wikistate.errors import ExternalError, SinkError, SinkInterruptedError, SourceError, SourceInterruptedError
from wikistate.runners.local import interruptions
from wikistate.runners.local import runner as local_runner
from wikistate.telemetry import metrics

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.contract.runner.kinds import Kind

VALUES = [b"%d:%d" % (number % 2 + 1, number) for number in range(8)]
TURNS = 100
"""The number of turns of the loop after which a run without work in flight has ended."""


@pytest.fixture(params=KINDS, ids=lambda kind: kind.__name__.lower())
def kind(request: pytest.FixtureRequest, tmp_path: Path) -> Kind:
    """Return each kind of pipeline, with `VALUES` on its topic."""
    made: Kind = request.param(tmp_path)
    for value in VALUES:
        made.topic.append(value)
    return made


async def test_bounded_source_is_read_to_its_end(kind: Kind) -> None:
    """Each value is durable once, the positions are behind the last record, and the job is opened and closed once."""
    await kind.runner().run()
    assert sorted(kind.durable) == sorted(VALUES)
    assert_each_page_in_order(kind.durable)
    assert kind.topic.committed == {P0: len(VALUES)}
    assert (kind.opened, kind.closed) == (1, 1)


async def test_next_run_repeats_nothing_that_was_committed(kind: Kind) -> None:
    """A run to the end, and another one after new records."""
    await kind.runner().run()
    kind.topic.append(b"1:9")
    await kind.runner().run()
    assert sorted(kind.durable) == sorted([*VALUES, b"1:9"])


@pytest.mark.parametrize("crash_at", range(len(VALUES) + 1))
async def test_crash_at_any_record_loses_nothing_and_keeps_order(kind: Kind, crash_at: int) -> None:
    """The run ends with the error of the source, and the next run completes the work."""
    kind.topic.elements.insert(crash_at, Crash())
    with pytest.raises(SourceError):
        await kind.runner(poll_records=2).run()
    assert (kind.opened, kind.closed) == (1, 1)
    await kind.runner(poll_records=2).run()
    assert set(kind.durable) == set(VALUES)
    assert_each_page_in_order(kind.durable)


async def test_crash_repeats_nothing_that_was_committed_before(kind: Kind) -> None:
    """Only records since the last commit come again."""
    await kind.runner().run()
    kind.topic.append(b"1:8")
    kind.topic.add(Crash())
    kind.topic.append(b"1:9")
    with pytest.raises(SourceError):
        await kind.runner().run()
    await kind.runner().run()
    assert {value: kind.durable.count(value) for value in VALUES} == dict.fromkeys(VALUES, 1)
    assert set(kind.durable) == {*VALUES, b"1:8", b"1:9"}


async def test_stop_finishes_records_in_flight(kind: Kind) -> None:
    """The run waits for the work that was started, commits it and ends; the next run has nothing left to do."""
    kind.work.hold(VALUES[-1])
    runner = kind.runner(bounded=False)
    run = asyncio.create_task(runner.run())
    await kind.work.until_started(VALUES[-1])
    runner.stop()
    await _turn()
    assert not run.done()
    kind.work.release()
    await run
    assert sorted(kind.durable) == sorted(VALUES)
    assert kind.topic.committed == {P0: len(VALUES)}
    await kind.runner().run()
    assert sorted(kind.durable) == sorted(VALUES)


async def test_drain_timeout_leaves_unfinished_records_to_the_next_run(kind: Kind) -> None:
    """The run ends although a value is never finished, and nothing behind that value is committed."""
    kind.work.hold(VALUES[4])
    runner = kind.runner(bounded=False, drain_timeout=0.01)
    run = asyncio.create_task(runner.run())
    await kind.work.until_started(VALUES[4])
    runner.stop()
    await run
    assert VALUES[4] not in kind.durable
    assert kind.topic.committed.get(P0, 0) <= 4
    assert (kind.opened, kind.closed) == (1, 1)
    kind.work.release()
    await kind.runner().run()
    assert set(kind.durable) == set(VALUES)


async def test_cancelled_run_closes_everything_and_loses_nothing(kind: Kind) -> None:
    """A second signal cancels the run in the middle of its work."""
    kind.work.hold(VALUES[2])
    run = asyncio.create_task(kind.runner(bounded=False).run())
    await kind.work.until_started(VALUES[2])
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert (kind.opened, kind.closed) == (1, 1)
    kind.work.release()
    await kind.runner().run()
    assert set(kind.durable) == set(VALUES)
    assert_each_page_in_order(kind.durable)


async def test_poison_record_becomes_one_error_event(kind: Kind) -> None:
    """The records around it are processed."""
    kind.topic.append(POISON)
    kind.topic.append(b"1:9")
    await kind.runner().run()
    assert kind.errors == [POISON]
    assert sorted(kind.durable) == sorted([*VALUES, b"1:9"])
    assert kind.topic.committed == {P0: len(VALUES) + 2}


async def test_source_is_kept_alive_while_the_target_does_not_answer(
    kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is committed meanwhile, and everything is written when the target answers again."""
    monkeypatch.setattr(local_runner, "KEEP_ALIVE_SECONDS", 0.01)
    more = [b"1:%d" % number for number in range(1000, 1500)]  # more than are read before the first commit is due
    for value in more:
        kind.topic.append(value)
    kind.target.available.clear()
    run = asyncio.create_task(kind.runner(max_in_flight_events=1, poll_records=1).run())
    await kind.target.asked.wait()
    await kind.kept_alive.wait()
    assert kind.durable == []
    assert kind.topic.committed == {}
    kind.target.available.set()
    await run
    assert sorted(kind.durable) == sorted([*VALUES, *more])


async def test_failure_of_the_target_ends_the_run_and_loses_nothing(kind: Kind) -> None:
    """The caller receives the error, everything is closed, and the next run writes the values."""
    kind.target.fail_with(SinkError("The disk is full."))
    with pytest.raises(SinkError, match="The disk is full"):
        await kind.runner().run()
    assert kind.topic.committed == {}
    assert (kind.opened, kind.closed) == (1, 1)
    await kind.runner().run()
    assert sorted(kind.durable) == sorted(VALUES)


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Resume without a delay."""
    monkeypatch.setattr(interruptions, "_FIRST_DELAY", 0.0)


@pytest.mark.usefixtures("fast")
async def test_run_resumes_at_its_last_commit_after_an_outage_of_the_target(kind: Kind) -> None:
    """One run survives outages before its first commit and between later ones: nothing is lost, order holds."""
    kind.target.fail_with(SinkInterruptedError("The broker was away."))
    kind.target.fail_with(SinkInterruptedError("The broker was away again."))
    with capture_logs() as lines:
        await kind.runner(poll_records=2).run()
    assert sorted(kind.durable) == sorted(VALUES)
    assert_each_page_in_order(kind.durable)
    assert kind.topic.committed == {P0: len(VALUES)}
    assert kind.meter.total(metrics.INTERRUPTIONS) == 2
    events = [line["event"] for line in lines if line["event"].startswith("run_")]
    assert events == ["run_interrupted", "run_resumed"] * 2
    assert kind.opened == kind.closed


@pytest.mark.usefixtures("fast")
@pytest.mark.parametrize("outage_at", range(len(VALUES) + 1))
async def test_run_resumes_after_an_outage_of_the_source(kind: Kind, outage_at: int) -> None:
    """The state of a keyed job and the positions are those of the last commit, whatever was in flight."""
    kind.topic.elements.insert(outage_at, Crash(SourceInterruptedError("The group lost this member.")))
    await kind.runner(poll_records=2).run()
    assert set(kind.durable) == set(VALUES)
    assert_each_page_in_order(kind.durable)
    assert kind.topic.committed == {P0: len(VALUES)}
    assert kind.meter.total(metrics.INTERRUPTIONS) == 1


@pytest.mark.usefixtures("fast")
async def test_run_resumes_however_often_the_target_is_away(kind: Kind) -> None:
    """An outage has no number of attempts after which the run gives up."""
    for _ in range(50):
        kind.target.fail_with(SinkInterruptedError("The broker is away."))
    await kind.runner().run()
    assert sorted(kind.durable) == sorted(VALUES)
    assert kind.meter.total(metrics.INTERRUPTIONS) == 50


@pytest.mark.usefixtures("fast")
async def test_outage_ends_a_run_whose_source_cannot_be_read_again(kind: Kind) -> None:
    """The lines of standard input are gone, so the caller receives the error."""
    kind.target.fail_with(SinkInterruptedError("The broker was away."))
    with pytest.raises(SinkInterruptedError, match="The broker was away"):
        await kind.runner(resumable=False).run()
    assert kind.topic.committed == {}


async def test_stop_during_an_outage_ends_the_run_at_once(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    """The caller receives the error of the outage, and the next run completes the work."""
    monkeypatch.setattr(interruptions, "_FIRST_DELAY", 3600.0)
    kind.target.fail_with(SinkInterruptedError("The broker was away."))
    runner = kind.runner(bounded=False)
    run = asyncio.create_task(runner.run())
    await _turn_until(lambda: kind.meter.total(metrics.INTERRUPTIONS) > 0)
    runner.stop()
    with pytest.raises(SinkInterruptedError, match="The broker was away"):
        await run
    await kind.runner().run()
    assert set(kind.durable) == set(VALUES)


async def test_outage_at_the_start_ends_the_run_with_its_cause(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cluster that was never reached may be a wrong address."""

    async def fail() -> None:
        raise SinkInterruptedError("The broker does not answer.")

    monkeypatch.setattr(kind, "open", fail)
    with pytest.raises(SinkInterruptedError, match="The broker does not answer"):
        await kind.runner().run()
    assert kind.meter.total(metrics.INTERRUPTIONS) == 0


@pytest.mark.usefixtures("fast")
async def test_late_result_of_dropped_work_is_not_written(tmp_path: Path) -> None:
    """A value that was in work when the outage began is processed again, and its first result is dropped."""
    kind = _fill(Stateless(tmp_path))
    kind.work.hold(VALUES[4])
    kind.topic.elements.insert(6, Crash(SourceInterruptedError("The group lost this member.")))
    run = asyncio.create_task(kind.runner(poll_records=2).run())
    await _turn_until(lambda: kind.work.started.count(VALUES[4]) == 2)
    kind.work.release()
    await run
    assert kind.durable.count(VALUES[4]) == 1
    assert_each_page_in_order(kind.durable)


@pytest.mark.usefixtures("fast")
async def test_keyed_state_after_an_outage_is_that_of_the_last_checkpoint(tmp_path: Path) -> None:
    """The job counts the values of each page; repeated values do not count twice."""
    kind = Keyed(tmp_path)
    for value in VALUES[:4]:
        kind.topic.append(value)
    await kind.runner().run()
    for value in VALUES[4:]:
        kind.topic.append(value)
    kind.target.fail_with(SinkInterruptedError("The broker was away."))
    await kind.runner(checkpoint_interval=60.0).run()
    assert kind.count_by_page() == {1: 4, 2: 4}
    assert set(kind.durable) == set(VALUES)


async def test_consumed_records_commits_and_lag_are_reported(kind: Kind) -> None:
    """Under the same names for each kind."""
    await kind.runner().run()
    assert kind.meter.total(metrics.EVENTS_CONSUMED) == len(VALUES)
    assert kind.meter.total(metrics.COMMITS) >= 1
    assert kind.meter.by_label(metrics.SOURCE_LAG) == {(P0.topic, str(P0.number)): 0}


async def test_revoked_partition_is_read_again_from_its_commit(tmp_path: Path) -> None:
    """A job without state commits before the partition moves, and drops its records in flight."""
    kind = _fill(Stateless(tmp_path))
    kind.topic.elements.insert(4, Revoke(frozenset({P0})))
    await kind.runner(poll_records=2).run()
    assert set(kind.durable) == set(VALUES)
    assert_each_page_in_order(kind.durable)
    assert kind.topic.committed == {P0: len(VALUES)}


async def test_revoked_partition_ends_the_run_of_a_keyed_job(tmp_path: Path) -> None:
    """Its state cannot move with the partition. The next run loses nothing."""
    kind = _fill(Keyed(tmp_path))
    kind.topic.elements.insert(4, Revoke(frozenset({P0})))
    with pytest.raises(SourceError, match="memory/0 went to another member"):
        await kind.runner(poll_records=2).run()
    await kind.runner().run()
    assert set(kind.durable) == set(VALUES)
    assert_each_page_in_order(kind.durable)


async def test_store_that_went_back_is_brought_up_to_date_in_place(tmp_path: Path) -> None:
    """The job stays open, and the source is opened again at the positions of the store."""
    kind = _fill(Store(tmp_path))
    await kind.runner().run()
    kind.restore(2)
    kind.topic.append(b"1:9")
    kind.target.fail_with(rewound())
    await kind.runner().run()
    assert kind.durable == [*VALUES, b"1:9"]
    assert kind.topic.committed == {P0: len(VALUES) + 1}
    assert (kind.opened, kind.closed, kind.builders) == (2, 2, [])


async def test_keyed_pipeline_is_built_again_in_a_thread_when_its_store_went_back(tmp_path: Path) -> None:
    """The old pipeline is closed before, and the new one decides where it starts."""
    kind = _fill(Keyed(tmp_path))
    await kind.runner().run()
    kind.restore(2)
    kind.topic.append(b"1:9")
    kind.target.fail_with(rewound())
    await kind.runner().run()
    assert set(kind.durable) == {*VALUES, b"1:9"}
    assert_each_page_in_order(kind.durable)
    assert (kind.opened, kind.closed) == (3, 3)
    assert len(kind.builders) == 1
    assert "MainThread" not in kind.builders


async def test_pipeline_that_cannot_be_built_again_ends_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The caller receives the error of the wiki that does not answer, with everything closed once."""
    kind = _fill(Keyed(tmp_path))
    kind.target.fail_with(rewound())

    def fail(*_: object, **__: object) -> None:
        raise ExternalError("The wiki does not answer.")

    monkeypatch.setattr(kind, "build_again", fail)
    with pytest.raises(ExternalError, match="The wiki does not answer"):
        await kind.runner().run()
    assert (kind.opened, kind.closed) == (1, 1)


def _fill(kind: Kind) -> Kind:
    for value in VALUES:
        kind.topic.append(value)
    return kind


async def _turn() -> None:
    for _ in range(TURNS):
        await asyncio.sleep(0)


async def _turn_until(reached: Callable[[], bool]) -> None:
    while not reached():
        await _turn()
