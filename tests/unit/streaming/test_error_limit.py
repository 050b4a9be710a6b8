"""When too many events fail, and when not."""

from __future__ import annotations

import pytest

from wikistate.config.model import ErrorLimitSettings
from wikistate.errors import ErrorLimitError
from wikistate.streaming.error_limit import ErrorLimit
from wikistate.streaming.record import Output, Role


def outputs(pattern: str) -> list[Output]:
    """``x`` for an error event, ``.`` for one that went well."""
    return [Output(Role.ERROR if each == "x" else Role.SINK, None, b"{}", None) for each in pattern]


def stops_at(limit: ErrorLimit, pattern: str) -> int | None:
    """The output at which the limit objects, from 0."""
    for number, output in enumerate(outputs(pattern)):
        try:
            limit.observe([output])
        except ErrorLimitError:
            return number
    return None


def test_without_limits_anything_goes() -> None:
    """The default, for services."""
    assert stops_at(ErrorLimit(), "x" * 5000) is None


@pytest.mark.parametrize(("pattern", "stop"), [("xxx.xxx.xxx", None), (".xxxx", 4), ("xxx.xxxx", 7), ("xxxx", 3)])
def test_a_row_is_broken_by_one_that_goes_well(pattern: str, stop: int | None) -> None:
    """Three are allowed; the fourth in a row is too many."""
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
def test_the_share_is_that_of_the_last_ones(pattern: str, stop: int | None) -> None:
    """More than half of the last ten; not judged before there are ten."""
    assert stops_at(ErrorLimit(ErrorLimitSettings(share=0.5, window=10)), pattern) == stop


def test_the_message_says_what_was_found_and_what_is_allowed() -> None:
    """With the setting's path, and what to do next."""
    with pytest.raises(ErrorLimitError) as caught:
        ErrorLimit(ErrorLimitSettings(share=0.25, window=4)).observe(outputs("x..x"))
    assert caught.value.message == "2 of the last 4 events failed; the limit is 25.0%."
    assert "error stream" in caught.value.hint
    assert caught.value.ids == {"key": "error_limit.share"}


def test_it_goes_on_saying_what_it_said_first() -> None:
    """A runner that is about to end may show it what was in hand; what the operator reads is what ended the run."""
    limit = ErrorLimit(ErrorLimitSettings(in_a_row=1))
    said = set()
    for output in outputs("xxx.x"):
        try:
            limit.observe([output])
        except ErrorLimitError as error:
            said.add(error.message)
    assert said == {"2 events in a row failed; the limit is 1."}
