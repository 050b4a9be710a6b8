"""Order within a page, concurrency across pages, and nothing remembered, under every runner."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.contract.runner.outputs import assert_in_order

from wikistate.testing.faults import Delay

if TYPE_CHECKING:
    from tests.contract.runner.deployment import Deployment
    from tests.contract.runner.restartable_wiki import RestartableWiki

SLOW = 1.5
"""Seconds: longer than Flink's checkpoints and the local runner's commits are apart."""


def test_a_slow_first_event_of_a_page_stays_the_first(running: Deployment, wiki: RestartableWiki) -> None:
    """The later ones of each page are answered at once and come out behind it, on all partitions."""
    changes = running.new_changes(pages=8, numbers=5)
    wiki.set_faults(running.case.rule(Delay(SLOW), [change for change in changes if change.number == 1]))
    with running.outputs() as outputs:
        running.write(changes)
        running.wait_until(lambda: len(outputs.changes()) >= len(changes))
        assert sorted(outputs.changes()) == sorted(changes)
        assert_in_order(outputs.changes())


# In transactions it may, where a commit covers a prefix of a partition. On Flink it may, because PyFlink waits for all that
# is in flight at the end of each bundle and before each checkpoint, and hands nothing on meanwhile.
@pytest.mark.parametrize(("runner", "guarantee"), [("local", "AT_LEAST_ONCE")], indirect=True)
def test_a_slow_page_keeps_no_other_page_from_being_written(running: Deployment, wiki: RestartableWiki) -> None:
    """The wiki holds one page back until all others have been seen on the sink; only then does it come."""
    slow, *others = running.new_changes(pages=8)
    wiki.set_faults(running.case.rule(running.case.holding_fault, [slow]))
    with running.outputs() as outputs:
        running.write([slow, *others])
        running.wait_until(lambda: set(outputs.changes()) >= set(others))
        assert slow not in outputs.changes()
        wiki.set_faults()
        running.wait_until(lambda: slow in outputs.changes())


def test_slow_answers_are_waited_for_together(running: Deployment, wiki: RestartableWiki) -> None:
    """The wiki has eight requests at once: nobody waits for their neighbour's answer.

    Of sixty, because they may be read in several steps, with a checkpoint between.
    """
    changes = running.new_changes(pages=60)
    wiki.set_faults(running.case.rule(Delay(SLOW), changes))
    with running.outputs() as outputs:
        running.write(changes)
        running.wait_until(lambda: wiki.in_flight >= 8)
        running.wait_until(lambda: len(outputs.changes()) >= len(changes))
        assert sorted(outputs.changes()) == sorted(changes)


def test_answers_that_take_longer_than_a_commit_come_once(running: Deployment, wiki: RestartableWiki) -> None:
    """Each answer of each page takes longer than positions are committed apart; all events arrive, none again."""
    changes = running.new_changes(pages=10, numbers=2)
    wiki.set_faults(running.case.rule(Delay(SLOW), changes))
    with running.outputs() as outputs:
        running.write(changes)
        running.wait_until(lambda: len(outputs.changes()) >= len(changes))
        assert sorted(outputs.changes()) == sorted(changes)
        assert_in_order(outputs.changes())


def test_an_event_that_comes_twice_goes_out_twice(running: Deployment) -> None:
    """In the order in which it came: nothing is remembered of what has passed."""
    first, second = running.new_changes(numbers=2)
    given = [first, first, second, first]
    with running.outputs() as outputs:
        running.write(given)
        running.wait_until(lambda: len(outputs.changes()) >= len(given))
        assert outputs.changes() == given
