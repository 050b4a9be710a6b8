"""The cyclic garbage collector, told what a running job's memory is like."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

OBJECTS_IN_FLIGHT = 50_000
"""New objects before the youngest generation is looked through: more than events in flight are made of."""

OBJECTS_IN_TWO_BATCHES = 1_000_000
"""The same where triples are gathered in two batches of 100,000, each of them some objects that the collector knows."""

_GENERATIONS = 20
"""How often that happens before the next older generation is."""


@contextmanager
def gc_tuned(objects: int = OBJECTS_IN_FLIGHT) -> Iterator[None]:
    """Collects seldom meanwhile, and never looks at what was there before.

    What a job has in hand is some hundred thousand objects, next to none of which is part of a cycle: reference counts
    free them. By default the collector looks through them whenever 700 objects are new, which takes a sixth of the
    loop's time (measured). For the whole process, so it is for those who own the process.

    Args:
        objects: How many may be new before it looks.
    """
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(objects, _GENERATIONS, _GENERATIONS)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
