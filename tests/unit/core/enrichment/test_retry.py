from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wikistate.core.enrichment.failures import TABLE, Failure, FailureKind, RetryRule
from wikistate.core.enrichment.retry import Fail, RetryAfter, RetryPolicy, attempt_limit, decide_retry

POLICY = RetryPolicy()
RETRIED = [row.kind for row in TABLE if row.retry_rule is RetryRule.UNTIL_LIMIT]
FINAL = [row.kind for row in TABLE if row.retry_rule is RetryRule.NEVER]
LAGGING = Failure(FailureKind.BAD_REVISION, "w.example does not know the revision 7")


@pytest.mark.parametrize("kind", RETRIED)
def test_retryable_failures_are_retried_up_to_the_limit(kind: FailureKind) -> None:
    """Three of four attempts are followed by another; the fourth is the last, and its message says so."""
    failure = Failure(kind, "w.example does not answer")
    decisions = [decide_retry(failure, attempt=attempt, age=None, policy=POLICY) for attempt in (1, 2, 3, 4)]
    assert [type(decision) for decision in decisions] == [RetryAfter, RetryAfter, RetryAfter, Fail]
    assert decisions[3] == Fail(kind, "w.example does not answer. Given up after 4 attempts.")


@pytest.mark.parametrize("kind", FINAL)
def test_final_failures_are_not_retried(kind: FailureKind) -> None:
    """A final failure is not retried even once, however young the event is."""
    assert decide_retry(Failure(kind, "x"), attempt=1, age=0.0, policy=POLICY) == Fail(kind, "x.")


def test_delays_double_up_to_a_cap() -> None:
    """The delays are 0.5, 1, 2 ... seconds and never exceed the cap."""
    policy = RetryPolicy(max_attempts=2000)
    failure = Failure(FailureKind.READ_TIMEOUT, "x")
    waits = [decide_retry(failure, attempt=attempt, age=None, policy=policy) for attempt in (1, 2, 3, 7, 1500)]
    assert waits == [RetryAfter(0.5), RetryAfter(1.0), RetryAfter(2.0), RetryAfter(30.0), RetryAfter(30.0)]


def test_retry_after_is_kept_up_to_a_cap() -> None:
    """The `Retry-After` of a server replaces the doubling, up to a cap."""
    for asked, waited in [(7.0, 7.0), (0.0, 0.0), (-3.0, 0.0), (9999.0, 300.0)]:
        failure = Failure(FailureKind.TOO_MANY_REQUESTS, "x", asked)
        assert decide_retry(failure, attempt=1, age=None, policy=POLICY) == RetryAfter(waited)


def test_unknown_revision_of_a_young_event_is_retried_within_the_window() -> None:
    """Replica lag is retried, but no delay extends beyond the window."""
    assert decide_retry(LAGGING, attempt=1, age=0.0, policy=POLICY) == RetryAfter(0.5)
    assert decide_retry(LAGGING, attempt=5, age=14.0, policy=POLICY) == RetryAfter(1.0)
    assert decide_retry(LAGGING, attempt=100, age=14.5, policy=POLICY) == RetryAfter(0.5)


@pytest.mark.parametrize("age", [15.0, 86_400.0, None])
def test_unknown_revision_of_an_old_event_is_final(age: float | None) -> None:
    """Beyond the window, or without a time to compare, the revision does not exist."""
    decision = decide_retry(LAGGING, attempt=1, age=age, policy=POLICY)
    assert isinstance(decision, Fail)
    assert decision.error_type == "BadRevision"
    assert "revision 7" in decision.message


@given(
    kind=st.sampled_from(FailureKind),
    attempt=st.integers(1, 10_000),
    age=st.none() | st.floats(0, 1e9),
    retry_after=st.none() | st.floats(-1e9, 1e9),
    jitter=st.floats(0, 1, exclude_max=True),
)
def test_delays_are_bounded(
    kind: FailureKind, attempt: int, age: float | None, retry_after: float | None, jitter: float
) -> None:
    """No delay is negative or longer than both caps allow, and a retry for lag ends within its window."""
    decision = decide_retry(Failure(kind, "x", retry_after), attempt=attempt, age=age, policy=POLICY, jitter=jitter)
    if isinstance(decision, RetryAfter):
        assert 0.0 <= decision.seconds <= POLICY.retry_after_cap + POLICY.base_delay
        if kind is FailureKind.BAD_REVISION:
            assert age is not None
            assert age + decision.seconds <= POLICY.acceptable_lag + 1e-9


@pytest.mark.parametrize(("own", "limit"), [(None, 4), (2, 2), (9, 4)])
def test_limit_of_a_row_lowers_the_limit_of_the_policy(own: int | None, limit: int) -> None:
    """A row may allow fewer attempts than the policy, and never more."""
    assert attempt_limit(TABLE[0]._replace(max_attempts=own), POLICY) == limit
