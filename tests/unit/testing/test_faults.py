"""Fault rules select requests and their faults; the decision does not need a server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wikistate.errors import InputError
from wikistate.testing import faults
from wikistate.testing.faults import FaultRules, Hang, HttpStatus, Rule, decode_rules, encode_rules

if TYPE_CHECKING:
    from wikistate.testing.faults import FaultDecision

DOWN = HttpStatus(503, {"Retry-After": "2"})
EVERY_ACTION: list[faults.Fault] = [
    DOWN,
    faults.ApiError("readonly", more={"readonlyreason": "moving"}),
    faults.ReplicaLag(7.5),
    faults.Delay(0.25),
    Hang(),
    faults.ConnectionReset(after=10),
    faults.EmptyBody(),
    faults.TruncatedBody(0.9),
    faults.ByteOrderMark(behind=2),
    faults.NonJsonBody("?"),
    faults.MissingRevision(asks=3),
    faults.HugeBody(1_000),
    faults.GzipBomb(1_000),
    faults.HttpRedirect("https://elsewhere.example.org/"),
    faults.StalledContinuation(),
    faults.WrongRevision(5),
    faults.OldFormat(),
    faults.SlowBody(1, 0.5),
]


def ask(rules: FaultRules, *revisions: int, wiki: str = "enwiki", now: float = 0.0) -> FaultDecision:
    """Decide one request."""
    return rules.decide(wiki={wiki}, revisions=set(revisions), now=now)


def acted(rules: FaultRules, times: int) -> list[bool]:
    """Return for each of so many requests for revision 1 whether it has a fault."""
    return [ask(rules, 1).action is not None for _ in range(times)]


def test_without_rules_there_is_no_fault() -> None:
    """The decision is empty."""
    assert ask(FaultRules(), 1, 2) == faults.NO_FAULT


def test_rule_acts_on_requests_with_one_of_its_revisions() -> None:
    """The revision may be alone or among others; other requests are not affected."""
    rules = FaultRules([Rule(DOWN, revisions=frozenset({5, 6}))])
    assert [ask(rules, *ids).action for ids in ((1, 2), (5,), (4, 6), ())] == [None, DOWN, DOWN, None]


def test_rule_acts_on_its_wiki() -> None:
    """A rule may name the domain or the database name."""
    rules = FaultRules([Rule(DOWN, wiki="dewiki"), Rule(Hang(), wiki="fr.wikipedia.org")])
    assert ask(rules, 1, wiki="dewiki").action == DOWN
    assert ask(rules, 1, wiki="fr.wikipedia.org").action == Hang()
    assert ask(rules, 1).action is None


def test_rule_acts_at_most_so_many_times() -> None:
    """Only the first two requests have the fault."""
    assert acted(FaultRules([Rule(DOWN, times=2)]), 4) == [True, True, False, False]


def test_rule_acts_on_the_nth_matching_request() -> None:
    """Requests for other revisions are not counted."""
    rules = FaultRules([Rule(DOWN, revisions=frozenset({1}), nth=2)])
    ask(rules, 9)
    assert acted(rules, 4) == [False, True, False, False]


def test_rule_acts_on_every_nth_request() -> None:
    """The rule acts on the third and the sixth request."""
    assert acted(FaultRules([Rule(DOWN, every=3)]), 7) == [False, False, True, False, False, True, False]


def test_rule_acts_for_so_many_seconds() -> None:
    """The time counts from the start of the rule."""
    rules = FaultRules([Rule(DOWN, seconds=10)], now=100.0)
    assert ask(rules, 1, now=109.9).action == DOWN
    assert ask(rules, 1, now=110.0).action is None


def test_first_matching_rule_acts_and_the_others_do_not_count() -> None:
    """A rule that did not act keeps its remaining times."""
    rules = FaultRules([Rule(DOWN, times=1), Rule(Hang(), times=1)])
    assert [ask(rules, 1).action for _ in range(3)] == [DOWN, Hang(), None]


def test_missing_revision_appears_after_its_number_of_requests() -> None:
    """Each revision has its own count, and the other revisions of a request are never missing."""
    rules = FaultRules([Rule(faults.MissingRevision(asks=2), revisions=frozenset({1, 2}))])
    hidden = [ask(rules, *ids).hidden_revisions for ids in ((1, 7), (1, 2, 7), (1, 2, 7), (2, 1))]
    assert hidden == [{1}, {1, 2}, {2}, set()]


def test_missing_revision_and_another_fault_act_on_the_same_request() -> None:
    """Each rule for missing revisions acts, independent of the rules before and after it."""
    rules = FaultRules(
        [
            Rule(faults.MissingRevision(), revisions=frozenset({1})),
            Rule(DOWN),
            Rule(faults.MissingRevision(), revisions=frozenset({2})),
        ]
    )
    assert ask(rules, 1, 2, 3) == faults.FaultDecision(frozenset({1, 2}), DOWN)


def test_new_rules_replace_the_old_ones() -> None:
    """An empty list removes all faults."""
    rules = FaultRules([Rule(DOWN)])
    rules.replace([])
    assert ask(rules, 1).action is None
    assert rules.rules == []


def test_every_fault_survives_json() -> None:
    """Encoding and decoding is the identity for each fault."""
    rules = [Rule(action, revisions=frozenset({1, 2}), times=1) for action in EVERY_ACTION]
    assert decode_rules(encode_rules(rules)) == rules


@settings(deadline=None)
@given(
    st.lists(
        st.builds(
            Rule,
            st.sampled_from(EVERY_ACTION),
            revisions=st.none() | st.frozensets(st.integers(1, 2**53)),
            wiki=st.none() | st.text(),
            nth=st.none() | st.integers(1),
            every=st.none() | st.integers(1),
            times=st.none() | st.integers(0),
            seconds=st.none() | st.floats(0, 1e6),
        )
    )
)
def test_every_rule_survives_json(rules: list[Rule]) -> None:
    """Encoding and decoding is the identity for all conditions."""
    assert decode_rules(encode_rules(rules)) == rules


@pytest.mark.parametrize(
    ("document", "place"),
    [
        (b"{}", "at the document"),
        (b"not json", "at the document"),
        (b'[{"action": {"kind": "meteor"}}]', "at 0.action"),
        (b'[{"action": {"kind": "delay"}}]', "at 0.action.delay.seconds"),
        (b'[{"action": {"kind": "hang"}, "times": "often"}]', "at 0.times"),
    ],
)
def test_invalid_rule_is_rejected_with_its_place(document: bytes, place: str) -> None:
    """The message names the wrong member."""
    with pytest.raises(InputError, match=place):
        decode_rules(document)
