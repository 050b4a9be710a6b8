"""Simulation of a farm of public wikis in virtual time, for the waiting times of changes under the limits of a client.

Pure and repeatable: the real decisions (`Farm`, `WikiQueue`) run with arrivals and responses of a seeded model, so that
ten minutes take a second. Times are seconds since the start.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import accumulate, count
from math import inf
from random import Random
from typing import TYPE_CHECKING, Any

from wikistate.adapters.mediawiki.farm import Farm
from wikistate.adapters.mediawiki.limits import FarmSettings
from wikistate.adapters.mediawiki.queue import QueueEntry, WikiQueue
from wikistate.adapters.mediawiki.wikis import Wiki
from wikistate.core.enrichment.failures import FailureKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from wikistate.adapters.mediawiki.queue import Batch

_LINGER = 0.004
_RETRY_AFTER = 1.0
_TICK = 1e-6
_SKEW = 1.5  # exponent of Zipf's law: the first of 300 wikis has 39 % of the changes, the first five have two thirds


@dataclass(frozen=True, slots=True, kw_only=True)
class FarmScenario:
    """Scenario: a farm and its client.

    Attributes:
        wikis: Number of wikis; their sizes follow Zipf's law.
        change_rate: Changes a second of all wikis.
        seconds: Duration of the changes.
        rate: Requests that the farm accepts in any second; it refuses more with 429.
        concurrency: Concurrent requests that the farm accepts.
        max_batch: Maximum of revisions in a request of the client.
        latency_bound: Latency bound of the client.
        client_rate: Rate limit of the client; None for no limit.
        seed: Seed of arrivals and response times.
    """

    wikis: int = 300
    change_rate: float = 40.0
    seconds: float = 600.0
    rate: int = 5
    concurrency: int = 3
    max_batch: int = 50
    latency_bound: float = 30.0
    client_rate: float | None = 5.0
    seed: int = 20_260_115


@dataclass(slots=True)
class SimulationResult:
    """Result of a simulation.

    Attributes:
        waits: Seconds from the arrival of a change to its response, for changes with a response.
        requests: Number of sent requests.
        refusal_times: Times at which requests were refused.
        unanswered: Number of changes without a response at the end.
    """

    waits: list[float] = field(default_factory=list)
    requests: int = 0
    refusal_times: list[float] = field(default_factory=list)
    unanswered: int = 0

    def wait_quantile(self, share: float) -> float:
        """Return the wait that this share of the changes does not exceed."""
        return sorted(self.waits)[min(len(self.waits) - 1, int(share * len(self.waits)))]


def simulate(scenario: FarmScenario, *, drain: bool = True) -> SimulationResult:
    """Run a simulation.

    Args:
        scenario: See `FarmScenario`.
        drain: Continue until all changes have a response; without it, stop with the last arrival.
    """
    run = _Simulation(scenario)
    while (event := run.next_event()) is not None and (drain or run.now < scenario.seconds):
        event()
    run.outcome.unanswered = run.arrived - len(run.outcome.waits)
    return run.outcome


class _Simulation:
    """Running simulation."""

    def __init__(self, scenario: FarmScenario) -> None:
        self.now = 0.0
        self.arrived = 0
        self.outcome = SimulationResult()
        self._scenario = scenario
        self._random = Random(scenario.seed)
        self._weights = list(accumulate(1 / rank**_SKEW for rank in range(1, scenario.wikis + 1)))
        limits = FarmSettings(
            max_concurrency=scenario.concurrency, rate=scenario.client_rate, latency_bound=scenario.latency_bound
        )
        self._farm = Farm("public", limits)
        self._queues: dict[Any, WikiQueue] = self._farm.queues
        self._accepted_times: deque[float] = deque(maxlen=scenario.rate)
        self._in_service = 0
        self._next_dispatch = 0.0
        self._order = count()
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._schedule(0.0, self._arrive)

    def next_event(self) -> Callable[[], None] | None:
        """Advance the time to the next event and return it; None when there are no more events."""
        if not self._events:
            return None
        self.now, _, event = heappop(self._events)
        return event

    def _schedule(self, moment: float, event: Callable[[], None]) -> None:
        heappush(self._events, (moment, next(self._order), event))

    def _arrive(self) -> None:
        number = self._random.choices(range(self._scenario.wikis), cum_weights=self._weights)[0]
        domain = f"w{number}.example"
        queue = self._queues.get(domain)
        if queue is None:
            wiki = Wiki(domain, "https://public.example", None, "public")
            queue = self._queues[domain] = WikiQueue(wiki, self._scenario.max_batch)
        self.arrived += 1
        asked = self.now
        queue.add(QueueEntry(self.arrived, None, lambda _: self.outcome.waits.append(self.now - asked), asked))
        if (following := self.now + self._random.expovariate(self._scenario.change_rate)) < self._scenario.seconds:
            self._schedule(following, self._arrive)
        self._dispatch()

    def _dispatch(self) -> None:
        while isinstance(chosen := self._farm.next_queue(self.now, _LINGER), WikiQueue):
            self._send(chosen)
        if chosen < self._next_dispatch or self._next_dispatch <= self.now:
            self._next_dispatch = max(chosen, self.now + _TICK)
            if chosen < inf:
                self._schedule(self._next_dispatch, self._dispatch)

    def _send(self, queue: WikiQueue) -> None:
        batch, sent = queue.take(), self.now
        self._farm.rate.reserve(sent)
        self._farm.in_flight += 1
        queue.in_flight += 1
        self.outcome.requests += 1
        delay = self._random.uniform(0.005, 0.03)
        self._schedule(sent + delay, lambda: self._receive(queue, batch, sent))

    def _receive(self, queue: WikiQueue, batch: Batch, sent: float) -> None:
        """Receive a request at the farm: accept it within the limits, refuse it at once above them."""
        crowded = len(self._accepted_times) == self._scenario.rate and self.now - self._accepted_times[0] < 1.0
        if crowded or self._in_service >= self._scenario.concurrency:
            self.outcome.refusal_times.append(self.now)
            self._schedule(self.now + 0.01, lambda: self._refuse(queue, batch, sent))
            return
        self._accepted_times.append(self.now)
        self._in_service += 1
        duration = self._random.uniform(0.05, 0.15) + 0.004 * len(batch)
        self._schedule(self.now + duration, lambda: self._succeed(queue, batch, sent))

    def _succeed(self, queue: WikiQueue, batch: Batch, sent: float) -> None:
        self._in_service -= 1
        for entry in batch:
            if entry.on_done is not None:
                entry.on_done(None)
        self._farm.answered(self.now - sent)
        self._finish(queue)

    def _refuse(self, queue: WikiQueue, batch: Batch, sent: float) -> None:
        kind = FailureKind.TOO_MANY_REQUESTS
        self._farm.failed(queue, kind, sent=sent, now=self.now, wait=_RETRY_AFTER)
        queue.retry_together(batch, self.now + _RETRY_AFTER)
        self._finish(queue)

    def _finish(self, queue: WikiQueue) -> None:
        self._farm.in_flight -= 1
        queue.in_flight -= 1
        if queue.is_idle(self.now):
            del self._queues[queue.wiki.domain]
        self._dispatch()
