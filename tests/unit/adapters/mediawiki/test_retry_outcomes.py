from __future__ import annotations

import pytest

from wikistate.adapters.mediawiki.queue import Batch, QueueEntry
from wikistate.adapters.mediawiki.retry_outcomes import GiveUp, RetryContext, RetryQueued, RetryTogether
from wikistate.core.enrichment.failures import TABLE, Failure, FailureKind, RetryRule
from wikistate.core.enrichment.retry import RetryPolicy

JUDGE = RetryContext(RetryPolicy(), clock=1000.0, now=50.0, jitter=0.0)
TIMEOUT = Failure(FailureKind.READ_TIMEOUT, "w.example does not answer")
UNKNOWN = Failure(FailureKind.BAD_REVISION, "w.example does not know it")


def entry(rev_id: int, *, born: float | None = None, attempts: int = 0) -> QueueEntry:
    """A revision that was asked for at 50 s of the loop's clock."""
    made = QueueEntry(rev_id, born, lambda _: None, 50.0)
    made.attempts = attempts
    return made


def batch(*rev_ids: int, attempts: int = 0) -> Batch:
    """A request's revisions."""
    return Batch(entry(rev_id, attempts=attempts) for rev_id in rev_ids)


def test_a_failed_request_is_tried_again_as_it_is() -> None:
    """All stay together and wait; each has used up one try."""
    (kept,) = JUDGE.decide_request_failure(batch(1, 2, 3), TIMEOUT)
    assert isinstance(kept, RetryTogether)
    assert kept.after == 0.5
    assert [(each.subject, each.attempts) for each in kept.batch] == [(1, 1), (2, 1), (3, 1)]


def test_the_last_try_is_made_alone() -> None:
    """After the third of four, each goes by itself, after a wait."""
    outcomes = JUDGE.decide_request_failure(batch(1, 2, attempts=2), TIMEOUT)
    assert [(len(kept.batch), kept.after) for kept in outcomes if isinstance(kept, RetryTogether)] == [
        (1, 2.0),
        (1, 2.0),
    ]


def test_a_single_that_fails_the_last_time_is_told() -> None:
    """Its verdict is its own and counts the tries."""
    (told,) = JUDGE.decide_request_failure(batch(1, attempts=3), TIMEOUT)
    assert isinstance(told, GiveUp)
    assert told.failure.error_type == "ReadTimeout"
    assert "4 attempts" in told.failure.message


def test_a_single_with_tries_left_stays_single() -> None:
    """One that went alone has a reason to, and does not endanger others."""
    (kept,) = JUDGE.decide_request_failure(batch(1), TIMEOUT)
    assert isinstance(kept, RetryTogether)
    assert len(kept.batch) == 1


@pytest.mark.parametrize("kind", [FailureKind.TOO_LARGE, FailureKind.CLIENT_ERROR, FailureKind.API_ERROR])
def test_what_is_final_for_many_is_split(kind: FailureKind) -> None:
    """Into halves, at once, and without counting as a try."""
    outcomes = JUDGE.decide_request_failure(batch(1, 2, 3, 4, 5), Failure(kind, "x"))
    assert [(list(kept.batch.entries), kept.after) for kept in outcomes if isinstance(kept, RetryTogether)] == [
        ([1, 2], 0.0),
        ([3, 4, 5], 0.0),
    ]
    assert all(each.attempts == 0 for kept in outcomes if isinstance(kept, RetryTogether) for each in kept.batch)


def test_a_stalled_continuation_is_asked_for_singly() -> None:
    """One of them does not fit; nobody knows which."""
    outcomes = JUDGE.decide_request_failure(batch(1, 2, 3), Failure(FailureKind.STALLED, "x"))
    assert [len(kept.batch) for kept in outcomes if isinstance(kept, RetryTogether)] == [1, 1, 1]


@pytest.mark.parametrize("kind", [FailureKind.LOGIN_FAILED, FailureKind.INVALID_REQUEST, FailureKind.INTERNAL])
def test_what_no_revision_can_cause_is_told_to_all(kind: FailureKind) -> None:
    """Asking for fewer would only repeat it."""
    outcomes = JUDGE.decide_request_failure(batch(1, 2, 3), Failure(kind, "x"))
    assert [type(told) for told in outcomes] == [GiveUp] * 3


def test_with_one_try_allowed_a_shared_one_fails_nobody() -> None:
    """Neighbours of a bad revision get a try of their own."""
    strict = RetryContext(RetryPolicy(max_attempts=1), clock=0.0, now=0.0, jitter=0.0)
    outcomes = strict.decide_request_failure(batch(1, 2), TIMEOUT)
    assert [len(kept.batch) for kept in outcomes if isinstance(kept, RetryTogether)] == [1, 1]
    assert [type(told) for told in strict.decide_request_failure(batch(1), TIMEOUT)] == [GiveUp]


def test_an_unknown_revision_of_a_young_event_is_put_in_line_again() -> None:
    """Replica lag uses up no try of those that failures use up."""
    young = entry(1, born=998.0)
    assert JUDGE.decide_revision_failure(young, UNKNOWN) == RetryQueued(young, 0.5)
    assert (young.not_found_count, young.attempts) == (1, 0)


@pytest.mark.parametrize("born", [None, 900.0])
def test_an_unknown_revision_of_an_old_event_is_told(born: float | None) -> None:
    """It is not there."""
    outcome = JUDGE.decide_revision_failure(entry(1, born=born), UNKNOWN)
    assert isinstance(outcome, GiveUp)
    assert outcome.failure.error_type == "BadRevision"


def test_an_event_from_the_future_grows_old() -> None:
    """A clock that is wrong elsewhere must not keep a revision here for ever: waiting here counts as age."""
    ahead = entry(1, born=1e9)
    assert isinstance(JUDGE.decide_revision_failure(ahead, UNKNOWN), RetryQueued)
    later = JUDGE._replace(now=65.0)
    assert isinstance(later.decide_revision_failure(ahead, UNKNOWN), GiveUp)


def test_a_revision_on_its_last_try_waits_alone() -> None:
    """Replica lag does not bring it back among others, whom a failure of its own would touch."""
    worn = entry(1, born=999.0, attempts=3)
    outcome = JUDGE.decide_revision_failure(worn, UNKNOWN)
    assert isinstance(outcome, RetryTogether)
    assert len(outcome.batch) == 1


@pytest.mark.parametrize("kind", [row.kind for row in TABLE if row.retry_rule is RetryRule.UNTIL_LIMIT])
def test_a_bad_revision_is_asked_for_exactly_as_often_as_allowed(kind: FailureKind) -> None:
    """Followed through all its requests: four tries, the last of them alone, whoever travels along."""
    asked, waiting = 0, [batch(1, 2, 3)]
    told: list[GiveUp] = []
    while waiting:
        request = waiting.pop()
        if 1 not in request.entries:
            continue
        asked += 1
        for outcome in JUDGE.decide_request_failure(request, Failure(kind, "x")):
            match outcome:
                case RetryTogether(kept, _):
                    waiting.append(kept)
                case GiveUp():
                    told.append(outcome)
                case RetryQueued():
                    raise AssertionError(outcome)
    assert asked == 4
    assert [each.entry.subject for each in told] == [1]
