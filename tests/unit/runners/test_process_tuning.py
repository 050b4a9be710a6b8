from __future__ import annotations

import gc
import weakref
from contextlib import suppress

from wikistate.runners.process_tuning import OBJECTS_IN_FLIGHT, OBJECTS_IN_TWO_BATCHES, gc_tuned


def test_collections_are_rare_meanwhile_and_as_before_afterwards() -> None:
    """Thresholds and the frozen generation are those of before, also when the run fails."""
    before, frozen = gc.get_threshold(), gc.get_freeze_count()
    with suppress(KeyError), gc_tuned(OBJECTS_IN_TWO_BATCHES):
        assert gc.get_threshold()[0] == OBJECTS_IN_TWO_BATCHES
        assert gc.get_freeze_count() > frozen
        raise KeyError
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0


def test_a_cycle_is_still_collected() -> None:
    """Rare is not never: memory does not fill with cycles."""
    with gc_tuned():
        first = weakref.ref(_cycle())
        for _ in range(2 * OBJECTS_IN_FLIGHT):
            _cycle()
        assert first() is None


class _Node:
    def __init__(self) -> None:
        self.next = self


def _cycle() -> _Node:
    return _Node()
