"""The declared metrics, served by each runner."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.contract.runner.jobs import PoisonRecord

from wikistate.streaming.record import Role
from wikistate.telemetry import metrics
from wikistate.testing.faults import HttpStatus

if TYPE_CHECKING:
    from tests.contract.runner.deployment import Deployment
    from tests.contract.runner.restartable_wiki import RestartableWiki


def counts(running: Deployment) -> dict[str, int]:
    """Return the counters of records and events."""
    return {
        "consumed": running.counter_total(metrics.EVENTS_CONSUMED),
        "filtered": running.counter_total(metrics.EVENTS_FILTERED),
        "produced": running.counter_total(metrics.EVENTS_PRODUCED),
        "to the sink": running.counter_total(metrics.EVENTS_PRODUCED, Role.SINK),
        "to the error stream": running.counter_total(metrics.EVENTS_PRODUCED, Role.ERROR),
        "errors": running.counter_total(metrics.EVENTS_ERRORS),
        "of poison": running.counter_total(metrics.EVENTS_ERRORS, "NotJson"),
    }


def wait_for_counts(running: Deployment) -> dict[str, int]:
    """Return the counts when they include all consumed records: a runner may report later than it writes."""
    running.wait_until(lambda: running.counter_total(metrics.EVENTS_CONSUMED) == counts_out(running))
    return counts(running)


def counts_out(running: Deployment) -> int:
    """Return the number of records that were written or filtered."""
    return running.counter_total(metrics.EVENTS_PRODUCED) + running.counter_total(metrics.EVENTS_FILTERED)


def test_records_and_outputs_are_counted(running: Deployment, wiki: RestartableWiki) -> None:
    """Under the declared names: four changes, one of which fails, a poison record and a tombstone."""
    first, *changes = running.new_changes(numbers=5)
    wiki.set_faults(running.case.rule(HttpStatus(404), changes[:1]))
    running.failed_changes.update(changes[:1])
    with running.outputs() as outputs:
        running.write([first])  # before it is written, the job may not serve metrics yet
        running.wait_until(lambda: outputs.changes() == [first])
        before = wait_for_counts(running)
        running.write([*changes, PoisonRecord(first.page, b"{not json"), PoisonRecord(first.page, None)])
        running.wait_until(lambda: len(outputs.read()) >= 6)
    expected = {
        "consumed": 6,
        "filtered": 1,
        "produced": 5,
        "to the sink": 3,
        "to the error stream": 2,
        "errors": 2,
        "of poison": 1,
    }
    running.wait_until(lambda: counts(running) == {name: before[name] + more for name, more in expected.items()})
