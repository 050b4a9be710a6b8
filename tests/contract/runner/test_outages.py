"""Wikis and brokers that go away and come back, under every runner: nothing is lost, nothing becomes an error."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.contract.runner.outputs import assert_in_order

from wikistate.streaming.record import Role
from wikistate.testing.faults import Delay, Hang, HttpStatus

if TYPE_CHECKING:
    from tests.contract.runner.deployment import Deployment
    from tests.contract.runner.restartable_wiki import RestartableWiki
    from tests.support.broker import KafkaBroker


def test_a_wiki_that_goes_away_and_comes_back_is_waited_for(running: Deployment, wiki: RestartableWiki) -> None:
    """It goes in the middle of its answers, and then refuses connections; every event is enriched all the same."""
    changes = running.new_changes(pages=5, numbers=4)
    wiki.set_faults(running.case.rule(Hang(), changes))
    with running.outputs() as outputs:
        running.write(changes)
        running.wait_until(lambda: wiki.in_flight > 0)
        wiki.stop()
        wiki.start()
        running.wait_until(lambda: len(outputs.changes()) >= len(changes))
        assert sorted(outputs.changes()) == sorted(changes)
        assert_in_order(outputs.changes())
        assert outputs.changes(Role.ERROR) == []


def test_a_wiki_that_asks_for_patience_gets_it(running: Deployment, wiki: RestartableWiki) -> None:
    """It answers 503 with Retry-After to the first requests; every event is enriched all the same."""
    changes = running.new_changes(pages=5, numbers=2)
    wiki.set_faults(running.case.rule(HttpStatus(503, {"Retry-After": "1"}), changes[:5]))
    refused = wiki.stats()["answers"].get("503", 0)
    with running.outputs() as outputs:
        running.write(changes)
        running.wait_until(lambda: wiki.stats()["answers"].get("503", 0) > refused)
        wiki.set_faults()
        running.wait_until(lambda: len(outputs.changes()) >= len(changes))
        assert sorted(outputs.changes()) == sorted(changes)
        assert outputs.changes(Role.ERROR) == []


def test_a_broker_that_goes_away_and_comes_back_is_waited_for(
    running: Deployment, wiki: RestartableWiki, broker: KafkaBroker
) -> None:
    """The very process that lost it goes on, and loses nothing: what was in flight, what was not yet read."""
    changes = running.new_changes(pages=10, numbers=20)
    wiki.set_faults(running.case.rule(Delay(0.1), changes))
    with running.outputs() as outputs, running.outputs(committed=False) as written:
        running.write(changes)
        running.wait_until(lambda: len(written.changes()) >= len(changes) // 4)
        broker.stop()
        running.repeats += 1
        broker.start()
        running.wait_until(lambda: set(outputs.changes()) == set(changes))
        assert_in_order(outputs.changes(), repeats=0 if running.exactly_once else 1)
        assert outputs.changes(Role.ERROR) == []
