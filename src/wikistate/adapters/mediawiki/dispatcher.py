"""Sends a farm's batches and tells what became of each subject. One task for each request."""

from __future__ import annotations

import asyncio
import traceback
from dataclasses import dataclass
from math import inf
from time import monotonic
from typing import TYPE_CHECKING, assert_never

import structlog

from wikistate.adapters.mediawiki.action_api import MAX_REVISIONS
from wikistate.adapters.mediawiki.question import REVISIONS
from wikistate.adapters.mediawiki.queue import Batch, Entry, WikiQueue
from wikistate.adapters.mediawiki.settle import Kept, Outcome, Readded, Told
from wikistate.core.enrichment.failures import Failure, FailureKind
from wikistate.core.enrichment.judge import Fail, wait

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Mapping

    from wikistate.adapters.mediawiki.action_api import Page
    from wikistate.adapters.mediawiki.farm import Farm
    from wikistate.adapters.mediawiki.measures import FarmMeasures
    from wikistate.adapters.mediawiki.question import Question
    from wikistate.adapters.mediawiki.settle import Judge
    from wikistate.adapters.mediawiki.wiki_api import WikiApi
    from wikistate.adapters.mediawiki.wikis import Wiki

_STACK = 4000
"""Characters of a traceback that are logged, from its end."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchSettings:
    """How revisions are gathered into requests.

    Attributes:
        max_batch: Revisions in a request: 1 for single requests, up to 500 for accounts with ``apihighlimits``.
        linger: Seconds that a part of a batch waits for company while its wiki is busy. Nothing waits otherwise.
        max_response_bytes: What an answer may have, decompressed. Larger ones are asked for in parts.
        maxlag: Seconds of replica lag from which on the wiki shall refuse; 5 is what clients that can wait should say.
    """

    max_batch: int = MAX_REVISIONS
    linger: float = 0.004
    max_response_bytes: int = 64 * 1024 * 1024
    maxlag: int = 5


class Dispatcher:
    """A farm at work.

    Args:
        farm: Decides which wiki is asked next, and when.
        measures: Of the farm.
        api_of: The Action API of a wiki.
        judge_now: The retry policy as it applies at this moment.
        batches: How revisions are gathered.
    """

    def __init__(
        self,
        farm: Farm,
        measures: FarmMeasures,
        *,
        api_of: Callable[[Wiki, FarmMeasures], WikiApi],
        judge_now: Callable[[], Judge],
        batches: BatchSettings,
    ) -> None:
        self._farm = farm
        self._measures = measures
        self._api_of = api_of
        self._judge_now = judge_now
        self._batches = batches
        self._tasks: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._woken = False
        self._closed = False
        self._loop = asyncio.get_running_loop()

    def add(self, wiki: Wiki, entry: Entry, question: Question = REVISIONS) -> None:
        """Put a subject in its wiki's line. What is added in one tick of the loop goes together."""
        queue = self._farm.queues.get((wiki.domain, question)) or self._new_queue(wiki, question)
        queue.add(entry)
        self._farm.waiting += 1
        if not self._woken:
            self._wake()

    def _new_queue(self, wiki: Wiki, question: Question) -> WikiQueue:
        queue = WikiQueue(wiki, question.most or self._batches.max_batch, question)
        for (domain, _), other in self._farm.queues.items():
            if domain == wiki.domain:
                queue.pause = other.pause
        self._farm.queues[wiki.domain, question] = queue
        return queue

    async def close(self) -> None:
        """Abandon everything."""
        self._closed = True
        self._disarm()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _wake(self) -> None:
        if not self._woken:
            self._woken = True
            self._loop.call_soon(self._dispatch)

    def _dispatch(self) -> None:
        self._woken = False
        self._disarm()
        if self._closed:
            return
        now = monotonic()
        while isinstance(chosen := self._farm.choose(now, self._batches.linger), WikiQueue):
            self._send(chosen, now)
        if chosen < inf:
            self._timer = self._loop.call_later(max(0.0, chosen - now), self._dispatch)
        self._measures.waiting(self._farm.waiting)
        self._measures.concurrency(self._farm.concurrency.limit)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _send(self, queue: WikiQueue, now: float) -> None:
        batch = queue.take()
        self._farm.rate.take(now)
        self._farm.waiting -= batch.size
        self._farm.in_flight += 1
        queue.in_flight += 1
        self._measures.batch_size(len(batch))
        task = self._loop.create_task(self._run(queue, batch))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, queue: WikiQueue, batch: Batch) -> None:
        try:
            await self._fetch(queue, batch)
        except Exception as defect:  # noqa: BLE001  # whatever breaks here must not lose a revision
            self._confess(queue, batch, defect)
        finally:
            self._farm.in_flight -= 1
            queue.in_flight -= 1
            if queue.idle(monotonic()):
                self._farm.queues.pop((queue.wiki.domain, queue.question), None)
            self._wake()

    def _confess(self, queue: WikiQueue, batch: Batch, defect: Exception) -> None:
        log.error("fetch_defect", wiki=queue.wiki.domain, revisions=len(batch), stack=_stack(defect))
        message = f"A defect of wikistate: {type(defect).__name__}: {defect!s:.200}. Please report it."
        for entry in batch:
            _tell(entry, Fail(FailureKind.INTERNAL, message))

    async def _fetch(self, queue: WikiQueue, batch: Batch) -> None:
        """One query with all its continuations. What an answer settles is told before the next is asked for."""
        api = self._api_of(queue.wiki, self._measures)
        left = dict(batch.entries)
        continuation: Mapping[str, str] = {}
        read = queue.question.reading()
        while left:
            sent = monotonic()
            page = await api.page(queue.question, batch.entries.keys(), continuation, read=read)
            if isinstance(page, Failure):
                self._request_failed(queue, left, page, sent)
                return
            self._farm.answered(monotonic() - sent)
            advanced = self._settle(queue, left, page)
            if not page.continuation:
                self._settle_absent(queue, left, api.place, alone=len(batch) == 1)
                return
            if not advanced:
                self._stalled(queue, left, api.place)
                return
            continuation = page.continuation
            await self._await_rate()

    def _settle(self, queue: WikiQueue, left: dict[Hashable, list[Entry]], page: Page) -> bool:
        """Tell what the page says of those that are left. Whether it says anything."""
        before = len(left)
        for subject, result in page.results.items():
            entries = left.pop(subject, ())
            if not isinstance(result, Failure):
                for entry in entries:
                    _tell(entry, result)
            elif entries:
                self._revision_failed(queue, entries, result)
        return len(left) < before

    def _settle_absent(
        self, queue: WikiQueue, left: Mapping[Hashable, list[Entry]], place: str, *, alone: bool
    ) -> None:
        for subject, entries in left.items():
            failure = queue.question.unknown(subject, place)
            self._apply(queue, self._judge_now().revision_absent(Batch(entries), failure, alone=alone), failure)

    def _stalled(self, queue: WikiQueue, left: Mapping[Hashable, list[Entry]], place: str) -> None:
        detail = f"{place} continues its answer without advancing: the revision may be larger than one answer may be"
        failure = Failure(FailureKind.STALLED, detail)
        self._apply(queue, self._judge_now().request_failed(_batch(left), failure), failure)

    def _revision_failed(self, queue: WikiQueue, entries: Iterable[Entry], failure: Failure) -> None:
        judge = self._judge_now()
        self._apply(queue, [judge.revision_failed(entry, failure) for entry in entries], failure)

    def _request_failed(
        self, queue: WikiQueue, left: Mapping[Hashable, list[Entry]], failure: Failure, sent: float
    ) -> None:
        judge = self._judge_now()
        pause = wait(failure, attempt=1, policy=judge.policy)
        self._farm.failed(queue, failure.kind, sent=sent, now=judge.now, wait=pause)
        self._apply(queue, judge.request_failed(_batch(left), failure), failure)

    def _apply(self, queue: WikiQueue, outcomes: Iterable[Outcome], failure: Failure) -> None:
        now = monotonic()
        for outcome in outcomes:
            match outcome:
                case Told(entry, verdict):
                    _tell(entry, verdict)
                case Kept(batch, after):
                    queue.keep(batch, now + after)
                    self._waits(batch, failure)
                case Readded(entry, after):
                    queue.readd(entry, now + after)
                    self._waits((entry,), failure)
                case unreachable:
                    assert_never(unreachable)

    def _waits(self, entries: Iterable[Entry], failure: Failure) -> None:
        for _ in entries:
            self._farm.waiting += 1
            self._measures.retried(failure.kind)

    async def _await_rate(self) -> None:
        """A continuation is a request, too."""
        delay = self._farm.rate.take(monotonic())  # before the wait: what others send meanwhile comes after it
        if delay > 0.0:
            await asyncio.sleep(delay)


def _batch(left: Mapping[Hashable, list[Entry]]) -> Batch:
    return Batch(entry for entries in left.values() for entry in entries)


def _tell(entry: Entry, result: object) -> None:
    done, entry.done = entry.done, None
    if done is None:
        return
    try:
        done(result)
    except Exception as defect:  # noqa: BLE001  # the one who asked is broken; its neighbours are not
        log.error("fetch_callback_defect", subject=repr(entry.subject), stack=_stack(defect))  # noqa: TRY400  (`stack` is the traceback)


def _stack(defect: Exception) -> str:
    """The traceback as text. Not left to the logger, which may show local variables, and secrets among them."""
    return "".join(traceback.format_exception(defect))[-_STACK:]
