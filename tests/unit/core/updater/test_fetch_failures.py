"""When an entity is asked for again, and when it is given up."""

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
    """The verdict after failures of these kinds, one after the other."""
    tries = RetryState()
    for kind in kinds:
        tries = tries.after_failure(kind, wiki_responds=wiki_answers)
    return decide_fetch_retry(Failure(kinds[-1], "It failed"), retry_state=tries, age=age, wiki_responds=wiki_answers)


@pytest.mark.parametrize("kind", [*DOWN, FailureKind.TOO_MANY_REQUESTS])
@given(times=st.integers(1, 10_000))
def test_a_wiki_that_does_not_answer_is_waited_for_without_end(kind: FailureKind, times: int) -> None:
    """A storm of 429 or 503, 5xx, refused and reset connections: no number of tries makes a failure of it."""
    verdict = after(*[kind] * min(times, 50))
    assert isinstance(verdict, RetryAfter)
    assert 0.0 < verdict.seconds <= FETCH_POLICY.max_delay
    assert isinstance(
        decide_fetch_retry(Failure(kind, ""), retry_state=RetryState(times, 0), age=None, wiki_responds=False),
        RetryAfter,
    )


@pytest.mark.parametrize("kind", DOWN)
def test_an_entity_that_fails_while_others_are_answered_is_given_up(kind: FailureKind) -> None:
    """One that crashes the wiki's worker each time must not hold up all others for ever."""
    assert isinstance(after(*[kind] * (FETCH_POLICY.max_attempts - 1), wiki_answers=True), RetryAfter)
    verdict = after(*[kind] * FETCH_POLICY.max_attempts, wiki_answers=True)
    assert isinstance(verdict, Fail)
    assert "Given up after 10 attempts" in verdict.message


def test_too_many_requests_never_count_against_an_entity() -> None:
    """However many others are answered meanwhile."""
    assert isinstance(after(*[FailureKind.TOO_MANY_REQUESTS] * 100, wiki_answers=True), RetryAfter)


def test_what_failed_while_the_wiki_was_down_does_not_count_when_it_is_back() -> None:
    """Only what may be the entity's own fault is counted."""
    tries = RetryState()
    for _ in range(50):
        tries = tries.after_failure(FailureKind.UNAVAILABLE, wiki_responds=False)
    tries = tries.after_failure(FailureKind.SERVER_ERROR, wiki_responds=True)
    assert tries == RetryState(attempts=51, counted_attempts=1)
    failure = Failure(FailureKind.SERVER_ERROR, "It failed")
    assert isinstance(decide_fetch_retry(failure, retry_state=tries, age=None, wiki_responds=True), RetryAfter)


def test_the_server_is_taken_at_its_word() -> None:
    """Retry-After is the wait, and jitter only adds to it."""
    failure = Failure(FailureKind.UNAVAILABLE, "", retry_after=17.0)
    verdict = decide_fetch_retry(failure, retry_state=RetryState(1, 0), age=None, wiki_responds=False, jitter=0.9)
    assert isinstance(verdict, RetryAfter)
    assert 17.0 <= verdict.seconds <= 17.0 + FETCH_POLICY.base_delay


@pytest.mark.parametrize(("age", "again"), [(0.0, True), (9.9, True), (10.0, False), (3600.0, False), (None, False)])
def test_a_revision_that_is_not_there_is_waited_for_while_a_replica_may_lag(age: float | None, *, again: bool) -> None:
    """Nobody waits for the revision before a change, whose age is None: what is not there of old is gone."""
    verdict = after(FailureKind.BAD_REVISION, wiki_answers=True, age=age)
    assert isinstance(verdict, RetryAfter if again else Fail)


@pytest.mark.parametrize(
    ("kind", "word"),
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
def test_each_failure_has_a_word_on_the_wire(kind: FailureKind, word: FetchErrorType) -> None:
    """The five that readers know."""
    assert to_fetch_error_type(kind) is word
