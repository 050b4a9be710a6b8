"""Too many failed events end a run, and fewer do not."""

from __future__ import annotations

import pytest

from wikistate.config.model import ErrorLimitSettings
from wikistate.errors import ErrorLimitError
from wikistate.streaming.error_limit import ErrorLimit
from wikistate.streaming.record import Output, Role


def outputs(pattern: str) -> list[Output]:
    """Return an error event for each ``x`` and an output for each ``.``."""
    return [Output(Role.ERROR if each == "x" else Role.SINK, None, b"{}", None) for each in pattern]


def stops_at(limit: ErrorLimit, pattern: str) -> int | None:
    """Return the index of the output at which the limit raises; None if it does not."""
    for number, output in enumerate(outputs(pattern)):
        try:
            limit.observe([output])
        except ErrorLimitError:
            return number
    return None


def test_every_output_passes_without_limits() -> None:
    """The default, which is right for services."""
    assert stops_at(ErrorLimit(), "x" * 5000) is None


@pytest.mark.parametrize(("pattern", "stop"), [("xxx.xxx.xxx", None), (".xxxx", 4), ("xxx.xxxx", 7), ("xxxx", 3)])
def test_success_ends_a_row_of_errors(pattern: str, stop: int | None) -> None:
    """Three errors in a row are allowed; the fourth is too many."""
    assert stops_at(ErrorLimit(ErrorLimitSettings(in_a_row=3)), pattern) == stop


@pytest.mark.parametrize(
    ("pattern", "stop"),
    [
        ("xxxxxxxxx", None),  # fewer than the window
        ("xxxxxxxxxx", 9),
        ("xxxxx.....", None),  # a half is allowed
        ("xxxxx.....x", None),  # one of the old ones has left the window
        ("x....x.xxx.x", None),
        ("x....x.xxxxx", 11),
    ],
)
def test_share_counts_the_latest_outputs(pattern: str, stop: int | None) -> None:
    """More than half of the last ten are too many; fewer than ten outputs are not counted."""
    assert stops_at(ErrorLimit(ErrorLimitSettings(share=0.5, window=10)), pattern) == stop


def test_message_states_errors_and_limit() -> None:
    """It has the path of the setting and the next step."""
    with pytest.raises(ErrorLimitError) as caught:
        ErrorLimit(ErrorLimitSettings(share=0.25, window=4)).observe(outputs("x..x"))
    assert caught.value.message == "2 of the last 4 events failed; the limit is 25.0%."
    assert "error stream" in caught.value.hint
    assert caught.value.ids == {"key": "error_limit.share"}


def test_first_error_is_raised_again_by_later_calls() -> None:
    """A runner that ends may still write outputs; the operator reads the error that ended the run."""
    limit = ErrorLimit(ErrorLimitSettings(in_a_row=1))
    messages = set()
    for output in outputs("xxx.x"):
        try:
            limit.observe([output])
        except ErrorLimitError as error:
            messages.add(error.message)
    assert messages == {"2 events in a row failed; the limit is 1."}


def test_entity_that_cannot_be_fetched_is_a_failure() -> None:
    """A late event is not: it was decided."""
    limit = ErrorLimit(ErrorLimitSettings(in_a_row=2))
    for role in (Role.LAPSED_ACTION, Role.STATE_INCONSISTENCY):
        limit.observe([Output(role, None, b"{}", None)] * 9)
    with pytest.raises(ErrorLimitError):
        limit.observe([Output(Role.FETCH_FAILURE, None, b"{}", None)] * 3)
