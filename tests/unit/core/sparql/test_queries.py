"""Tests of the queries about a store as a whole, and of their answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pyoxigraph import Literal, NamedNode

from wikistate.core.sparql.queries import read_largest_number, read_newest_change

if TYPE_CHECKING:
    from wikistate.core.updater.store_metadata import Row


@pytest.mark.parametrize(
    ("rows", "largest"),
    [([], 0), ([{}], 0), ([{"largest": Literal(42)}], 42), ([{"largest": NamedNode("http://wikibase.example/")}], 0)],
)
def test_largest_number_is_0_without_a_number(rows: list[Row], largest: int) -> None:
    """A store without entities of the type binds nothing."""
    assert read_largest_number(rows) == largest


@pytest.mark.parametrize(
    ("rows", "newest"),
    [
        ([], None),
        ([{}], None),
        ([{"newest": Literal("1970-01-01T00:00:02.500Z")}], 2_500),
        ([{"newest": Literal("yesterday")}], None),
    ],
)
def test_newest_change_is_read_in_milliseconds(rows: list[Row], newest: int | None) -> None:
    """A store of another updater may state no time, or one in another form."""
    assert read_newest_change(rows) == newest
