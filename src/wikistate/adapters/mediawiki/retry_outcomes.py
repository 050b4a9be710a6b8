"""Outcomes for the revisions of a failed request: give up, retry together, divide, or queue again. Pure.

The rule is isolation: one bad revision never fails the others of its request. A revision with a retryable failure is
requested exactly `RetryPolicy.max_attempts` times, and an outage costs about one extra request for each revision.
"""

from __future__ import annotations

from typing import NamedTuple, assert_never

from wikistate.adapters.mediawiki.queue import Batch, QueueEntry
from wikistate.core.enrichment.failures import Failure, FailureKind, RetryRule, find_failure_rule
from wikistate.core.enrichment.retry import (
    Fail,
    RetryAfter,
    RetryPolicy,
    attempt_limit,
    compute_retry_delay,
    decide_retry,
)

_NOT_CAUSED_BY_REVISION = frozenset({FailureKind.LOGIN_FAILED, FailureKind.INVALID_REQUEST, FailureKind.INTERNAL})
"""Final failures that no revision causes, so that a smaller request would only repeat them."""


class GiveUp(NamedTuple):
    """Final failure of one entry."""

    entry: QueueEntry
    failure: Fail


class RetryTogether(NamedTuple):
    """Batch to send again unchanged, after some seconds."""

    batch: Batch
    after: float


class RetryQueued(NamedTuple):
    """Entry to queue again, after some seconds."""

    entry: QueueEntry
    after: float


Outcome = GiveUp | RetryTogether | RetryQueued


class RetryContext(NamedTuple):
    """Retry policy with the current time.

    Attributes:
        policy: Limits of the retries.
        clock: Current time, seconds since the epoch.
        now: Current time, seconds of the clock of `QueueEntry.requested_at`.
        jitter: Number in [0, 1).
    """

    policy: RetryPolicy
    clock: float
    now: float
    jitter: float

    def age(self, entry: QueueEntry) -> float | None:
        """Return the age of the event in seconds; None if its time is unknown.

        It is at least the time that the entry has waited: an event that is dated in the future must age as well.
        """
        if entry.event_time is None:
            return None
        return max(self.clock - entry.event_time, self.now - entry.requested_at)

    def decide_revision_failure(self, entry: QueueEntry, failure: Failure) -> Outcome:
        """Decide about one revision that a successful request reports as failed."""
        lagging = find_failure_rule(failure.kind).retry_rule is RetryRule.WHILE_YOUNG
        attempt = (entry.not_found_count if lagging else entry.attempts) + 1
        match decide_retry(failure, attempt=attempt, age=self.age(entry), policy=self.policy, jitter=self.jitter):
            case Fail() as fail:
                return GiveUp(entry, fail)
            case RetryAfter(after):
                entry.not_found_count += lagging
                entry.attempts += not lagging
                return (
                    RetryTogether(Batch((entry,)), after)
                    if self._is_last_attempt(entry, failure)
                    else RetryQueued(entry, after)
                )
            case unreachable:
                assert_never(unreachable)

    def decide_request_failure(self, batch: Batch, failure: Failure) -> list[Outcome]:
        """Decide about the revisions of a request that failed as a whole.

        After a failure of the login they stay together, and it does not count as an attempt.
        After a retryable failure they stay together until the last attempt, which each makes alone. After a final failure,
        or a response that is too large, the batch is halved, which does not count as an attempt. Only a revision that was
        requested alone fails.
        """
        if find_failure_rule(failure.kind).retry_rule is RetryRule.UNTIL_SUCCESS:
            return [RetryTogether(batch, self._delay(failure, attempt=1))]
        if len(batch) == 1 or failure.kind in _NOT_CAUSED_BY_REVISION:
            return [self._decide_single(entry, failure) for entry in batch]
        if failure.kind is FailureKind.STALLED:
            return [RetryTogether(single, 0.0) for single in batch.singles()]
        if find_failure_rule(failure.kind).retry_rule is RetryRule.NEVER:
            return [RetryTogether(half, 0.0) for half in batch.halves()]
        return self._retry_batch(batch, failure)

    def decide_missing_revision(self, single: Batch, failure: Failure, *, alone: bool) -> list[Outcome]:
        """Decide about a revision that a complete answer does not mention, not even as unknown.

        Args:
            single: Batch of the revision.
            failure: Failure of the revision.
            alone: Whether it was the only revision of the request. If not, it is requested again alone, because an answer
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
        limit = attempt_limit(find_failure_rule(failure.kind), self.policy)
        for entry in batch:
            longest = max(longest, self._retry_delay(entry, failure))
            # If only one attempt is allowed, a shared one must not use it up: the other revisions would fail.
            entry.attempts = min(entry.attempts + 1, limit - 1)
            (alone if self._is_last_attempt(entry, failure) else shared).add(entry)
        batches = alone.singles() + ([shared] if len(shared) else [])
        return [RetryTogether(each, longest) for each in batches]

    def _retry_delay(self, entry: QueueEntry, failure: Failure) -> float:
        return self._delay(failure, attempt=entry.attempts + 1)

    def _delay(self, failure: Failure, *, attempt: int) -> float:
        return compute_retry_delay(failure, attempt=attempt, policy=self.policy, jitter=self.jitter)

    def _is_last_attempt(self, entry: QueueEntry, failure: Failure) -> bool:
        return entry.attempts >= attempt_limit(find_failure_rule(failure.kind), self.policy) - 1
