"""What becomes of revisions whose request failed: told, kept together, split, or asked for again later. Pure.

The rule is isolation: one bad revision never fails its neighbours, one that is bad in a retryable way is asked for
exactly `RetryPolicy.max_attempts` times, and an outage costs about one extra request for each revision.
"""

from __future__ import annotations

from typing import NamedTuple, assert_never

from wikistate.adapters.mediawiki.queue import Batch, QueueEntry
from wikistate.core.enrichment.failures import Failure, FailureKind, RetryRule, find_failure_rule
from wikistate.core.enrichment.retry import Fail, RetryAfter, RetryPolicy, compute_retry_delay, decide_retry

_NOT_CAUSED_BY_REVISION = frozenset({FailureKind.LOGIN_FAILED, FailureKind.INVALID_REQUEST, FailureKind.INTERNAL})
"""Final failures that no revision can be the cause of, so that asking for fewer would only repeat them."""


class GiveUp(NamedTuple):
    """The end for one entry."""

    entry: QueueEntry
    failure: Fail


class RetryTogether(NamedTuple):
    """A batch to send again as it is, after so many seconds."""

    batch: Batch
    after: float


class RetryQueued(NamedTuple):
    """An entry to put in line again, after so many seconds."""

    entry: QueueEntry
    after: float


Outcome = GiveUp | RetryTogether | RetryQueued


class RetryContext(NamedTuple):
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

    def age(self, entry: QueueEntry) -> float | None:
        """Seconds since the event came into being.

        No less than it has been waiting here: an event that is dated in the future must grow old, too.
        """
        if entry.event_time is None:
            return None
        return max(self.clock - entry.event_time, self.now - entry.requested_at)

    def decide_revision_failure(self, entry: QueueEntry, failure: Failure) -> Outcome:
        """A whole request went well and says something bad of this one revision."""
        lagging = find_failure_rule(failure.kind).retry_rule is RetryRule.WHILE_YOUNG
        attempt = (entry.not_found_count if lagging else entry.attempts) + 1
        match decide_retry(failure, attempt=attempt, age=self.age(entry), policy=self.policy, jitter=self.jitter):
            case Fail() as verdict:
                return GiveUp(entry, verdict)
            case RetryAfter(after):
                entry.not_found_count += lagging
                entry.attempts += not lagging
                return (
                    RetryTogether(Batch((entry,)), after) if self._is_last_attempt(entry) else RetryQueued(entry, after)
                )
            case unreachable:
                assert_never(unreachable)

    def decide_request_failure(self, batch: Batch, failure: Failure) -> list[Outcome]:
        """A request for these revisions failed as a whole.

        Worth another try: they stay together, until the last try, which each makes alone. Not worth it, or too
        large: two halves, which does not count as a try. Only what was alone is told.
        """
        if len(batch) == 1 or failure.kind in _NOT_CAUSED_BY_REVISION:
            return [self._decide_single(entry, failure) for entry in batch]
        if failure.kind is FailureKind.STALLED:
            return [RetryTogether(single, 0.0) for single in batch.singles()]
        if find_failure_rule(failure.kind).retry_rule is RetryRule.NEVER:
            return [RetryTogether(half, 0.0) for half in batch.halves()]
        return self._retry_batch(batch, failure)

    def decide_missing_revision(self, single: Batch, failure: Failure, *, alone: bool) -> list[Outcome]:
        """A complete answer says nothing at all of a revision, not even that it is unknown.

        Args:
            single: The revision.
            failure: What to call it.
            alone: Whether nothing else was asked for. If something was, it is asked for again by itself: an answer
                that is wrong about one revision may be wrong about all.
        """
        return (
            [self.decide_revision_failure(entry, failure) for entry in single]
            if alone
            else [RetryTogether(single, 0.0)]
        )

    def _decide_single(self, entry: QueueEntry, failure: Failure) -> Outcome:
        outcome = self.decide_revision_failure(entry, failure)
        return RetryTogether(Batch((entry,)), outcome.after) if isinstance(outcome, RetryQueued) else outcome

    def _retry_batch(self, batch: Batch, failure: Failure) -> list[Outcome]:
        shared, alone, longest = Batch(), Batch(), 0.0
        for entry in batch:
            longest = max(longest, self._retry_delay(entry, failure))
            # With one try allowed in all, a shared one must not use it up: neighbours would fail.
            entry.attempts = min(entry.attempts + 1, self.policy.max_attempts - 1)
            (alone if self._is_last_attempt(entry) else shared).add(entry)
        batches = alone.singles() + ([shared] if len(shared) else [])
        return [RetryTogether(each, longest) for each in batches]

    def _retry_delay(self, entry: QueueEntry, failure: Failure) -> float:
        return compute_retry_delay(failure, attempt=entry.attempts + 1, policy=self.policy, jitter=self.jitter)

    def _is_last_attempt(self, entry: QueueEntry) -> bool:
        return entry.attempts >= self.policy.max_attempts - 1
