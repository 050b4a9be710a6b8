"""The main failure: most attempts fail for one reason, and otherwise there is none."""

from __future__ import annotations

import pytest

from wikistate.streaming.main_failure import MainFailure, RecentFailures, find_main_failure


@pytest.mark.parametrize(
    ("successes", "failures", "expected"),
    [
        (0, {"Munge": 10}, MainFailure("Munge", 10, 10)),
        (4, {"Munge": 6}, MainFailure("Munge", 6, 10)),
        (5, {"Munge": 5}, None),
        (0, {"Munge": 9}, None),
        (0, {"Munge": 5, "NotJson": 5}, None),
        (0, {"Munge": 6, "NotJson": 5}, MainFailure("Munge", 6, 11)),
        (1_000_000, {"Munge": 3}, None),
        (10, {}, None),
    ],
)
def test_reason_with_more_than_its_share_is_the_main_failure(
    successes: int, failures: dict[str, float], expected: MainFailure | None
) -> None:
    """Half is not most, ten are needed, and several reasons are not one."""
    assert find_main_failure(successes, failures) == expected


def test_message_has_numbers_and_reason() -> None:
    """For a log or a terminal."""
    assert str(MainFailure("MungeError", 1200, 1300)) == "1,200 of 1,300 failed: MungeError"


def test_latest_attempts_count() -> None:
    """A service that worked for days and then fails gives the alarm after ten attempts, and ends it after ten others."""
    recent = RecentFailures()
    recent.add(1_000_000)
    for _ in range(9):
        recent.add(0, {"ClientError": 1})
        assert recent.main is None
    recent.add(0, {"ClientError": 1})
    assert recent.main == MainFailure("ClientError", 10, 10)
    recent.add(4)
    assert recent.main is not None
    recent.add(1)
    assert recent.main is None


def test_alarm_stays_while_failures_prevail() -> None:
    """Single successes do not end it."""
    recent = RecentFailures()
    for _ in range(50):
        recent.add(0, {"ClientError": 4})
        recent.add(1)
    assert recent.main is not None
    assert recent.main.reason == "ClientError"
