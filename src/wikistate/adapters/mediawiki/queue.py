"""The queue of a wiki: it coalesces subjects into batches and schedules retries. Pure.

All times are seconds of one monotonic clock, and parameters.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from math import inf
from typing import TYPE_CHECKING, Any

from wikistate.adapters.mediawiki.batch_query import REVISIONS
from wikistate.adapters.mediawiki.limits import Pause
from wikistate.core.enrichment.circuit_breaker import BreakerSettings, CircuitBreaker

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator

    from wikistate.adapters.mediawiki.batch_query import BatchQuery
    from wikistate.adapters.mediawiki.wikis import Wiki

    OnDone = Callable[[Any], None]
    """Callback for the result of one subject, an answer or a `Fail`: called exactly once, on the loop's thread."""


class QueueEntry:
    """Requested subject, mostly a revision.

    It is a plain class with slots and not a dataclass, because one is created for each event and its counters change.

    Attributes:
        subject: Revision id, or another subject of a query.
        event_time: Time of the event, seconds since the epoch; None if it is unknown.
        on_done: Callback for the result; None after the call.
        requested_at: Time of the request of the caller.
        ready_since: Time since which the subject could be sent.
        attempts: Number of failed attempts that count against the limit.
        not_found_count: Number of answers without the revision while its event was recent.
    """

    __slots__ = ("attempts", "event_time", "not_found_count", "on_done", "ready_since", "requested_at", "subject")

    def __init__(self, subject: Hashable, event_time: float | None, on_done: OnDone, requested_at: float) -> None:
        self.subject = subject
        self.event_time = event_time
        self.on_done: OnDone | None = on_done
        self.requested_at = requested_at
        self.ready_since = requested_at
        self.attempts = 0
        self.not_found_count = 0


class Batch:
    """Subjects of one request. A subject of two events is requested once.

    Attributes:
        entries: Entries by subject.
        size: Number of entries; `len` is the number of subjects.
    """

    __slots__ = ("entries", "size")

    def __init__(self, entries: Iterable[QueueEntry] = ()) -> None:
        self.size = 0
        self.entries: dict[Any, list[QueueEntry]] = {}
        for entry in entries:
            self.add(entry)

    def add(self, entry: QueueEntry) -> None:
        """Add an entry."""
        self.size += 1
        known = self.entries.get(entry.subject)
        if known is None:
            self.entries[entry.subject] = [entry]
        else:
            known.append(entry)

    def __len__(self) -> int:
        """Return the number of subjects."""
        return len(self.entries)

    def __iter__(self) -> Iterator[QueueEntry]:
        for entries in self.entries.values():
            yield from entries

    def singles(self) -> list[Batch]:
        """Return a batch for each subject."""
        return [Batch(entries) for entries in self.entries.values()]

    def halves(self) -> list[Batch]:
        """Return two batches of half the size; a batch of one subject is not divided."""
        if len(self) == 1:
            return [self]
        subjects = list(self.entries)
        middle = len(subjects) // 2
        return [
            Batch(entry for subject in part for entry in self.entries[subject])
            for part in (subjects[:middle], subjects[middle:])
        ]


@dataclass(slots=True)
class WikiQueue:
    """Subjects that wait for requests to one wiki, all of one kind of query.

    Fresh subjects queue and are batched in order. Batches for a retry stay together, each until its own time.

    Attributes:
        wiki: Wiki of the requests.
        max_batch: Largest number of subjects in a request.
        batch_query: Query about the subjects.
        in_flight: Number of requests in flight.
        pause: Time before which nothing is sent. The queues of a wiki share it.
        breaker: Circuit breaker of the wiki. The queues of a wiki share it.
    """

    wiki: Wiki
    max_batch: int
    batch_query: BatchQuery = REVISIONS
    in_flight: int = 0
    pause: Pause = field(default_factory=Pause)
    breaker: CircuitBreaker = field(default_factory=lambda: CircuitBreaker(BreakerSettings()))
    _fresh: deque[QueueEntry] = field(default_factory=deque)
    _retry_batches: deque[tuple[float, Batch]] = field(default_factory=deque)
    _delayed: list[tuple[float, int, Batch, bool]] = field(default_factory=list)
    _tiebreaker: Iterator[int] = field(default_factory=count)

    def add(self, entry: QueueEntry) -> None:
        """Queue a fresh subject."""
        self._fresh.append(entry)

    def retry_together(self, batch: Batch, due: float) -> None:
        """Schedule a batch to be sent together, not before `due`."""
        heappush(self._delayed, (due, next(self._tiebreaker), batch, True))

    def requeue(self, entry: QueueEntry, due: float) -> None:
        """Queue an entry again at `due`, to be batched with other subjects."""
        heappush(self._delayed, (due, next(self._tiebreaker), Batch((entry,)), False))

    def promote_due(self, now: float) -> None:
        """Move entries and batches that are due to the front queues."""
        while self._delayed and self._delayed[0][0] <= now:
            due, _, batch, together = heappop(self._delayed)
            if together:
                self._retry_batches.append((due, batch))
                continue
            for entry in batch:
                entry.ready_since = due
                self._fresh.append(entry)

    @property
    def oldest(self) -> float:
        """Time since which the first fresh subject or retry batch could be sent; infinity without any."""
        return min(
            self._retry_batches[0][0] if self._retry_batches else inf,
            self._fresh[0].ready_since if self._fresh else inf,
        )

    @property
    def next_batch_size(self) -> int:
        """Number of subjects in the next request."""
        return len(self._retry_batches[0][1]) if self._retry_batches else min(len(self._fresh), self.max_batch)

    def ready_at(self, linger: float) -> float:
        """Return the time at which a request can be sent; infinity if nothing waits. Call `promote_due` before.

        A full batch and a retry batch are sent immediately, and so is any subject while no request is in flight. While
        one is in flight, an incomplete batch lingers for more subjects.
        """
        fresh = self._fresh
        linger = linger if self.in_flight and len(fresh) < self.max_batch else 0.0
        ready = min(
            self._retry_batches[0][0] if self._retry_batches else inf,
            fresh[0].ready_since + linger if fresh else inf,
            self._delayed[0][0] if self._delayed else inf,
        )
        return max(ready, self.pause.until, self.breaker.ready_at())

    def take(self) -> Batch:
        """Remove and return the batch of the next request. Call it at the time of `ready_at` or later."""
        if self._retry_batches and self._retry_batches[0][0] <= self.oldest:
            return self._retry_batches.popleft()[1]
        batch = Batch()
        fresh, entries = self._fresh, batch.entries
        while fresh and (len(entries) < self.max_batch or fresh[0].subject in entries):
            batch.add(fresh.popleft())
        return batch

    def take_all(self) -> Batch:
        """Remove and return all waiting entries."""
        batches = [batch for _, batch in self._retry_batches] + [batch for _, _, batch, _ in self._delayed]
        entries = [*self._fresh, *(entry for batch in batches for entry in batch)]
        self._fresh.clear()
        self._retry_batches.clear()
        self._delayed.clear()
        return Batch(entries)

    def is_idle(self, now: float) -> bool:
        """Return whether the queue holds no state and can be dropped."""
        waiting = self._fresh or self._retry_batches or self._delayed
        return not waiting and not self.in_flight and self.pause.until <= now
