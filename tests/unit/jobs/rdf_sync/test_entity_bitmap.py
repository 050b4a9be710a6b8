"""The set of the entities that a full scan has listed."""

from __future__ import annotations

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from wikistate.core.updater.entity_id import MAX_NUMBER
from wikistate.jobs.rdf_sync.entity_bitmap import EntityBitmap

ENTITIES = st.builds("{}{}".format, st.sampled_from("QPL"), st.integers(1, 20_000) | st.integers(1, MAX_NUMBER))


@given(st.sets(ENTITIES), st.sets(ENTITIES))
def test_listed_entities_are_in_it_and_others_are_not(listed: set[str], others: set[str]) -> None:
    """Entities of all types and numbers."""
    bitmap = EntityBitmap()
    bitmap.add(listed)
    assert {entity for entity in listed | others if entity in bitmap} == listed


def test_largest_numbers_take_little_memory() -> None:
    """A wiki that lists one entity with a large number does not fill the memory."""
    bitmap = EntityBitmap()
    tracemalloc.start()
    try:
        bitmap.add(f"{letter}{MAX_NUMBER - 100_000 * number}" for letter in "QPL" for number in range(100))
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 1_000_000


def test_dense_numbers_take_a_bit_each() -> None:
    """A hundred million entities take some megabytes."""
    bitmap = EntityBitmap()
    tracemalloc.start()
    try:
        bitmap.add(f"Q{number}" for number in range(1, 50_001))
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 30_000
