"""Failures of the fetch of an entity, and whether it is retried.

The failures and the delays are those of the failure table (`wikistate.core.enrichment`). One rule is added: a wiki that
does not respond at all is retried without a limit. A fetch is given up only for a failure of the entity itself.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from wikistate.core.enrichment.failures import Failure, FailureKind, RetryRule, find_failure_rule
from wikistate.core.enrichment.retry import Fail, RetryAfter, RetryPolicy, compute_retry_delay, decide_retry

FETCH_POLICY = RetryPolicy(max_attempts=10, base_delay=0.25, max_delay=30.0, retry_after_cap=300.0, acceptable_lag=10.0)
"""About ninety seconds for a failure that may be of one entity alone; ten for a replica without the revision."""


class FetchErrorType(StrEnum):
    """Kind of a fetch failure. Values as in the field ``fetch_error_type``."""

    ENTITY_NOT_FOUND = "ENTITY_NOT_FOUND"
    """The wiki does not have the entity or the revision, or does not show it any more."""
    NO_CONTENT = "NO_CONTENT"
    EMPTY_RESPONSE = "EMPTY_RESPONSE"
    UNEXPECTED_RESPONSE = "UNEXPECTED_RESPONSE"
    UNKNOWN = "UNKNOWN"


class FetchFailure(NamedTuple):
    """Failed fetch of an entity.

    Attributes:
        kind: Kind of the failure on the wire.
        error_type: Name of the precise kind.
        message: Place and description, for the person who reads the event.
        entity: Entity id.
        revision: The requested revision; 0 for the current one. For a diff it shows which of the two is missing.
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
    FailureKind.OLD_FORMAT: FetchErrorType.UNEXPECTED_RESPONSE,
}

_ALWAYS_WIKI_OUTAGE = frozenset({FailureKind.TOO_MANY_REQUESTS})
_USUALLY_WIKI_OUTAGE = frozenset(
    {
        *(FailureKind.UNAVAILABLE, FailureKind.SERVER_ERROR, FailureKind.READ_TIMEOUT),
        *(FailureKind.CONNECT_TIMEOUT, FailureKind.CONNECTION_FAILED),
    }
)


def to_fetch_error_type(kind: FailureKind) -> FetchErrorType:
    """Return the name on the wire for a kind of failure."""
    return _TYPES.get(kind, FetchErrorType.UNKNOWN)


def is_wiki_outage(kind: FailureKind, *, wiki_responds: bool) -> bool:
    """Return whether a failure is independent of the requested entity and does not count as an attempt for it.

    Args:
        kind: Kind of the failure.
        wiki_responds: Whether the wiki has answered any request well since the first request for the entity. If it has,
            the failure may as well be caused by the entity.
    """
    if kind in _ALWAYS_WIKI_OUTAGE or find_failure_rule(kind).retry_rule is RetryRule.UNTIL_SUCCESS:
        return True
    return kind in _USUALLY_WIKI_OUTAGE and not wiki_responds


class RetryState(NamedTuple):
    """Attempts to fetch an entity.

    Attributes:
        attempts: Number of all attempts.
        counted_attempts: Number of the attempts whose failure the entity may have caused.
    """

    attempts: int = 0
    counted_attempts: int = 0

    def after_failure(self, kind: FailureKind, *, wiki_responds: bool) -> RetryState:
        """Return the state after another failed attempt. See `is_wiki_outage`."""
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
    """Decide whether the fetch of an entity is retried, and after which delay.

    Args:
        failure: The last failure.
        retry_state: The attempts, the last one included.
        age: Seconds since the change occurred; None if no replica is waited for, as for the revision before a change.
        policy: The limits.
        wiki_responds: See `is_wiki_outage`.
        jitter: See `decide_retry`.
    """
    if is_wiki_outage(failure.kind, wiki_responds=wiki_responds):
        return RetryAfter(compute_retry_delay(failure, attempt=retry_state.attempts, policy=policy, jitter=jitter))
    return decide_retry(failure, attempt=retry_state.counted_attempts, age=age, policy=policy, jitter=jitter)
