"""Crash and resume, stop and resume, under every runner."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tests.contract.runner.outputs import assert_in_order
from tests.contract.runner.runs import wait_until

from wikistate.testing.faults import Hang

if TYPE_CHECKING:
    from tests.contract.runner.deployment import Deployment
    from tests.contract.runner.restartable_wiki import RestartableWiki


def test_crash_loses_nothing(running: Deployment, wiki: RestartableWiki) -> None:
    """SIGKILL in the middle: committed outputs are not repeated, the others are written, each page in order.

    Exactly once: each event once. At least once: each event once, or again if it was written and not committed.
    """
    changes = running.new_changes(pages=10, numbers=20)
    committed, flowing, stuck = changes[:50], changes[50:150], changes[150:]
    with running.outputs() as outputs:
        running.write(committed)
        running.wait_until_durable(outputs, committed)
        wiki.set_faults(running.case.rule(Hang(), stuck))
        running.write([*flowing, *stuck])
        running.wait_until(lambda: wiki.in_flight > 0)
        running.kill()
        wiki.set_faults()
        running.start()
        running.wait_until(lambda: set(outputs.changes()) == set(changes))
        seen = Counter(outputs.changes())
        assert_in_order(outputs.changes(), repeats=0 if running.exactly_once else 1)
    assert [change for change in committed if seen[change] > 1] == []
    if running.exactly_once:
        assert seen == Counter(changes)


def test_stop_finishes_events_in_flight(running: Deployment, wiki: RestartableWiki) -> None:
    """SIGTERM while the wiki is slow: exit code 0, events in flight are written and committed, and none is repeated."""
    changes = running.new_changes(pages=8, numbers=2)
    wiki.set_faults(running.case.rule(Hang(), changes))
    with running.outputs() as outputs:
        running.write(changes)
        running.wait_until(lambda: wiki.in_flight > 0)
        running.run.terminate()
        assert outputs.changes() == []
        wiki.set_faults()
        assert running.run.wait() == 0
        wait_until(lambda: outputs.changes() != [], lambda: "no event that was in flight is written")
        running.start()
        running.wait_until(lambda: set(outputs.changes()) == set(changes))
        more = [change._replace(number=3) for change in changes[:8]]
        running.write(more)
        running.wait_until(lambda: set(outputs.changes()) >= set(more))
        assert Counter(outputs.changes()) == Counter([*changes, *more])
        assert_in_order(outputs.changes())
