"""Dispatcher of a farm: it sends batches and reports the result of each subject. Each request has one task."""

from __future__ import annotations

import asyncio
import traceback
from dataclasses import dataclass
from math import inf
from time import monotonic
from typing import TYPE_CHECKING, assert_never

import structlog

from wikistate.adapters.http.outages import OUTAGES
from wikistate.adapters.mediawiki.action_api import MAX_REVISIONS
from wikistate.adapters.mediawiki.batch_query import REVISIONS
from wikistate.adapters.mediawiki.queue import Batch, QueueEntry, WikiQueue
from wikistate.adapters.mediawiki.retry_outcomes import GiveUp, Outcome, RetryQueued, RetryTogether
from wikistate.core.enrichment.failures import Failure, FailureKind
from wikistate.core.enrichment.retry import Fail, compute_retry_delay

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Mapping

    from wikistate.adapters.mediawiki.action_api import ParsedResponse
    from wikistate.adapters.mediawiki.batch_query import BatchQuery
    from wikistate.adapters.mediawiki.farm import Farm
    from wikistate.adapters.mediawiki.metrics import FarmMetrics
    from wikistate.adapters.mediawiki.retry_outcomes import RetryContext
    from wikistate.adapters.mediawiki.wiki_api import WikiApi
    from wikistate.adapters.mediawiki.wikis import Wiki

_MAX_STACK_CHARS = 4000
"""Number of characters of a traceback that are logged, counted from its end."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchSettings:
    """Settings of the batches of revisions.

    Attributes:
        max_batch: Largest number of revisions in a request: 1 for single requests, up to 500 for accounts with
            ``apihighlimits``.
        linger: Seconds that an incomplete batch waits for more subjects while its wiki is busy. Without other requests
            nothing waits.
        max_response_bytes: Largest size of a decompressed response. Larger ones are requested in parts.
        maxlag: Seconds of replica lag from which the wiki refuses requests; 5 is the value for clients that can wait.
    """

    max_batch: int = MAX_REVISIONS
    linger: float = 0.004
    max_response_bytes: int = 64 * 1024 * 1024
    maxlag: int = 5


class Dispatcher:
    """Dispatcher of the requests to a farm.

    Args:
        farm: Decides about the next wiki and the time of the next request.
        metrics: Metrics of the farm.
        api_of: Returns the client of a wiki's Action API.
        retry_context: Returns the retry policy with the current time.
        batches: Settings of the batches.
    """

    def __init__(
        self,
        farm: Farm,
        metrics: FarmMetrics,
        *,
        api_of: Callable[[Wiki, FarmMetrics], WikiApi],
        retry_context: Callable[[], RetryContext],
        batches: BatchSettings,
    ) -> None:
        self._farm = farm
        self._metrics = metrics
        self._api_of = api_of
        self._retry_context = retry_context
        self._batches = batches
        self._tasks: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._dispatch_scheduled = False
        self._closed = False
        self._loop = asyncio.get_running_loop()

    def add(self, wiki: Wiki, entry: QueueEntry, batch_query: BatchQuery = REVISIONS) -> None:
        """Add a subject to the queue of its wiki. Subjects added in one iteration of the loop share a request."""
        queue = self._farm.queues.get((wiki.domain, batch_query)) or self._new_queue(wiki, batch_query)
        if queue.breaker.rejects and queue.breaker.ready_at() > monotonic():
            self._loop.call_soon(_complete, entry, _refused(queue))
            return
        queue.add(entry)
        self._farm.waiting += 1
        if not self._dispatch_scheduled:
            self._schedule_dispatch()

    def _new_queue(self, wiki: Wiki, batch_query: BatchQuery) -> WikiQueue:
        queue = WikiQueue(wiki, batch_query.max_subjects or self._batches.max_batch, batch_query)
        queue.breaker = self._farm.breaker_of(wiki.domain)
        for (domain, _), other in self._farm.queues.items():
            if domain == wiki.domain:
                queue.pause = other.pause
        self._farm.queues[wiki.domain, batch_query] = queue
        return queue

    async def close(self) -> None:
        """Cancel all requests; no further callback is called."""
        self._closed = True
        self._cancel_timer()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _schedule_dispatch(self) -> None:
        if not self._dispatch_scheduled:
            self._dispatch_scheduled = True
            self._loop.call_soon(self._dispatch)

    def _dispatch(self) -> None:
        self._dispatch_scheduled = False
        self._cancel_timer()
        if self._closed:
            return
        now = monotonic()
        while isinstance(chosen := self._farm.next_queue(now, self._batches.linger), WikiQueue):
            self._send(chosen, now)
        if chosen < inf:
            self._timer = self._loop.call_later(max(0.0, chosen - now), self._dispatch)
        self._metrics.waiting(self._farm.waiting)
        self._metrics.concurrency(self._farm.concurrency.limit)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _send(self, queue: WikiQueue, now: float) -> None:
        batch = queue.take()
        self._farm.rate.reserve(now)
        self._farm.waiting -= batch.size
        self._farm.in_flight += 1
        queue.in_flight += 1
        is_probe = queue.breaker.sent()
        self._metrics.batch_size(len(batch))
        task = self._loop.create_task(self._run(queue, batch, is_probe=is_probe))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, queue: WikiQueue, batch: Batch, *, is_probe: bool) -> None:
        try:
            await self._fetch(queue, batch)
        except Exception as defect:  # noqa: BLE001  # no defect may lose a revision
            self._fail_with_defect(queue, batch, defect)
        finally:
            if is_probe:
                queue.breaker.dropped()
            self._farm.in_flight -= 1
            queue.in_flight -= 1
            if queue.is_idle(monotonic()):
                self._farm.queues.pop((queue.wiki.domain, queue.batch_query), None)
            self._schedule_dispatch()

    def _fail_with_defect(self, queue: WikiQueue, batch: Batch, defect: Exception) -> None:
        log.error("fetch_defect", wiki=queue.wiki.domain, revisions=len(batch), stack=_format_stack(defect))
        message = f"Defect in wikistate: {type(defect).__name__}: {defect!s:.200}. Please report it."
        for entry in batch:
            _complete(entry, Fail(FailureKind.INTERNAL, message))

    async def _fetch(self, queue: WikiQueue, batch: Batch) -> None:
        """Send a query and its continuations. Results are reported before the next continuation is requested."""
        api = self._api_of(queue.wiki, self._metrics)
        pending = dict(batch.entries)
        continuation: Mapping[str, str] = {}
        parser = queue.batch_query.new_parser()
        while pending:
            sent = monotonic()
            page = await api.fetch_page(queue.batch_query, batch.entries.keys(), continuation, parser=parser)
            if isinstance(page, Failure):
                self._handle_request_failure(queue, pending, page, sent)
                return
            self._farm.answered(monotonic() - sent)
            if queue.breaker.answered():
                OUTAGES.end("wiki", queue.wiki.domain)
                log.info("circuit_closed", wiki=queue.wiki.domain)
            advanced = self._deliver_results(queue, pending, page)
            if not page.continuation:
                self._handle_missing(queue, pending, api.place, alone=len(batch) == 1)
                return
            if not advanced:
                self._handle_stalled_continuation(queue, pending, api.place)
                return
            continuation = page.continuation
            await self._wait_for_rate()

    def _deliver_results(
        self, queue: WikiQueue, pending: dict[Hashable, list[QueueEntry]], page: ParsedResponse
    ) -> bool:
        """Report the results of a page for the pending subjects. Return whether it holds any of them."""
        before = len(pending)
        for subject, result in page.results.items():
            entries = pending.pop(subject, ())
            if not isinstance(result, Failure):
                for entry in entries:
                    _complete(entry, result)
            elif entries:
                self._handle_revision_failure(queue, entries, result)
        return len(pending) < before

    def _handle_missing(
        self, queue: WikiQueue, pending: Mapping[Hashable, list[QueueEntry]], place: str, *, alone: bool
    ) -> None:
        for subject, entries in pending.items():
            failure = queue.batch_query.missing_failure(subject, place)
            self._apply_outcomes(
                queue, self._retry_context().decide_missing_revision(Batch(entries), failure, alone=alone), failure
            )

    def _handle_stalled_continuation(
        self, queue: WikiQueue, pending: Mapping[Hashable, list[QueueEntry]], place: str
    ) -> None:
        detail = (
            f"{place} continues its answer without new results: the revision may be larger than the limit of one answer"
        )
        failure = Failure(FailureKind.STALLED, detail)
        self._apply_outcomes(
            queue, self._retry_context().decide_request_failure(_build_batch(pending), failure), failure
        )

    def _handle_revision_failure(self, queue: WikiQueue, entries: Iterable[QueueEntry], failure: Failure) -> None:
        context = self._retry_context()
        self._apply_outcomes(queue, [context.decide_revision_failure(entry, failure) for entry in entries], failure)

    def _handle_request_failure(
        self, queue: WikiQueue, pending: Mapping[Hashable, list[QueueEntry]], failure: Failure, sent: float
    ) -> None:
        context = self._retry_context()
        pause = compute_retry_delay(failure, attempt=1, policy=context.policy)
        self._farm.failed(queue, failure.kind, sent=sent, now=context.now, wait=pause)
        outcomes = context.decide_request_failure(_build_batch(pending), failure)
        if queue.breaker.failed(failure.kind, pending, now=context.now, jitter=context.jitter):
            OUTAGES.begin("wiki", queue.wiki.domain)
            log.error("circuit_opened", wiki=queue.wiki.domain, reason=failure.detail)
        if queue.breaker.is_open:
            outcomes = self._hold_back(queue, outcomes)
        self._apply_outcomes(queue, outcomes, failure)

    def _hold_back(self, queue: WikiQueue, outcomes: Iterable[Outcome]) -> list[Outcome]:
        """Return the outcomes while the wiki refuses every request: no entry fails because of that, unless it is rejected."""
        if not queue.breaker.rejects:
            return [RetryTogether(Batch((each.entry,)), 0.0) if isinstance(each, GiveUp) else each for each in outcomes]
        waiting = queue.take_all()
        self._farm.waiting -= waiting.size
        entries = [*waiting, *(entry for each in outcomes for entry in _entries_of(each))]
        return [GiveUp(entry, _refused(queue)) for entry in entries]

    def _apply_outcomes(self, queue: WikiQueue, outcomes: Iterable[Outcome], failure: Failure) -> None:
        now = monotonic()
        for outcome in outcomes:
            match outcome:
                case GiveUp(entry, fail):
                    _complete(entry, fail)
                case RetryTogether(batch, after):
                    queue.retry_together(batch, now + after)
                    self._count_retries(batch, failure)
                case RetryQueued(entry, after):
                    queue.requeue(entry, now + after)
                    self._count_retries((entry,), failure)
                case unreachable:
                    assert_never(unreachable)

    def _count_retries(self, entries: Iterable[QueueEntry], failure: Failure) -> None:
        for _ in entries:
            self._farm.waiting += 1
            self._metrics.count_retry(failure.kind)

    async def _wait_for_rate(self) -> None:
        """Wait until the rate limit allows a continuation, which is a request as well."""
        delay = self._farm.rate.reserve(monotonic())  # reserved before the wait, so that other requests come after it
        if delay > 0.0:
            await asyncio.sleep(delay)


def _refused(queue: WikiQueue) -> Fail:
    return Fail(
        queue.breaker.rejection,
        f"{queue.wiki.domain} refuses every request, so this one was not sent. The log names the reason (circuit_opened).",
    )


def _entries_of(outcome: Outcome) -> Iterable[QueueEntry]:
    return outcome.batch if isinstance(outcome, RetryTogether) else (outcome.entry,)


def _build_batch(pending: Mapping[Hashable, list[QueueEntry]]) -> Batch:
    return Batch(entry for entries in pending.values() for entry in entries)


def _complete(entry: QueueEntry, result: object) -> None:
    on_done, entry.on_done = entry.on_done, None
    if on_done is None:
        return
    try:
        on_done(result)
    except Exception as defect:  # noqa: BLE001  # a broken callback must not affect other subjects
        log.error("fetch_callback_defect", subject=repr(entry.subject), stack=_format_stack(defect))  # noqa: TRY400  (`stack` is the traceback)


def _format_stack(defect: Exception) -> str:
    """Return the traceback as text. The logger does not format it, because it may show local variables with secrets."""
    return "".join(traceback.format_exception(defect))[-_MAX_STACK_CHARS:]
