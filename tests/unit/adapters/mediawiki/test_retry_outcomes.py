from __future__ import annotations

import pytest

from wikistate.adapters.mediawiki.queue import Batch, QueueEntry
from wikistate.adapters.mediawiki.retry_outcomes import GiveUp, RetryContext, RetryQueued, RetryTogether
from wikistate.core.enrichment.failures import TABLE, Failure, FailureKind, RetryRule
from wikistate.core.enrichment.retry import RetryPolicy

CONTEXT = RetryContext(RetryPolicy(), clock=1000.0, now=50.0, jitter=0.0)
TIMEOUT = Failure(FailureKind.READ_TIMEOUT, "w.example does not answer")
UNKNOWN = Failure(FailureKind.BAD_REVISION, "w.example does not know it")


def entry(rev_id: int, *, event_time: float | None = None, attempts: int = 0) -> QueueEntry:
    """Return the entry of a revision that was requested at 50 s of the loop's clock."""
    made = QueueEntry(rev_id, event_time, lambda _: None, 50.0)
    made.attempts = attempts
    return made


def batch(*rev_ids: int, attempts: int = 0) -> Batch:
    """Return the revisions of a request."""
    return Batch(entry(rev_id, attempts=attempts) for rev_id in rev_ids)


def test_failed_request_is_retried_as_it_is() -> None:
    """All revisions stay together and wait; each has used one attempt."""
    (retry,) = CONTEXT.decide_request_failure(batch(1, 2, 3), TIMEOUT)
    assert isinstance(retry, RetryTogether)
    assert retry.after == 0.5
    assert [(each.subject, each.attempts) for each in retry.batch] == [(1, 1), (2, 1), (3, 1)]


def test_last_attempt_is_made_alone() -> None:
    """After the third of four attempts each revision is requested alone, after a delay."""
    outcomes = CONTEXT.decide_request_failure(batch(1, 2, attempts=2), TIMEOUT)
    assert [(len(retry.batch), retry.after) for retry in outcomes if isinstance(retry, RetryTogether)] == [
        (1, 2.0),
        (1, 2.0),
    ]


def test_single_revision_that_fails_the_last_time_is_given_up() -> None:
    """Its failure is its own and has the number of attempts."""
    (given_up,) = CONTEXT.decide_request_failure(batch(1, attempts=3), TIMEOUT)
    assert isinstance(given_up, GiveUp)
    assert given_up.failure.error_type == "ReadTimeout"
    assert "4 tries" in given_up.failure.message


def test_single_revision_with_attempts_left_stays_single() -> None:
    """It was separated for a reason, and it does not endanger others."""
    (retry,) = CONTEXT.decide_request_failure(batch(1), TIMEOUT)
    assert isinstance(retry, RetryTogether)
    assert len(retry.batch) == 1


@pytest.mark.parametrize("kind", [FailureKind.TOO_LARGE, FailureKind.CLIENT_ERROR, FailureKind.API_ERROR])
def test_final_failure_of_a_batch_splits_it(kind: FailureKind) -> None:
    """The batch is split into halves, at once, and no attempt is counted."""
    outcomes = CONTEXT.decide_request_failure(batch(1, 2, 3, 4, 5), Failure(kind, "x"))
    assert [(list(retry.batch.entries), retry.after) for retry in outcomes if isinstance(retry, RetryTogether)] == [
        ([1, 2], 0.0),
        ([3, 4, 5], 0.0),
    ]
    assert all(each.attempts == 0 for retry in outcomes if isinstance(retry, RetryTogether) for each in retry.batch)


def test_stalled_continuation_is_split_into_single_requests() -> None:
    """One of the revisions does not fit, and the response does not show which."""
    outcomes = CONTEXT.decide_request_failure(batch(1, 2, 3), Failure(FailureKind.STALLED, "x"))
    assert [len(retry.batch) for retry in outcomes if isinstance(retry, RetryTogether)] == [1, 1, 1]


@pytest.mark.parametrize("kind", [FailureKind.LOGIN_FAILED, FailureKind.INVALID_REQUEST, FailureKind.INTERNAL])
def test_failure_without_a_revision_is_returned_to_all(kind: FailureKind) -> None:
    """Smaller requests would only repeat the failure."""
    outcomes = CONTEXT.decide_request_failure(batch(1, 2, 3), Failure(kind, "x"))
    assert [type(given_up) for given_up in outcomes] == [GiveUp] * 3


def test_shared_request_is_split_if_one_attempt_is_allowed() -> None:
    """The neighbours of a bad revision get their own attempt."""
    strict = RetryContext(RetryPolicy(max_attempts=1), clock=0.0, now=0.0, jitter=0.0)
    outcomes = strict.decide_request_failure(batch(1, 2), TIMEOUT)
    assert [len(retry.batch) for retry in outcomes if isinstance(retry, RetryTogether)] == [1, 1]
    assert [type(given_up) for given_up in strict.decide_request_failure(batch(1), TIMEOUT)] == [GiveUp]


def test_unknown_revision_of_a_young_event_is_queued_again() -> None:
    """Replica lag does not use an attempt of those that failures use."""
    young = entry(1, event_time=998.0)
    assert CONTEXT.decide_revision_failure(young, UNKNOWN) == RetryQueued(young, 0.5)
    assert (young.not_found_count, young.attempts) == (1, 0)


@pytest.mark.parametrize("event_time", [None, 900.0])
def test_unknown_revision_of_an_old_event_is_given_up(event_time: float | None) -> None:
    """The revision does not exist."""
    outcome = CONTEXT.decide_revision_failure(entry(1, event_time=event_time), UNKNOWN)
    assert isinstance(outcome, GiveUp)
    assert outcome.failure.error_type == "BadRevision"


def test_waiting_time_counts_as_age_for_an_event_from_the_future() -> None:
    """A wrong clock elsewhere must not keep a revision for ever."""
    ahead = entry(1, event_time=1e9)
    assert isinstance(CONTEXT.decide_revision_failure(ahead, UNKNOWN), RetryQueued)
    later = CONTEXT._replace(now=65.0)
    assert isinstance(later.decide_revision_failure(ahead, UNKNOWN), GiveUp)


def test_revision_on_its_last_attempt_waits_alone() -> None:
    """Replica lag does not put it among others, which its own failure would affect."""
    on_last_attempt = entry(1, event_time=999.0, attempts=3)
    outcome = CONTEXT.decide_revision_failure(on_last_attempt, UNKNOWN)
    assert isinstance(outcome, RetryTogether)
    assert len(outcome.batch) == 1


@pytest.mark.parametrize("kind", [row.kind for row in TABLE if row.retry_rule is RetryRule.UNTIL_LIMIT])
def test_bad_revision_is_requested_exactly_as_often_as_allowed(kind: FailureKind) -> None:
    """Over all its requests it has four attempts, the last of them alone, whatever shares its requests."""
    asked, waiting = 0, [batch(1, 2, 3)]
    given_up: list[GiveUp] = []
    while waiting:
        request = waiting.pop()
        if 1 not in request.entries:
            continue
        asked += 1
        for outcome in CONTEXT.decide_request_failure(request, Failure(kind, "x")):
            match outcome:
                case RetryTogether(retry, _):
                    waiting.append(retry)
                case GiveUp():
                    given_up.append(outcome)
                case RetryQueued():
                    raise AssertionError(outcome)
    assert asked == 4
    assert [each.entry.subject for each in given_up] == [1]
