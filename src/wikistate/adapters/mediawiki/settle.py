"""What becomes of revisions whose request failed: told, kept together, split, or asked for again later. Pure.

The rule is isolation: one bad revision never fails its neighbours, one that is bad in a retryable way is asked for
exactly `RetryPolicy.max_attempts` times, and an outage costs about one extra request for each revision.
"""

from __future__ import annotations

from typing import NamedTuple, assert_never

from wikistate.adapters.mediawiki.queue import Batch, Entry
from wikistate.core.enrichment.failures import Failure, FailureKind, Retried, row_of
from wikistate.core.enrichment.judge import Fail, Retry, RetryPolicy, judge, wait

_NOBODYS_FAULT = frozenset({FailureKind.LOGIN_FAILED, FailureKind.INVALID_REQUEST, FailureKind.INTERNAL})
"""Final failures that no revision can be the cause of, so that asking for fewer would only repeat them."""


class Told(NamedTuple):
    """The end for one entry."""

    entry: Entry
    verdict: Fail


class Kept(NamedTuple):
    """A batch to send again as it is, after so many seconds."""

    batch: Batch
    after: float


class Readded(NamedTuple):
    """An entry to put in line again, after so many seconds."""

    entry: Entry
    after: float


Outcome = Told | Kept | Readded


class Judge(NamedTuple):
    """The policy with what it takes to apply it at one moment.

    Attributes:
        policy: The limits.
        clock: Seconds since the epoch, now.
        now: Seconds of the clock that entries are stamped with, now.
        jitter: A number in [0, 1).
    """

    policy: RetryPolicy
    clock: float
    now: float
    jitter: float

    def age(self, entry: Entry) -> float | None:
        """Seconds since the event came into being.

        No less than it has been waiting here: an event that is dated in the future must grow old, too.
        """
        if entry.born is None:
            return None
        return max(self.clock - entry.born, self.now - entry.asked)

    def revision_failed(self, entry: Entry, failure: Failure) -> Outcome:
        """A whole request went well and says something bad of this one revision."""
        lagging = row_of(failure.kind).retried is Retried.WHILE_YOUNG
        attempt = (entry.misses if lagging else entry.attempts) + 1
        match judge(failure, attempt=attempt, age=self.age(entry), policy=self.policy, jitter=self.jitter):
            case Fail() as verdict:
                return Told(entry, verdict)
            case Retry(after):
                entry.misses += lagging
                entry.attempts += not lagging
                return Kept(Batch((entry,)), after) if self._last(entry) else Readded(entry, after)
            case unreachable:
                assert_never(unreachable)

    def request_failed(self, batch: Batch, failure: Failure) -> list[Outcome]:
        """A request for these revisions failed as a whole.

        Worth another try: they stay together, until the last try, which each makes alone. Not worth it, or too
        large: two halves, which does not count as a try. Only what was alone is told.
        """
        if len(batch) == 1 or failure.kind in _NOBODYS_FAULT:
            return [self._alone_failed(entry, failure) for entry in batch]
        if failure.kind is FailureKind.STALLED:
            return [Kept(single, 0.0) for single in batch.singles()]
        if row_of(failure.kind).retried is Retried.NEVER:
            return [Kept(half, 0.0) for half in batch.halves()]
        return self._try_again(batch, failure)

    def revision_absent(self, single: Batch, failure: Failure, *, alone: bool) -> list[Outcome]:
        """A complete answer says nothing at all of a revision, not even that it is unknown.

        Args:
            single: The revision.
            failure: What to call it.
            alone: Whether nothing else was asked for. If something was, it is asked for again by itself: an answer
                that is wrong about one revision may be wrong about all.
        """
        return [self.revision_failed(entry, failure) for entry in single] if alone else [Kept(single, 0.0)]

    def _alone_failed(self, entry: Entry, failure: Failure) -> Outcome:
        outcome = self.revision_failed(entry, failure)
        return Kept(Batch((entry,)), outcome.after) if isinstance(outcome, Readded) else outcome

    def _try_again(self, batch: Batch, failure: Failure) -> list[Outcome]:
        shared, alone, longest = Batch(), Batch(), 0.0
        for entry in batch:
            longest = max(longest, self._wait(entry, failure))
            # With one try allowed in all, a shared one must not use it up: neighbours would fail.
            entry.attempts = min(entry.attempts + 1, self.policy.max_attempts - 1)
            (alone if self._last(entry) else shared).add(entry)
        batches = alone.singles() + ([shared] if len(shared) else [])
        return [Kept(each, longest) for each in batches]

    def _wait(self, entry: Entry, failure: Failure) -> float:
        return wait(failure, attempt=entry.attempts + 1, policy=self.policy, jitter=self.jitter)

    def _last(self, entry: Entry) -> bool:
        return entry.attempts >= self.policy.max_attempts - 1
