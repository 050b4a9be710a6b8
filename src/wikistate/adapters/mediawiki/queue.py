"""The coalescer's decisions, apart from IO: which subjects wait, which go together, what becomes of them.

All times are seconds of one monotonic clock, which is handed in.
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

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator

    from wikistate.adapters.mediawiki.batch_query import BatchQuery
    from wikistate.adapters.mediawiki.wikis import Wiki

    OnDone = Callable[[Any], None]
    """Takes what became of one subject, the question's answer or a `Fail`: exactly once, on the loop's thread."""


class QueueEntry:
    """One subject, mostly a revision, that was asked for.

    A plain class with slots and not a dataclass: one is made for each event, and its counters change.

    Attributes:
        subject: The revision's id, or whatever else its question is about.
        event_time: When its event came into being, seconds since the epoch; None where that is not known.
        on_done: Who wants to know. None once told.
        requested_at: When it was asked for.
        ready_since: Since when it could be sent.
        attempts: Failed tries that count against the limit.
        not_found_count: Times that the wiki did not know it while its event was young.
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
    """The subjects of one request. One that two events ask for is asked for once.

    Attributes:
        entries: By subject.
        size: How many entries; `len` is how many subjects.
    """

    __slots__ = ("entries", "size")

    def __init__(self, entries: Iterable[QueueEntry] = ()) -> None:
        self.size = 0
        self.entries: dict[Any, list[QueueEntry]] = {}
        for entry in entries:
            self.add(entry)

    def add(self, entry: QueueEntry) -> None:
        """Take one more."""
        self.size += 1
        known = self.entries.get(entry.subject)
        if known is None:
            self.entries[entry.subject] = [entry]
        else:
            known.append(entry)

    def __len__(self) -> int:
        """How many subjects."""
        return len(self.entries)

    def __iter__(self) -> Iterator[QueueEntry]:
        for entries in self.entries.values():
            yield from entries

    def singles(self) -> list[Batch]:
        """Each subject alone."""
        return [Batch(entries) for entries in self.entries.values()]

    def halves(self) -> list[Batch]:
        """Two batches of half the size; of one subject, itself."""
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
    """What one wiki is still to be asked, of one kind of question.

    Fresh subjects stand in line and are batched as they come. Batches that were made after a failure keep together,
    each until its own time.

    Attributes:
        wiki: The wiki.
        max_batch: Subjects in a request.
        batch_query: What is asked of them.
        in_flight: Requests that are being made.
        pause: Nothing is sent before. The queues of a wiki share it.
    """

    wiki: Wiki
    max_batch: int
    batch_query: BatchQuery = REVISIONS
    in_flight: int = 0
    pause: Pause = field(default_factory=Pause)
    _fresh: deque[QueueEntry] = field(default_factory=deque)
    _retry_batches: deque[tuple[float, Batch]] = field(default_factory=deque)
    _delayed: list[tuple[float, int, Batch, bool]] = field(default_factory=list)
    _tiebreaker: Iterator[int] = field(default_factory=count)

    def add(self, entry: QueueEntry) -> None:
        """Put a fresh subject in line."""
        self._fresh.append(entry)

    def retry_together(self, batch: Batch, due: float) -> None:
        """Send these together, not before `due`."""
        heappush(self._delayed, (due, next(self._tiebreaker), batch, True))

    def requeue(self, entry: QueueEntry, due: float) -> None:
        """Put this in line again at `due`, to go with whatever else is in line by then."""
        heappush(self._delayed, (due, next(self._tiebreaker), Batch((entry,)), False))

    def promote_due(self, now: float) -> None:
        """Move what is due to where it can be taken."""
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
        """Since when the first in line, or the first kept batch, could have been sent; infinity without any."""
        return min(
            self._retry_batches[0][0] if self._retry_batches else inf,
            self._fresh[0].ready_since if self._fresh else inf,
        )

    @property
    def next_batch_size(self) -> int:
        """How much the next request would carry."""
        return len(self._retry_batches[0][1]) if self._retry_batches else min(len(self._fresh), self.max_batch)

    def ready_at(self, linger: float) -> float:
        """When there is something to send; infinity when nothing waits. Call `mature` before.

        A full batch, a kept one, and anything at all while nothing is in flight go at once; a part of a batch
        lingers for company while another request is in flight.
        """
        line = self._fresh
        linger = linger if self.in_flight and len(line) < self.max_batch else 0.0
        ready = min(
            self._retry_batches[0][0] if self._retry_batches else inf,
            line[0].ready_since + linger if line else inf,
            self._delayed[0][0] if self._delayed else inf,
        )
        return max(ready, self.pause.until)

    def take(self) -> Batch:
        """The next request. Call only when `ready_at` has come."""
        if self._retry_batches and self._retry_batches[0][0] <= self.oldest:
            return self._retry_batches.popleft()[1]
        batch = Batch()
        line, entries = self._fresh, batch.entries
        while line and (len(entries) < self.max_batch or line[0].subject in entries):
            batch.add(line.popleft())
        return batch

    def is_idle(self, now: float) -> bool:
        """Whether nothing would be lost by forgetting this queue."""
        waiting = self._fresh or self._retry_batches or self._delayed
        return not waiting and not self.in_flight and self.pause.until <= now
