"""A list of a wiki advances, or ends with a reason."""

from __future__ import annotations

import tracemalloc
from itertools import count

import pytest

from wikistate.core.events.continuation import MAX_CONTINUATION, MAX_EMPTY_PARTS, ListProgress


def test_list_with_an_end_has_no_reason_to_be_ended() -> None:
    """A part without a row may be among its parts."""
    progress = ListProgress()
    parts = [({"continue": "-||", "rccontinue": f"2026|{number}"}, number % 3) for number in range(5000)]
    assert not any(progress.check(following, rows) for following, rows in parts)
    assert progress.check(None, 0) == ""


@pytest.mark.parametrize("cycle", [1, 2, 500])
def test_list_that_comes_back_is_ended(cycle: int) -> None:
    """Whether it repeats one part or many."""
    progress = ListProgress()
    reasons = [progress.check({"rccontinue": str(number % cycle)}, 1) for number in range(cycle + 1)]
    assert not any(reasons[:-1])
    assert reasons[-1] == "its list does not advance at '0'"


def test_list_without_rows_is_ended() -> None:
    """Each part may have another continuation."""
    progress = ListProgress()
    asked = next(number for number in count() if progress.check({"rccontinue": str(number)}, 0))
    assert asked == MAX_EMPTY_PARTS


def test_rows_in_memory_are_bounded() -> None:
    """A list that is read as a whole has a limit, which the reason names."""
    progress = ListProgress(max_rows=100)
    assert progress.check({"lecontinue": "1"}, 100) == ""
    assert "100 rows" in progress.check(None, 1)


@pytest.mark.parametrize("following", ["text", 1, ["a"], {"rccontinue": "x" * MAX_CONTINUATION}])
def test_odd_continuation_ends_the_list(following: object) -> None:
    """One that is not an object, or that each request would have to repeat in its full length."""
    assert "continuation" in ListProgress().check(following, 1)


def test_progress_takes_bounded_memory() -> None:
    """A list may have any number of parts."""
    progress = ListProgress()
    tracemalloc.start()
    try:
        for number in range(30_000):
            assert progress.check({"rccontinue": str(number)}, 1) == ""
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 4_000_000
