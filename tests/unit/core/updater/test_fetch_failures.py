"""Decisions to retry the fetch of an entity, or to give it up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wikistate.core.enrichment.failures import Failure, FailureKind
from wikistate.core.enrichment.retry import Fail, RetryAfter
from wikistate.core.updater.fetch_failures import (
    FETCH_POLICY,
    FetchErrorType,
    RetryState,
    decide_fetch_retry,
    to_fetch_error_type,
)

DOWN = (
    FailureKind.UNAVAILABLE,
    FailureKind.SERVER_ERROR,
    FailureKind.CONNECTION_FAILED,
    FailureKind.CONNECT_TIMEOUT,
    FailureKind.READ_TIMEOUT,
)


def after(*kinds: FailureKind, wiki_answers: bool = False, age: float | None = None) -> RetryAfter | Fail:
    """Return the decision after failures of these kinds, one after the other."""
    tries = RetryState()
    for kind in kinds:
        tries = tries.after_failure(kind, wiki_responds=wiki_answers)
    return decide_fetch_retry(Failure(kinds[-1], "It failed"), retry_state=tries, age=age, wiki_responds=wiki_answers)


@pytest.mark.parametrize("kind", [*DOWN, FailureKind.TOO_MANY_REQUESTS])
@given(times=st.integers(1, 10_000))
def test_retries_continue_until_the_wiki_responds(kind: FailureKind, times: int) -> None:
    """After 429, 503, other 5xx, refused and reset connections no number of attempts becomes a final failure."""
    decision = after(*[kind] * min(times, 50))
    assert isinstance(decision, RetryAfter)
    assert 0.0 < decision.seconds <= FETCH_POLICY.max_delay
    assert isinstance(
        decide_fetch_retry(Failure(kind, ""), retry_state=RetryState(times, 0), age=None, wiki_responds=False),
        RetryAfter,
    )


@pytest.mark.parametrize("kind", DOWN)
def test_entity_that_fails_alone_is_given_up(kind: FailureKind) -> None:
    """An entity that crashes the wiki's worker each time must not block all others for ever."""
    assert isinstance(after(*[kind] * (FETCH_POLICY.max_attempts - 1), wiki_answers=True), RetryAfter)
    decision = after(*[kind] * FETCH_POLICY.max_attempts, wiki_answers=True)
    assert isinstance(decision, Fail)
    assert "Given up after 10 tries" in decision.message


def test_too_many_requests_never_make_an_entity_fail() -> None:
    """They do not count even if the wiki answers other requests meanwhile."""
    assert isinstance(after(*[FailureKind.TOO_MANY_REQUESTS] * 100, wiki_answers=True), RetryAfter)


def test_failures_of_a_wiki_that_was_down_do_not_count() -> None:
    """Only failures that the entity itself may cause are counted."""
    tries = RetryState()
    for _ in range(50):
        tries = tries.after_failure(FailureKind.UNAVAILABLE, wiki_responds=False)
    tries = tries.after_failure(FailureKind.SERVER_ERROR, wiki_responds=True)
    assert tries == RetryState(attempts=51, counted_attempts=1)
    failure = Failure(FailureKind.SERVER_ERROR, "It failed")
    assert isinstance(decide_fetch_retry(failure, retry_state=tries, age=None, wiki_responds=True), RetryAfter)


def test_retry_after_is_the_delay() -> None:
    """Retry-After sets the delay, and jitter only adds to it."""
    failure = Failure(FailureKind.UNAVAILABLE, "", retry_after=17.0)
    decision = decide_fetch_retry(failure, retry_state=RetryState(1, 0), age=None, wiki_responds=False, jitter=0.9)
    assert isinstance(decision, RetryAfter)
    assert 17.0 <= decision.seconds <= 17.0 + FETCH_POLICY.base_delay


@pytest.mark.parametrize(
    ("age", "is_retried"), [(0.0, True), (9.9, True), (10.0, False), (3600.0, False), (None, False)]
)
def test_unknown_revision_is_retried_while_a_replica_may_lag(age: float | None, *, is_retried: bool) -> None:
    """The revision before a change has the age None and is not retried: an old revision that is missing is gone."""
    decision = after(FailureKind.BAD_REVISION, wiki_answers=True, age=age)
    assert isinstance(decision, RetryAfter if is_retried else Fail)


@pytest.mark.parametrize(
    ("kind", "error_type"),
    [
        (FailureKind.BAD_REVISION, FetchErrorType.ENTITY_NOT_FOUND),
        (FailureKind.OTHER_SUCCESS, FetchErrorType.NO_CONTENT),
        (FailureKind.EMPTY, FetchErrorType.EMPTY_RESPONSE),
        (FailureKind.CLIENT_ERROR, FetchErrorType.UNEXPECTED_RESPONSE),
        (FailureKind.REDIRECT, FetchErrorType.UNEXPECTED_RESPONSE),
        (FailureKind.SERVER_ERROR, FetchErrorType.UNEXPECTED_RESPONSE),
        (FailureKind.TOO_LARGE, FetchErrorType.UNKNOWN),
        (FailureKind.CONNECTION_FAILED, FetchErrorType.UNKNOWN),
    ],
)
def test_each_failure_has_an_error_type_on_the_wire(kind: FailureKind, error_type: FetchErrorType) -> None:
    """Consumers know these five types."""
    assert to_fetch_error_type(kind) is error_type
