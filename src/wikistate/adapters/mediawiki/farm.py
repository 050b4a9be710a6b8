"""A farm: wikis that share limits. Decides which wiki is asked next, and when. Pure; the clock is handed in."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from wikistate.adapters.mediawiki.limits import AdaptiveConcurrency, FarmSettings, Pause, RateLimit
from wikistate.core.enrichment.failures import SlowdownScope, find_failure_rule

if TYPE_CHECKING:
    from wikistate.adapters.mediawiki.batch_query import BatchQuery
    from wikistate.adapters.mediawiki.queue import WikiQueue
    from wikistate.core.enrichment.failures import FailureKind


_IN_TIME = 0.8
"""At this part of the latency bound a revision goes first: the rest is for its turn among others, and for the answer."""


class Farm:
    """The queues of a farm's wikis under its limits.

    Attributes:
        name: For metrics.
        queues: By domain and question; only what has something to do.
        in_flight: Requests that are being made.
        waiting: Subjects that wait to be asked for.
    """

    def __init__(self, name: str, settings: FarmSettings) -> None:
        self.name = name
        self.queues: dict[tuple[str, BatchQuery], WikiQueue] = {}
        self.in_flight = 0
        self.waiting = 0
        self.concurrency = AdaptiveConcurrency(settings.max_concurrency)
        self.rate = RateLimit(settings.rate)
        self.pause = Pause()
        self._slow_answer = settings.slow_answer
        # Without a rate only answers are scarce, and they come the faster the less each carries: oldest first at once.
        self._max_wait = 0.0 if settings.rate is None else settings.latency_bound * _IN_TIME

    def next_queue(self, now: float, linger: float) -> WikiQueue | float:
        """The wiki to ask now, of those that are ready.

        With requests to spare that is whichever has something: nothing waits here that could be sent. Where a rate makes
        requests scarce they go where they carry most, so that the batches of small wikis fill meanwhile; but what has waited for the latency
        bound goes first, oldest first.

        Args:
            now: The time.
            linger: Seconds that a part of a batch waits for company while its wiki is busy.

        Returns:
            A queue; or the time at which to look again, infinity for "when something changes".
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
        """A request was answered well."""
        if seconds < self._slow_answer:
            self.concurrency.succeeded()
        else:
            self.concurrency.slowed()

    def failed(self, queue: WikiQueue, kind: FailureKind, *, sent: float, now: float, wait: float) -> None:
        """A request failed: slow down as its row of the failure table says.

        Args:
            queue: The wiki that was asked.
            kind: What happened.
            sent: When the request was sent.
            now: The time.
            wait: Seconds to pause for.
        """
        scope = find_failure_rule(kind).slowdown
        if scope is SlowdownScope.NOTHING:
            return
        (self.pause if scope is SlowdownScope.FARM else queue.pause).extend(now + wait)
        self.concurrency.overloaded(sent=sent, now=now)
