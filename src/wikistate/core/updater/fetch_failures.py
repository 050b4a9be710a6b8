"""What can go wrong while an entity is fetched, and whether it is asked for again.

The failures and the waits are those of the failure table (`wikistate.core.enrichment`). One rule is added: a wiki that
does not answer at all is waited for, however long that takes. An entity is given up only for a failure that is its own.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from wikistate.core.enrichment.failures import Failure, FailureKind
from wikistate.core.enrichment.retry import Fail, RetryAfter, RetryPolicy, compute_retry_delay, decide_retry

FETCH_POLICY = RetryPolicy(max_attempts=10, base_delay=0.25, max_delay=30.0, retry_after_cap=300.0, acceptable_lag=10.0)
"""Some ninety seconds for what may be of one entity alone; ten for a replica that does not have the revision yet."""


class FetchErrorType(StrEnum):
    """Why an entity could not be had. Values as in the field ``fetch_error_type``."""

    ENTITY_NOT_FOUND = "ENTITY_NOT_FOUND"
    """The wiki does not know the entity or the revision, or no longer shows it."""
    NO_CONTENT = "NO_CONTENT"
    EMPTY_RESPONSE = "EMPTY_RESPONSE"
    UNEXPECTED_RESPONSE = "UNEXPECTED_RESPONSE"
    UNKNOWN = "UNKNOWN"


class FetchFailure(NamedTuple):
    """An entity could not be had.

    Attributes:
        kind: Why, in the words of the wire.
        error_type: The precise kind.
        message: Where and what, for the person who reads the event.
        entity: Entity id.
        revision: That was asked for; 0 for the current one. Of a diff this tells which of the two is gone.
    """

    kind: FetchErrorType
    error_type: str
    message: str
    entity: str
    revision: int


_TYPES = {
    FailureKind.BAD_REVISION: FetchErrorType.ENTITY_NOT_FOUND,
    FailureKind.OTHER_SUCCESS: FetchErrorType.NO_CONTENT,
    FailureKind.EMPTY: FetchErrorType.EMPTY_RESPONSE,
    FailureKind.REDIRECT: FetchErrorType.UNEXPECTED_RESPONSE,
    FailureKind.CLIENT_ERROR: FetchErrorType.UNEXPECTED_RESPONSE,
    FailureKind.REQUEST_TIMEOUT: FetchErrorType.UNEXPECTED_RESPONSE,
    FailureKind.TOO_MANY_REQUESTS: FetchErrorType.UNEXPECTED_RESPONSE,
    FailureKind.SERVER_ERROR: FetchErrorType.UNEXPECTED_RESPONSE,
    FailureKind.UNAVAILABLE: FetchErrorType.UNEXPECTED_RESPONSE,
    FailureKind.OTHER_SERVER_ERROR: FetchErrorType.UNEXPECTED_RESPONSE,
    FailureKind.UNPARSABLE: FetchErrorType.UNEXPECTED_RESPONSE,
}

_ALWAYS_WIKI_OUTAGE = frozenset({FailureKind.TOO_MANY_REQUESTS})
_USUALLY_WIKI_OUTAGE = frozenset(
    {
        *(FailureKind.UNAVAILABLE, FailureKind.SERVER_ERROR, FailureKind.READ_TIMEOUT),
        *(FailureKind.CONNECT_TIMEOUT, FailureKind.CONNECTION_FAILED),
    }
)


def to_fetch_error_type(kind: FailureKind) -> FetchErrorType:
    """The wire's word for a kind of failure."""
    return _TYPES.get(kind, FetchErrorType.UNKNOWN)


def is_wiki_outage(kind: FailureKind, *, wiki_responds: bool) -> bool:
    """Whether a failure says nothing of the entity that was asked for, so that it does not count as a try for it.

    Args:
        kind: What happened.
        wiki_responds: Whether the wiki has answered anybody well since the entity was asked for first. If it has, and this
            entity still fails, then one reason is as likely as the other.
    """
    return kind in _ALWAYS_WIKI_OUTAGE or (kind in _USUALLY_WIKI_OUTAGE and not wiki_responds)


class RetryState(NamedTuple):
    """How often an entity was asked for.

    Attributes:
        attempts: In all.
        counted_attempts: Those that failed for what may be its own fault.
    """

    attempts: int = 0
    counted_attempts: int = 0

    def after_failure(self, kind: FailureKind, *, wiki_responds: bool) -> RetryState:
        """After another try that failed so. See `is_wiki_outage`."""
        return RetryState(
            self.attempts + 1, self.counted_attempts + (not is_wiki_outage(kind, wiki_responds=wiki_responds))
        )


def decide_fetch_retry(
    failure: Failure,
    *,
    retry_state: RetryState,
    age: float | None,
    policy: RetryPolicy = FETCH_POLICY,
    wiki_responds: bool = True,
    jitter: float = 0.0,
) -> RetryAfter | Fail:
    """Whether an entity is asked for again, and when.

    Args:
        failure: What happened last.
        retry_state: This one included.
        age: Seconds since the change happened; None where nobody waits for a replica, as for the revision before a change.
        policy: The limits.
        wiki_responds: See `is_wiki_outage`.
        jitter: See `decide_retry`.
    """
    if is_wiki_outage(failure.kind, wiki_responds=wiki_responds):
        return RetryAfter(compute_retry_delay(failure, attempt=retry_state.attempts, policy=policy, jitter=jitter))
    return decide_retry(failure, attempt=retry_state.counted_attempts, age=age, policy=policy, jitter=jitter)
