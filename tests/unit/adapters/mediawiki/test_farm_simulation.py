"""Simulation of a farm with the limits of public wikis.

It has 300 wikis, 40 changes a second, five requests a second, three at a time.
"""

from __future__ import annotations

from tests.support.farm_simulation import FarmScenario, simulate

SHORT = 150.0


def test_five_requests_a_second_are_enough_within_the_latency_bound() -> None:
    """No change is lost, only a few wait longer than the bound, and the farm never rejects a request."""
    plan = FarmScenario(seconds=SHORT)
    outcome = simulate(plan)
    assert (outcome.unanswered, outcome.refusal_times) == (0, [])
    assert outcome.wait_quantile(0.99) < plan.latency_bound
    assert outcome.wait_quantile(0.5) < 5.0, "most changes are of large wikis, whose batches fill quickly"


def test_impossible_bound_is_served_oldest_first() -> None:
    """No change starves: the longest wait is little more than the time for one round of all waiting revisions."""
    outcome = simulate(FarmScenario(seconds=SHORT, latency_bound=0.0))
    assert (outcome.unanswered, outcome.refusal_times) == (0, [])
    assert outcome.wait_quantile(1.0) < 25.0


def test_single_requests_do_not_keep_up() -> None:
    """Single requests carry five of forty changes a second, so batches are needed."""
    outcome = simulate(FarmScenario(seconds=SHORT, max_batch=1), drain=False)
    assert outcome.unanswered > 0.8 * 40 * SHORT


def test_nothing_waits_if_requests_are_spare() -> None:
    """One change a second: each has a result as soon as the wiki can respond."""
    outcome = simulate(FarmScenario(seconds=SHORT, change_rate=1.0))
    assert outcome.unanswered == 0
    assert outcome.wait_quantile(0.99) < 0.5


def test_client_without_the_rate_of_the_farm_loses_nothing() -> None:
    """It is rejected again and again, pauses as the farm requests, and finishes."""
    outcome = simulate(FarmScenario(seconds=SHORT, client_rate=None))
    assert outcome.refusal_times
    assert outcome.unanswered == 0
