"""A farm of public wikis in virtual time: what a client with our limits gets from it, and how long changes wait.

Pure and repeatable: the farm's own decisions (`Farm`, `WikiQueue`) run against arrivals and answers of a seeded model, so
that ten minutes take a second. Times are seconds since the start.
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
_SKEW = 1.5  # of Zipf's law: the first of 300 wikis makes 39 % of the changes, the first five two thirds


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicFarm:
    """The farm and its client.

    Attributes:
        wikis: How many there are; their sizes follow Zipf's law.
        changes: Of all wikis, a second.
        seconds: For how long changes come.
        rate: Requests in any second that the farm answers; more are refused with 429.
        concurrency: Requests at the same time that it answers.
        max_batch: Revisions that the client puts into a request.
        latency_bound: Of the client.
        asked_rate: What the client keeps to; None: it was not told.
        seed: Of arrivals and answer times.
    """

    wikis: int = 300
    changes: float = 40.0
    seconds: float = 600.0
    rate: int = 5
    concurrency: int = 3
    max_batch: int = 50
    latency_bound: float = 30.0
    asked_rate: float | None = 5.0
    seed: int = 20_260_115


@dataclass(slots=True)
class Outcome:
    """What became of the changes.

    Attributes:
        waits: Seconds from a change's arrival to its answer, of those that were answered.
        requests: How many were sent.
        refused: When a request was refused.
        left: Changes without an answer at the end.
    """

    waits: list[float] = field(default_factory=list)
    requests: int = 0
    refused: list[float] = field(default_factory=list)
    left: int = 0

    def wait(self, share: float) -> float:
        """The wait that this share of the changes does not pass."""
        return sorted(self.waits)[min(len(self.waits) - 1, int(share * len(self.waits)))]


def simulate(plan: PublicFarm, *, drain: bool = True) -> Outcome:
    """Let changes come, and see.

    Args:
        plan: See `PublicFarm`.
        drain: Go on until everything is answered; otherwise stop with the last arrival.
    """
    run = _Run(plan)
    while (happening := run.next()) is not None and (drain or run.now < plan.seconds):
        happening()
    run.outcome.left = run.arrived - len(run.outcome.waits)
    return run.outcome


class _Run:
    """One simulation."""

    def __init__(self, plan: PublicFarm) -> None:
        self.now = 0.0
        self.arrived = 0
        self.outcome = Outcome()
        self._plan = plan
        self._random = Random(plan.seed)
        self._weights = list(accumulate(1 / rank**_SKEW for rank in range(1, plan.wikis + 1)))
        limits = FarmSettings(max_concurrency=plan.concurrency, rate=plan.asked_rate, latency_bound=plan.latency_bound)
        self._farm = Farm("public", limits)
        self._queues: dict[Any, WikiQueue] = self._farm.queues
        self._served: deque[float] = deque(maxlen=plan.rate)
        self._busy = 0
        self._looks_at = 0.0
        self._order = count()
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._at(0.0, self._arrive)

    def next(self) -> Callable[[], None] | None:
        """Move to the next thing that happens; None when nothing will."""
        if not self._events:
            return None
        self.now, _, happening = heappop(self._events)
        return happening

    def _at(self, moment: float, happening: Callable[[], None]) -> None:
        heappush(self._events, (moment, next(self._order), happening))

    def _arrive(self) -> None:
        number = self._random.choices(range(self._plan.wikis), cum_weights=self._weights)[0]
        domain = f"w{number}.example"
        queue = self._queues.get(domain)
        if queue is None:
            wiki = Wiki(domain, "https://public.example", None, "public")
            queue = self._queues[domain] = WikiQueue(wiki, self._plan.max_batch)
        self.arrived += 1
        asked = self.now
        queue.add(QueueEntry(self.arrived, None, lambda _: self.outcome.waits.append(self.now - asked), asked))
        if (following := self.now + self._random.expovariate(self._plan.changes)) < self._plan.seconds:
            self._at(following, self._arrive)
        self._dispatch()

    def _dispatch(self) -> None:
        while isinstance(chosen := self._farm.next_queue(self.now, _LINGER), WikiQueue):
            self._send(chosen)
        if chosen < self._looks_at or self._looks_at <= self.now:
            self._looks_at = max(chosen, self.now + _TICK)
            if chosen < inf:
                self._at(self._looks_at, self._dispatch)

    def _send(self, queue: WikiQueue) -> None:
        batch, sent = queue.take(), self.now
        self._farm.rate.reserve(sent)
        self._farm.in_flight += 1
        queue.in_flight += 1
        self.outcome.requests += 1
        travels = self._random.uniform(0.005, 0.03)
        self._at(sent + travels, lambda: self._judge(queue, batch, sent))

    def _judge(self, queue: WikiQueue, batch: Batch, sent: float) -> None:
        """The farm's side: within its limits a request is answered, beyond them refused at once."""
        crowded = len(self._served) == self._plan.rate and self.now - self._served[0] < 1.0
        if crowded or self._busy >= self._plan.concurrency:
            self.outcome.refused.append(self.now)
            self._at(self.now + 0.01, lambda: self._refused(queue, batch, sent))
            return
        self._served.append(self.now)
        self._busy += 1
        works = self._random.uniform(0.05, 0.15) + 0.004 * len(batch)
        self._at(self.now + works, lambda: self._answered(queue, batch, sent))

    def _answered(self, queue: WikiQueue, batch: Batch, sent: float) -> None:
        self._busy -= 1
        for entry in batch:
            if entry.on_done is not None:
                entry.on_done(None)
        self._farm.answered(self.now - sent)
        self._ended(queue)

    def _refused(self, queue: WikiQueue, batch: Batch, sent: float) -> None:
        kind = FailureKind.TOO_MANY_REQUESTS
        self._farm.failed(queue, kind, sent=sent, now=self.now, wait=_RETRY_AFTER)
        queue.retry_together(batch, self.now + _RETRY_AFTER)
        self._ended(queue)

    def _ended(self, queue: WikiQueue) -> None:
        self._farm.in_flight -= 1
        queue.in_flight -= 1
        if queue.is_idle(self.now):
            del self._queues[queue.wiki.domain]
        self._dispatch()
