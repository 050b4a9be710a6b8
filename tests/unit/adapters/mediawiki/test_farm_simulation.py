"""A farm with the limits of public wikis: 300 wikis, 40 changes a second, five requests a second, three at a time."""

from __future__ import annotations

from tests.support.farm_simulation import FarmScenario, simulate

SHORT = 150.0


def test_scarce_requests_carry_everything_within_the_latency_bound() -> None:
    """No change is lost, none waits longer than the bound but for a few, and the farm never has to refuse."""
    plan = FarmScenario(seconds=SHORT)
    outcome = simulate(plan)
    assert (outcome.unanswered, outcome.refusal_times) == (0, [])
    assert outcome.wait_quantile(0.99) < plan.latency_bound
    assert outcome.wait_quantile(0.5) < 5.0, "most changes are of large wikis, whose batches fill quickly"


def test_a_bound_that_cannot_be_kept_is_served_oldest_first() -> None:
    """Nothing starves: the longest wait is little more than what a round of all that wait takes."""
    outcome = simulate(FarmScenario(seconds=SHORT, latency_bound=0.0))
    assert (outcome.unanswered, outcome.refusal_times) == (0, [])
    assert outcome.wait_quantile(1.0) < 25.0


def test_one_revision_a_request_falls_behind() -> None:
    """Five a second of forty: what batches are for."""
    outcome = simulate(FarmScenario(seconds=SHORT, max_batch=1), drain=False)
    assert outcome.unanswered > 0.8 * 40 * SHORT


def test_with_requests_to_spare_nothing_waits() -> None:
    """One change a second: each is answered as soon as the wiki can."""
    outcome = simulate(FarmScenario(seconds=SHORT, change_rate=1.0))
    assert outcome.unanswered == 0
    assert outcome.wait_quantile(0.99) < 0.5


def test_a_client_that_was_not_told_the_limit_loses_nothing() -> None:
    """It is refused again and again, pauses as the farm asks, and comes through."""
    outcome = simulate(FarmScenario(seconds=SHORT, client_rate=None))
    assert outcome.refusal_times
    assert outcome.unanswered == 0
