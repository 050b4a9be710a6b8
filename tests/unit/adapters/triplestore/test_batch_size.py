from __future__ import annotations

from wikistate.adapters.triplestore.batch_size import AdaptiveBatchSize, BatchLimits

BOUNDS = BatchLimits(triples=100_000, target_seconds=10.0)


def test_batches_of_a_fast_store_grow_up_to_the_bound() -> None:
    """Full batches take a tenth of the target time.

    Each next one is twice as large, up to the bound.
    """
    size = AdaptiveBatchSize(BOUNDS)
    sizes = []
    for _ in range(6):
        sizes.append(size.triples)
        size.observe(size.triples, 1.0)
    assert sizes == [10_000, 20_000, 40_000, 80_000, 100_000, 100_000]


def test_batches_of_a_slow_store_shrink_to_the_target_time() -> None:
    """A store that applies a thousand triples a second ends at the number for the target time."""
    size = AdaptiveBatchSize(BOUNDS)
    size.observe(size.triples, size.triples / 10_000)
    for _ in range(6):
        size.observe(size.triples, size.triples / 1000)
    assert size.triples == 10_000


def test_batch_size_has_a_minimum() -> None:
    """Empty batches would never end."""
    size = AdaptiveBatchSize(BOUNDS)
    for _ in range(40):
        size.observe(size.triples, 10_000.0)
    assert size.triples == 100


def test_small_batches_of_a_quiet_stream_do_not_shrink_the_next() -> None:
    """Three triples in half a second show the cost of an update, not that of a triple."""
    size = AdaptiveBatchSize(BOUNDS)
    for _ in range(100):
        size.observe(3, 0.5)
    assert size.triples == 10_000


def test_small_batch_that_took_too_long_shrinks_the_next() -> None:
    """An overloaded store does not get more, whatever the last batch held."""
    size = AdaptiveBatchSize(BOUNDS)
    size.observe(300, 30.0)
    assert size.triples == 5_000
