"""The relation of a found state of a store to the state in which a process left it."""

from __future__ import annotations

import pytest

from wikistate.core.updater.store_metadata import StorePosition
from wikistate.core.updater.store_state import (
    StoreComparison,
    StoreState,
    WriteToken,
    compare_states,
    next_token,
    parse_token,
)
from wikistate.streaming.record import Partition

TOPIC, OTHER = Partition("t"), Partition("u")
TOKEN = WriteToken(1000, "b")


def state(token: WriteToken | None, **offsets: int) -> StoreState:
    """Return a state with these next offsets."""
    return StoreState({Partition(name): StorePosition(offset, 0) for name, offset in offsets.items()}, token)


LEFT = state(TOKEN, t=5, u=7)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (LEFT, StoreComparison.SAME),
        (StoreState({TOPIC: StorePosition(5, 99), OTHER: StorePosition(7, 99)}, TOKEN), StoreComparison.SAME),
        (state(None), StoreComparison.OLDER),
        (state(WriteToken(900, "a"), t=5, u=7), StoreComparison.OLDER),
        (state(WriteToken(900, "a"), t=4, u=7), StoreComparison.OLDER),
        (state(WriteToken(900, "a"), t=4), StoreComparison.OLDER),
        (state(TOKEN, t=4, u=7), StoreComparison.OLDER),
        (state(WriteToken(1001, "c"), t=5, u=7), StoreComparison.NEWER),
        (state(WriteToken(1000, "c"), t=5, u=7), StoreComparison.NEWER),
        (state(WriteToken(900, "a"), t=6, u=7), StoreComparison.NEWER),
        (state(WriteToken(900, "a"), t=4, u=7, v=1), StoreComparison.NEWER),
        (state(TOKEN, t=6, u=7), StoreComparison.NEWER),
        (state(None, t=6), StoreComparison.NEWER),
    ],
)
def test_state_is_compared_by_token_and_positions(found: StoreState, expected: StoreComparison) -> None:
    """An older token is a lost update, unless a position is further than this process has come."""
    assert compare_states(found, LEFT) is expected


def test_store_without_a_token_is_compared_by_positions() -> None:
    """A store of an earlier version has none."""
    old = state(None, t=5)
    assert compare_states(old, old) is StoreComparison.SAME
    assert compare_states(state(None, t=4), old) is StoreComparison.OLDER
    assert compare_states(state(TOKEN, t=5), old) is StoreComparison.NEWER


def test_numbers_of_tokens_increase_also_if_the_clock_goes_back() -> None:
    """A token has the time of its batch, or one more than the token before it."""
    assert next_token(None, batch="x", now=7) == WriteToken(7, "x")
    assert next_token(TOKEN, batch="x", now=5000).number == 5000
    assert next_token(TOKEN, batch="x", now=7).number == 1001
    assert next_token(TOKEN, batch="x", now=1000).number == 1001


def test_text_of_a_token_is_read_back() -> None:
    """A text of another form is an error."""
    assert parse_token(str(TOKEN)) == TOKEN
    assert parse_token("1000 ab-7").run == "ab"
    with pytest.raises(ValueError, match="not with a number from 0"):
        parse_token("of another program")
