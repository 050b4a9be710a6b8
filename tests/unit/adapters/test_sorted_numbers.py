"""Sorting on disk."""

from __future__ import annotations

import random
import sqlite3
from typing import TYPE_CHECKING

import pytest

from wikistate.adapters.sorted_numbers import sort_numbers
from wikistate.errors import InputError, StateError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def test_numbers_are_sorted_and_the_largest_second_number_counts() -> None:
    """Also the smallest and the largest of 64 bits."""
    pairs = [(key, number) for key in range(500) for number in (1, 3, 2)]
    random.Random(1).shuffle(pairs)
    edges = [(2**63 - 1, 2**63 - 1), (-(2**63), -(2**63))]
    assert list(sort_numbers(pairs + edges)) == [edges[1], *((key, 3) for key in range(500)), edges[0]]
    assert list(sort_numbers([])) == []


def test_error_of_the_input_passes() -> None:
    """It is not an error of the temporary file."""

    def read() -> Iterator[tuple[int, int]]:
        yield 1, 1
        raise InputError("a.csv, line 2, is wrong.")

    with pytest.raises(InputError, match="line 2"):
        list(sort_numbers(read()))


def test_temporary_file_that_cannot_be_used_is_an_error_with_advice(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As on a full disk."""

    def connect(*_: object, **__: object) -> sqlite3.Connection:
        connection = sqlite3.Connection(tmp_path / "small", isolation_level=None)
        connection.execute("PRAGMA max_page_count = 3")
        return connection

    monkeypatch.setattr("wikistate.adapters.sorted_numbers.sqlite3.connect", connect)
    with pytest.raises(StateError, match="SQLITE_TMPDIR"):
        list(sort_numbers((number, number) for number in range(100_000)))
