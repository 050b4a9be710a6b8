"""Farm of wikis that share limits. It chooses the next wiki and the time of the next request. Pure; time is a parameter."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from wikistate.adapters.mediawiki.limits import AdaptiveConcurrency, FarmSettings, Pause, RateLimit
from wikistate.core.enrichment.circuit_breaker import BreakerSettings, CircuitBreaker
from wikistate.core.enrichment.failures import RetryRule, SlowdownScope, find_failure_rule

if TYPE_CHECKING:
    from wikistate.adapters.mediawiki.batch_query import BatchQuery
    from wikistate.adapters.mediawiki.queue import WikiQueue
    from wikistate.core.enrichment.failures import FailureKind


_IN_TIME = 0.8
"""Share of the latency bound after which a revision has priority; the rest remains for other such revisions and the answer."""


_MAX_BREAKERS = 4096


class Farm:
    """Queues of the wikis of a farm, and the limits that they share.

    Attributes:
        name: Name of the farm, for metrics.
        queues: Queues by domain and query; only those that have work.
        in_flight: Number of requests in flight.
        waiting: Number of subjects that wait for a request.
    """

    def __init__(self, name: str, settings: FarmSettings, breaker: BreakerSettings | None = None) -> None:
        self.name = name
        self.queues: dict[tuple[str, BatchQuery], WikiQueue] = {}
        self.in_flight = 0
        self.waiting = 0
        self.concurrency = AdaptiveConcurrency(settings.max_concurrency)
        self.rate = RateLimit(settings.rate)
        self.pause = Pause()
        self._breakers: dict[str, CircuitBreaker] = {}
        self._breaker_settings = breaker or BreakerSettings()
        self._slow_answer = settings.slow_answer
        # Without a rate only answers are scarce, and small ones arrive sooner: the oldest subject always goes first.
        self._max_wait = 0.0 if settings.rate is None else settings.latency_bound * _IN_TIME

    def breaker_of(self, domain: str) -> CircuitBreaker:
        """Return the circuit breaker of a wiki. It outlives the queue, which is dropped while nothing waits."""
        breaker = self._breakers.get(domain)
        if breaker is None:
            if len(self._breakers) >= _MAX_BREAKERS:  # a stream of invented subdomains must not fill the memory
                still_open = [(name, each) for name, each in self._breakers.items() if each.is_open]
                self._breakers = dict(still_open[-_MAX_BREAKERS // 2 :])  # the oldest are forgotten
            breaker = self._breakers[domain] = CircuitBreaker(self._breaker_settings)
        return breaker

    def next_queue(self, now: float, linger: float) -> WikiQueue | float:
        """Choose the wiki of the next request, of those that are ready.

        Without a rate, any wiki with a subject is chosen: nothing waits that could be sent. With a rate, requests are
        scarce and go to the fullest batch, while the batches of small wikis fill. Subjects that have waited for the
        latency bound go first, oldest first.

        Args:
            now: Current time.
            linger: Seconds that an incomplete batch waits for more subjects while its wiki is busy.

        Returns:
            The queue, or the time of the next call; infinity to wait for a change.
        """
        if self.in_flight >= self.concurrency.limit:
            return inf
        allowed = max(self.pause.until, now + self.rate.delay(now))
        if allowed > now:
            return allowed if self.queues else inf
        oldest: WikiQueue | None = None
        fullest: WikiQueue | None = None
        next_time = inf
        for queue in self.queues.values():
            queue.promote_due(now)
            ready = queue.ready_at(linger)
            if ready > now:
                next_time = min(next_time, ready)
                continue
            if oldest is None or queue.oldest < oldest.oldest:
                oldest = queue
            if fullest is None or queue.next_batch_size > fullest.next_batch_size:
                fullest = queue
        if oldest is None or fullest is None:
            return next_time
        return oldest if now - oldest.oldest >= self._max_wait else fullest

    def answered(self, seconds: float) -> None:
        """Note a good answer that took some seconds."""
        if seconds < self._slow_answer:
            self.concurrency.succeeded()
        else:
            self.concurrency.slowed()

    def failed(self, queue: WikiQueue, kind: FailureKind, *, sent: float, now: float, wait: float) -> None:
        """Slow down after a failed request, as the table of failures says.

        Args:
            queue: Queue of the wiki.
            kind: Kind of the failure.
            sent: Time of the request.
            now: Current time.
            wait: Length of the pause in seconds.
        """
        rule = find_failure_rule(kind)
        scope = rule.slowdown
        if rule.retry_rule is RetryRule.UNTIL_SUCCESS:  # no request was sent, so its wiki waits at its concurrency
            queue.pause.extend(now + wait)
        if scope is SlowdownScope.NOTHING:
            return
        (self.pause if scope is SlowdownScope.FARM else queue.pause).extend(now + wait)
        self.concurrency.overloaded(sent=sent, now=now)
