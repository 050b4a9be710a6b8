"""Continuations of the Action API that would change the query."""

from __future__ import annotations

import pytest

from wikistate.core.events.continuation import find_odd_continuation


@pytest.mark.parametrize(
    "found",
    [
        None,
        {},
        {"continue": "-||", "rccontinue": "20260131120000|7"},
        {"gapcontinue": "Ä", "continue": "gapcontinue||"},
        {"rvcontinue": 7, "continue": "||"},
    ],
)
def test_continuation_of_a_list_is_valid(found: object) -> None:
    """The parameters of all modules end in the same word."""
    assert find_odd_continuation(found) == ""


@pytest.mark.parametrize(
    "found",
    [
        {"action": "login"},
        {"titles": "Main Page", "continue": "-||"},
        {"format": "xml"},
        {"rvprop": "content"},
        {"gapcontinue": {"a": 1}},
        {"gapcontinue": ["a"]},
        {"gapcontinue": "x" * 20_000},
        {"gapcontinue": None},
        {f"{number}continue": "" for number in range(100)},
        [],
        "x",
        True,
    ],
)
def test_continuation_cannot_change_the_query(found: object) -> None:
    """The text says what is wrong."""
    assert "its field continue" in find_odd_continuation(found)
