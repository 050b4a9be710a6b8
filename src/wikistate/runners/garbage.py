"""The cyclic garbage collector, told what a running job's memory is like."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

THRESHOLDS = (50_000, 20, 20)
"""New objects before the youngest generation is looked through, and how often that happens before the older ones are."""


@contextmanager
def rare_collections() -> Iterator[None]:
    """Collects seldom meanwhile, and never looks at what was there before.

    The events in flight are some hundred thousand objects, next to none of which is part of a cycle: reference counts
    free them. By default the collector looks through them whenever 700 objects are new, which takes a sixth of the
    loop's time (measured). For the whole process, so it is for those who own the process.
    """
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
