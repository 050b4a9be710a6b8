"""A simulated farm of public wikis, with and without batches: the lag of a client under the limits of the farm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.support.farm_simulation import FarmScenario, simulate

from bench.figures import Figure, Target

if TYPE_CHECKING:
    from bench.stage import Stage

FIRST_MINUTE = 60.0


@dataclass(frozen=True, slots=True)
class FarmUse:
    """Ten virtual minutes of 300 wikis: 40 changes/s, 5 requests/s, 3 at a time, 429 above these limits.

    Attributes:
        latency_bound: Latency bound of the client, in seconds.
        lost: Changes without a response at the end.
        refused: Requests that got a 429 after the first minute.
        waits: Waiting times in seconds that half, 90 % and 99 % of the changes did not exceed.
        revisions: Average number of revisions in a request.
        behind: Share of the changes that wait after the last arrival: with batches, and with one revision a request.
    """

    latency_bound: float
    lost: int
    refused: int
    waits: tuple[float, float, float]
    revisions: float
    behind: tuple[float, float]

    def figures(self) -> list[Figure]:
        """See `Result`."""
        half, most, nearly_all = self.waits
        return [
            Figure("changes lost", self.lost, "changes", Target(at_most=0)),
            Figure("429 after the first minute", self.refused, "requests", Target(at_most=0)),
            Figure("wait, p50", half, "s"),
            Figure("wait, p90", most, "s"),
            Figure("wait, p99", nearly_all, "s", Target(at_most=self.latency_bound)),
            Figure("revisions a request", self.revisions, "revisions"),
            Figure("behind at the end, with batches", 100 * self.behind[0], "%"),
            Figure("behind at the end, one revision a request", 100 * self.behind[1], "%", Target(at_least=50)),
        ]


async def measure_farm(stage: Stage) -> FarmUse:
    """Simulate both ways with the same arrivals."""
    scenario = FarmScenario(seconds=stage.sizes.farm_seconds)
    whole = simulate(scenario)
    batched = simulate(scenario, drain=False)
    single = simulate(FarmScenario(seconds=scenario.seconds, max_batch=1), drain=False)
    return FarmUse(
        latency_bound=scenario.latency_bound,
        lost=whole.unanswered,
        refused=sum(moment > FIRST_MINUTE for moment in whole.refusal_times),
        waits=(whole.wait_quantile(0.5), whole.wait_quantile(0.9), whole.wait_quantile(0.99)),
        revisions=len(whole.waits) / whole.requests,
        behind=(_behind(batched.unanswered, len(batched.waits)), _behind(single.unanswered, len(single.waits))),
    )


def _behind(waiting: int, answered: int) -> float:
    return waiting / (waiting + answered)
