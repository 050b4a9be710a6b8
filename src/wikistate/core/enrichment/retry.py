"""Decision about a failed fetch: retry after a delay, or fail. The rules are the rows of the failure table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, assert_never

from wikistate.core.enrichment.failures import Failure, FailureRule, RetryRule, find_failure_rule


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """Limits of the attempts and of the delays between them.

    Attributes:
        max_attempts: Attempts for each revision, the first one included. 1 or more.
        base_delay: Seconds before the second attempt; each further delay is twice as long.
        max_delay: Largest such delay, in seconds.
        retry_after_cap: Largest delay that the Retry-After of a server can cause, in seconds.
        acceptable_lag: Age of an event in seconds up to which an unknown revision counts as not yet replicated.
    """

    max_attempts: int = 4
    base_delay: float = 0.5
    max_delay: float = 30.0
    retry_after_cap: float = 300.0
    acceptable_lag: float = 15.0


class RetryAfter(NamedTuple):
    """Decision to retry after this many seconds."""

    seconds: float


class Fail(NamedTuple):
    """Decision to give up, with the type and the message of the error event."""

    error_type: str
    message: str


def decide_retry(
    failure: Failure, *, attempt: int, age: float | None, policy: RetryPolicy, jitter: float = 0.0
) -> RetryAfter | Fail:
    """Decide whether a failed fetch of a revision is retried, and after which delay.

    Args:
        failure: The last failure.
        attempt: Number of the attempt that failed, counted from 1.
        age: Seconds since the event was produced (the later of ``meta.dt`` and ``dt``); None if that is not known, which
            counts as old.
        policy: The limits.
        jitter: In [0, 1); shortens the delay to no less than half, to spread the retries of many clients.
    """
    rule = find_failure_rule(failure.kind)
    match rule.retry_rule:
        case RetryRule.NEVER:
            return Fail(failure.kind, f"{failure.detail}.")
        case RetryRule.UNTIL_LIMIT:
            if attempt < attempt_limit(rule, policy):
                return RetryAfter(compute_retry_delay(failure, attempt=attempt, policy=policy, jitter=jitter))
            return Fail(failure.kind, f"{failure.detail}. Given up after {attempt} attempts.")
        case RetryRule.UNTIL_SUCCESS:
            return RetryAfter(compute_retry_delay(failure, attempt=attempt, policy=policy, jitter=jitter))
        case RetryRule.WHILE_YOUNG:
            left = policy.acceptable_lag - age if age is not None else 0.0
            if left > 0.0:
                return RetryAfter(
                    min(left, compute_retry_delay(failure, attempt=attempt, policy=policy, jitter=jitter))
                )
            return Fail(failure.kind, f"{failure.detail}. {_format_lateness(age, policy)}")
        case unreachable:
            assert_never(unreachable)


def attempt_limit(rule: FailureRule, policy: RetryPolicy) -> int:
    """Return the most attempts for a revision that fails by a row of the table, the first attempt included."""
    return policy.max_attempts if rule.max_attempts is None else min(rule.max_attempts, policy.max_attempts)


def compute_retry_delay(failure: Failure, *, attempt: int, policy: RetryPolicy, jitter: float = 0.0) -> float:
    """Return the seconds before the next attempt: the server's Retry-After, or a delay that doubles with each attempt.

    The arguments are those of `decide_retry`. Jitter only lengthens a delay that a server asks for.
    """
    doublings = min(attempt - 1, 60)  # 2.0**1100 overflows; no sane limit comes near this
    backoff: float = min(policy.max_delay, policy.base_delay * 2.0**doublings)
    if failure.retry_after is None:
        return backoff * (1.0 - jitter / 2.0)
    delay = min(max(failure.retry_after, 0.0), policy.retry_after_cap)
    return delay + policy.base_delay * jitter


def _format_lateness(age: float | None, policy: RetryPolicy) -> str:
    if age is None:
        return "The event has no time, so the lag of a replica is not assumed."
    return f"The event is {age:.1f} s old, and a replica may lag by {policy.acceptable_lag:g} s (acceptable_lag)."
