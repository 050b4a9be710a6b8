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
"""Seconds: longer than the checkpoint interval of Flink and the commit interval of the local runner."""


def test_slow_first_event_of_a_page_stays_the_first(running: Deployment, wiki: RestartableWiki) -> None:
    """The later events of each page have their responses at once and are written behind it, on all partitions."""
    changes = running.new_changes(pages=8, numbers=5)
    wiki.set_faults(running.case.rule(Delay(SLOW), [change for change in changes if change.number == 1]))
    with running.outputs() as outputs:
        running.write(changes)
        running.wait_until(lambda: len(outputs.changes()) >= len(changes))
        assert sorted(outputs.changes()) == sorted(changes)
        assert_in_order(outputs.changes())


# With transactions it may, because a commit covers a prefix of a partition. On Flink it may, because PyFlink waits for all
# records in flight at the end of each bundle and before each checkpoint, and passes no record meanwhile.
@pytest.mark.parametrize(("runner", "guarantee"), [("local", "AT_LEAST_ONCE")], indirect=True)
def test_slow_page_delays_no_other_page(running: Deployment, wiki: RestartableWiki) -> None:
    """The wiki delays one page until all others are on the sink; then the page is written."""
    slow, *others = running.new_changes(pages=8)
    wiki.set_faults(running.case.rule(running.case.holding_fault, [slow]))
    with running.outputs() as outputs:
        running.write([slow, *others])
        running.wait_until(lambda: set(outputs.changes()) >= set(others))
        assert slow not in outputs.changes()
        wiki.set_faults()
        running.wait_until(lambda: slow in outputs.changes())


def test_slow_responses_are_awaited_concurrently(running: Deployment, wiki: RestartableWiki) -> None:
    """The wiki has eight requests at once: no request waits for the response to another.

    The scenario has sixty events, because they may be read in several polls with a checkpoint between.
    """
    changes = running.new_changes(pages=60)
    wiki.set_faults(running.case.rule(Delay(SLOW), changes))
    with running.outputs() as outputs:
        running.write(changes)
        running.wait_until(lambda: wiki.in_flight >= 8)
        running.wait_until(lambda: len(outputs.changes()) >= len(changes))
        assert sorted(outputs.changes()) == sorted(changes)


def test_responses_slower_than_a_commit_are_written_once(running: Deployment, wiki: RestartableWiki) -> None:
    """Each response takes longer than the commit interval; each event is written once."""
    changes = running.new_changes(pages=10, numbers=2)
    wiki.set_faults(running.case.rule(Delay(SLOW), changes))
    with running.outputs() as outputs:
        running.write(changes)
        running.wait_until(lambda: len(outputs.changes()) >= len(changes))
        assert sorted(outputs.changes()) == sorted(changes)
        assert_in_order(outputs.changes())


def test_repeated_event_is_written_again(running: Deployment) -> None:
    """In the order of the records: a stateless job has no memory of earlier events."""
    first, second = running.new_changes(numbers=2)
    given = [first, first, second, first]
    with running.outputs() as outputs:
        running.write(given)
        running.wait_until(lambda: len(outputs.changes()) >= len(given))
        assert outputs.changes() == given
