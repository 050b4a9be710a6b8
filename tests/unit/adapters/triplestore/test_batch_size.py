from __future__ import annotations

from wikistate.adapters.triplestore.batch_size import AdaptiveBatchSize, BatchLimits

BOUNDS = BatchLimits(triples=100_000, target_seconds=10.0)


def test_a_quick_store_is_given_more_up_to_the_bound() -> None:
    """Full batches that take a tenth of the time that is meant: each next one is twice as large, and no larger than allowed."""
    pace = AdaptiveBatchSize(BOUNDS)
    sizes = []
    for _ in range(6):
        sizes.append(pace.triples)
        pace.observe(pace.triples, 1.0)
    assert sizes == [10_000, 20_000, 40_000, 80_000, 100_000, 100_000]


def test_a_slow_store_is_given_less_down_to_what_fits() -> None:
    """A store that takes a thousand triples a second ends at what it takes in the time that is meant."""
    pace = AdaptiveBatchSize(BOUNDS)
    pace.observe(pace.triples, pace.triples / 10_000)
    for _ in range(6):
        pace.observe(pace.triples, pace.triples / 1000)
    assert pace.triples == 10_000


def test_a_store_that_almost_stands_still_is_still_given_something() -> None:
    """The size has a floor: a batch of nothing would never end."""
    pace = AdaptiveBatchSize(BOUNDS)
    for _ in range(40):
        pace.observe(pace.triples, 10_000.0)
    assert pace.triples == 100


def test_small_batches_of_a_quiet_stream_do_not_shrink_the_next() -> None:
    """Three triples in half a second say what an update costs, and not what a triple costs."""
    pace = AdaptiveBatchSize(BOUNDS)
    for _ in range(100):
        pace.observe(3, 0.5)
    assert pace.triples == 10_000


def test_a_small_batch_that_took_too_long_shrinks_the_next() -> None:
    """A store in trouble is not given more, whatever the last batch held."""
    pace = AdaptiveBatchSize(BOUNDS)
    pace.observe(300, 30.0)
    assert pace.triples == 5_000
