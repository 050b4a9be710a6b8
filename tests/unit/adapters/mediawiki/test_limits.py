from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wikistate.adapters.mediawiki.limits import AdaptiveConcurrency, Pause, RateLimit, default_farm_settings


def test_defaults_follow_the_etiquette_of_wikimedia() -> None:
    """Wikimedia's public wikis allow three concurrent requests, your own wikis more."""
    assert default_farm_settings("wikimedia").max_concurrency == 3
    assert default_farm_settings("own").max_concurrency == 16
    assert (default_farm_settings("wikimedia").rate, default_farm_settings("own").rate) == (5.0, None)


def test_concurrency_grows_by_one_for_each_window() -> None:
    """After as many fast responses as the limit it grows by one, up to the maximum."""
    concurrency = AdaptiveConcurrency(4)
    limits = []
    for _ in range(12):
        concurrency.succeeded()
        limits.append(concurrency.limit)
    assert limits == [2, 3, 3, 3, 4, 4, 4, 4, 4, 4, 4, 4]


def test_slow_response_restarts_the_window() -> None:
    """Fast responses on both sides of a slow one do not add up."""
    concurrency = AdaptiveConcurrency(4)
    for _ in range(5):
        concurrency.succeeded()
        concurrency.slowed()
    assert concurrency.limit == 2


def test_concurrency_halves_once_for_each_round_trip() -> None:
    """Eight requests that were in flight together and are all rejected count once."""
    concurrency = AdaptiveConcurrency(16)
    for _ in range(8):
        concurrency.overloaded(sent=1.0, now=2.0)
    assert concurrency.limit == 4
    concurrency.overloaded(sent=2.5, now=3.0)
    assert concurrency.limit == 2


@given(
    st.integers(1, 20),
    st.lists(st.tuples(st.sampled_from(["succeeded", "hesitated", "overloaded"]), st.floats(0, 2))),
)
def test_concurrency_stays_between_one_and_the_maximum(maximum: int, answers: list[tuple[str, float]]) -> None:
    """The law holds for any sequence of responses."""
    concurrency, now = AdaptiveConcurrency(maximum), 0.0
    for kind, took in answers:
        now += took
        match kind:
            case "succeeded":
                concurrency.succeeded()
            case "hesitated":
                concurrency.slowed()
            case _:
                concurrency.overloaded(sent=now - took, now=now)
        assert 1 <= concurrency.limit <= maximum


def test_missing_rate_means_no_delay() -> None:
    """Without a limit nothing waits."""
    rate = RateLimit(None)
    for _ in range(1000):
        assert rate.delay(0.0) == 0.0
        rate.reserve(0.0)


@given(st.floats(0.5, 50), st.lists(st.floats(0, 0.5), min_size=1, max_size=200))
def test_rate_holds_in_any_second(per_second: float, steps: list[float]) -> None:
    """The law also holds after a long pause: a number of requests never takes less than its minimum time."""
    rate, now, sent = RateLimit(per_second), 0.0, list[float]()
    for step in steps:
        now += step
        while rate.delay(now) == 0.0:
            rate.reserve(now)
            sent.append(now)
    most = max(1, int(per_second))
    assert all(later - earlier >= most / per_second for earlier, later in zip(sent, sent[most:], strict=False))


def test_delay_is_long_enough() -> None:
    """After the returned delay there is a token."""
    rate = RateLimit(4.0)
    for _ in range(4):
        rate.reserve(10.0)
    assert 1.0 < rate.delay(10.0) < 1.1
    assert rate.delay(10.0 + rate.delay(10.0)) == 0.0


def test_concurrent_reservations_get_different_times() -> None:
    """Two requests at the same moment are not sent at the same moment."""
    rate = RateLimit(1.0)
    assert [round(rate.reserve(0.0)) for _ in range(3)] == [0, 1, 2]


def test_pause_is_never_shortened() -> None:
    """Of two requested pauses the longer one holds."""
    pause = Pause()
    pause.extend(5.0)
    pause.extend(3.0)
    assert pause.until == 5.0
