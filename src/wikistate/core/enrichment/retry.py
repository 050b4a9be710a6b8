"""The verdict on a failure: ask again, and when, or give up. The rules are the rows of the failure table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, assert_never

from wikistate.core.enrichment.failures import Failure, RetryRule, find_failure_rule


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often and how patiently.

    Attributes:
        max_attempts: Tries for each revision in all, the first one included. 1 or more.
        base_delay: Seconds before the second try; each further wait is twice as long.
        max_delay: Seconds that such a wait never exceeds.
        retry_after_cap: Seconds that a server's own Retry-After is honoured for at most.
        acceptable_lag: Seconds after an event's birth within which an unknown revision counts as not yet replicated.
    """

    max_attempts: int = 4
    base_delay: float = 0.5
    max_delay: float = 30.0
    retry_after_cap: float = 300.0
    acceptable_lag: float = 15.0


class RetryAfter(NamedTuple):
    """Ask again after this many seconds."""

    seconds: float


class Fail(NamedTuple):
    """The end for this revision: the type and the message of its error event."""

    error_type: str
    message: str


def decide_retry(
    failure: Failure, *, attempt: int, age: float | None, policy: RetryPolicy, jitter: float = 0.0
) -> RetryAfter | Fail:
    """Whether a revision that failed is asked for again, and when.

    Args:
        failure: What happened.
        attempt: The number of the try that failed, counted from 1.
        age: Seconds since the event came into being (the later of ``meta.dt`` and ``dt``); None where that is not
            known, which counts as old.
        policy: The limits.
        jitter: In [0, 1); spreads the tries of many clients by shortening the wait to no less than half.
    """
    match find_failure_rule(failure.kind).retry_rule:
        case RetryRule.NEVER:
            return Fail(failure.kind, f"{failure.detail}.")
        case RetryRule.UNTIL_LIMIT:
            if attempt < policy.max_attempts:
                return RetryAfter(compute_retry_delay(failure, attempt=attempt, policy=policy, jitter=jitter))
            return Fail(failure.kind, f"{failure.detail}. Given up after {attempt} tries.")
        case RetryRule.WHILE_YOUNG:
            left = policy.acceptable_lag - age if age is not None else 0.0
            if left > 0.0:
                return RetryAfter(
                    min(left, compute_retry_delay(failure, attempt=attempt, policy=policy, jitter=jitter))
                )
            return Fail(failure.kind, f"{failure.detail}. {_format_lateness(age, policy)}")
        case unreachable:
            assert_never(unreachable)


def compute_retry_delay(failure: Failure, *, attempt: int, policy: RetryPolicy, jitter: float = 0.0) -> float:
    """Seconds before the next try: what the server asks for, or a wait that doubles with each attempt.

    The arguments are those of `decide_retry`. Jitter only adds to what a server asks for.
    """
    doublings = min(attempt - 1, 60)  # 2.0**1100 overflows; no sane limit comes near this
    backoff: float = min(policy.max_delay, policy.base_delay * 2.0**doublings)
    if failure.retry_after is None:
        return backoff * (1.0 - jitter / 2.0)
    asked = min(max(failure.retry_after, 0.0), policy.retry_after_cap)
    return asked + policy.base_delay * jitter


def _format_lateness(age: float | None, policy: RetryPolicy) -> str:
    if age is None:
        return "The event states no time, so this is not taken for a replica that lags."
    return f"The event is {age:.1f} s old; a replica is given {policy.acceptable_lag:g} s (acceptable_lag)."
