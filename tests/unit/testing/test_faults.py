"""Fault rules say which requests go wrong; deciding it needs no server."""

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
    faults.NonJsonBody("?"),
    faults.MissingRevision(asks=3),
    faults.HugeBody(1_000),
    faults.GzipBomb(1_000),
    faults.HttpRedirect("https://elsewhere.example.org/"),
    faults.StalledContinuation(),
    faults.WrongRevision(5),
    faults.SlowBody(1, 0.5),
]


def ask(book: FaultRules, *revisions: int, wiki: str = "enwiki", now: float = 0.0) -> FaultDecision:
    """One request."""
    return book.decide(wiki={wiki}, revisions=set(revisions), now=now)


def acted(book: FaultRules, times: int) -> list[bool]:
    """Which of so many requests for revision 1 go wrong."""
    return [ask(book, 1).action is not None for _ in range(times)]


def test_without_rules_nothing_goes_wrong() -> None:
    """The verdict is empty."""
    assert ask(FaultRules(), 1, 2) == faults.NO_FAULT


def test_a_rule_acts_on_requests_that_contain_one_of_its_revisions() -> None:
    """Alone or among others, and on no other request."""
    book = FaultRules([Rule(DOWN, revisions=frozenset({5, 6}))])
    assert [ask(book, *ids).action for ids in ((1, 2), (5,), (4, 6), ())] == [None, DOWN, DOWN, None]


def test_a_rule_acts_on_its_wiki() -> None:
    """Domain and database name both name it."""
    book = FaultRules([Rule(DOWN, wiki="dewiki"), Rule(Hang(), wiki="fr.wikipedia.org")])
    assert ask(book, 1, wiki="dewiki").action == DOWN
    assert ask(book, 1, wiki="fr.wikipedia.org").action == Hang()
    assert ask(book, 1).action is None


def test_a_rule_acts_so_often_and_no_more() -> None:
    """The first two requests fail."""
    assert acted(FaultRules([Rule(DOWN, times=2)]), 4) == [True, True, False, False]


def test_a_rule_acts_on_the_nth_request_that_matches() -> None:
    """Requests for other revisions are not counted."""
    book = FaultRules([Rule(DOWN, revisions=frozenset({1}), nth=2)])
    ask(book, 9)
    assert acted(book, 4) == [False, True, False, False]


def test_a_rule_acts_on_every_nth_request() -> None:
    """The third, the sixth, and so on."""
    assert acted(FaultRules([Rule(DOWN, every=3)]), 7) == [False, False, True, False, False, True, False]


def test_a_rule_acts_for_so_many_seconds() -> None:
    """Counted from when it was set."""
    book = FaultRules([Rule(DOWN, seconds=10)], now=100.0)
    assert ask(book, 1, now=109.9).action == DOWN
    assert ask(book, 1, now=110.0).action is None


def test_the_first_of_several_rules_acts_and_the_others_are_not_used_up() -> None:
    """A rule that had no turn keeps its times."""
    book = FaultRules([Rule(DOWN, times=1), Rule(Hang(), times=1)])
    assert [ask(book, 1).action for _ in range(3)] == [DOWN, Hang(), None]


def test_an_absent_revision_appears_after_so_many_asks_of_its_own() -> None:
    """Each revision counts for itself, and its neighbours are never hidden."""
    book = FaultRules([Rule(faults.MissingRevision(asks=2), revisions=frozenset({1, 2}))])
    hidden = [ask(book, *ids).hidden_revisions for ids in ((1, 7), (1, 2, 7), (1, 2, 7), (2, 1))]
    assert hidden == [{1}, {1, 2}, {2}, set()]


def test_absence_and_another_fault_act_on_the_same_request() -> None:
    """Every rule of absence counts, whatever comes before or after it."""
    book = FaultRules(
        [
            Rule(faults.MissingRevision(), revisions=frozenset({1})),
            Rule(DOWN),
            Rule(faults.MissingRevision(), revisions=frozenset({2})),
        ]
    )
    assert ask(book, 1, 2, 3) == faults.FaultDecision(frozenset({1, 2}), DOWN)


def test_new_rules_take_the_place_of_the_old_ones() -> None:
    """An empty list ends all trouble."""
    book = FaultRules([Rule(DOWN)])
    book.replace([])
    assert ask(book, 1).action is None
    assert book.rules == []


def test_every_action_travels_as_json() -> None:
    """Encoding and decoding is the identity for each of them."""
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
def test_rules_travel_as_json(rules: list[Rule]) -> None:
    """Whatever their conditions."""
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
def test_what_is_no_rule_is_refused_with_its_place(document: bytes, place: str) -> None:
    """The message leads to the member that is wrong."""
    with pytest.raises(InputError, match=place):
        decode_rules(document)
