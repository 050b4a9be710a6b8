"""Scenarios for Flink alone: savepoints over its REST interface, and another parallelism after one."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
from tests.contract.runner.flink_rest import FlinkRest
from tests.contract.runner.outputs import assert_in_order

from wikistate.testing.faults import Delay

if TYPE_CHECKING:
    from tests.contract.runner.deployment import Deployment
    from tests.contract.runner.jobs import Change
    from tests.contract.runner.restartable_wiki import RestartableWiki

pytestmark = pytest.mark.flink

flink_alone = pytest.mark.parametrize("runner", ["flink"], indirect=True)
exactly_once = pytest.mark.parametrize("guarantee", ["EXACTLY_ONCE"], indirect=True)
PAGES, NUMBERS = 8, 10


def write_and_stop(running: Deployment, changes: list[Change], parallelism: int) -> None:
    """Write changes, and stop the job over REST when the first of them are written."""
    with running.outputs(committed=False) as written:
        running.write(changes)
        running.wait_until(lambda: len(written.changes()) > 0)
    rest = FlinkRest(running.port)
    assert set(rest.parallelism().values()) == {parallelism}
    assert rest.stop_with_savepoint()
    assert running.run.wait() == 0


@flink_alone
@exactly_once
def test_job_resumes_from_a_savepoint_with_another_parallelism(running: Deployment, wiki: RestartableWiki) -> None:
    """Stopped over REST in the middle of the stream, from 1 to 2 and back to 1: each event once, each page in order."""
    changes = running.new_changes(pages=PAGES, numbers=3 * NUMBERS)
    first, second, third = (changes[part * PAGES * NUMBERS :][: PAGES * NUMBERS] for part in range(3))
    wiki.set_faults(running.case.rule(Delay(0.1), changes))
    with running.outputs() as outputs:
        write_and_stop(running, first, parallelism=1)
        running.start(flink__parallelism__default=2)
        write_and_stop(running, second, parallelism=2)
        running.start()
        running.write(third)
        running.wait_until(lambda: len(outputs.changes()) >= len(changes))
        assert Counter(outputs.changes()) == Counter(changes)
        assert_in_order(outputs.changes())


@flink_alone
@exactly_once
def test_fewer_readers_than_workers_keep_each_page_in_order(stopped: Deployment, wiki: RestartableWiki) -> None:
    """One subtask reads, two execute: all records of a page go to the same one."""
    changes = stopped.new_changes(pages=PAGES, numbers=NUMBERS)
    wiki.set_faults(stopped.case.rule(Delay(0.5), [change for change in changes if change.number % 3 == 1]))
    stopped.start(stream_manager__source__parallelism=1, flink__parallelism__default=2)
    with stopped.outputs() as outputs:
        stopped.write(changes)
        stopped.wait_until(lambda: len(outputs.changes()) >= len(changes))
        assert sorted(outputs.changes()) == sorted(changes)
        assert_in_order(outputs.changes())
    assert set(FlinkRest(stopped.port).parallelism().values()) == {1, 2}
