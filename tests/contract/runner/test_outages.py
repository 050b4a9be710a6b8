"""Outages of wikis and brokers under every runner: no event is lost, none becomes an error event."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.contract.runner.outputs import assert_in_order

from wikistate.streaming.record import Role
from wikistate.testing.faults import Delay, Hang, HttpStatus

if TYPE_CHECKING:
    from tests.contract.runner.deployment import Deployment
    from tests.contract.runner.restartable_wiki import RestartableWiki
    from tests.support.broker import KafkaBroker


def test_outage_of_the_wiki_is_survived(running: Deployment, wiki: RestartableWiki) -> None:
    """The wiki stops in the middle of its responses and then refuses connections; every event is still enriched."""
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


def test_requested_delay_of_the_wiki_is_respected(running: Deployment, wiki: RestartableWiki) -> None:
    """The wiki responds with 503 and Retry-After to the first requests; every event is still enriched."""
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


def test_outage_of_the_broker_is_survived(running: Deployment, wiki: RestartableWiki, broker: KafkaBroker) -> None:
    """The same process continues and loses no record, whether in flight or not read yet."""
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
