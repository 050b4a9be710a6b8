"""The words for the start and the end of a source."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wikistate.adapters.connectors.start_stop import (
    Bound,
    Committed,
    LatestAtStart,
    Moment,
    Offsets,
    format_bound,
    parse_end,
    parse_start,
)
from wikistate.errors import ConfigError

NOON = 1_769_860_800_000  # 2026-01-31T12:00:00Z


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("committed", Committed(Bound.LATEST)),
        ("latest", Committed(Bound.LATEST)),
        ("", Committed(Bound.LATEST)),
        ("earliest", Committed(Bound.EARLIEST)),
        ("2026-01-31T12:00:00Z", Moment(NOON)),
        ("2026-01-31T13:00:00+01:00", Moment(NOON)),
    ],
)
def test_start_is_parsed(text: str, start: object) -> None:
    """The words of `offsets_initializer` apply to a group without committed offsets; a time overrides them."""
    assert parse_start(text, key="k") == start


def test_empty_end_means_unbounded_source() -> None:
    """A source without an end never ends."""
    assert parse_end("", key="k") is None


@given(st.datetimes(min_value=datetime(1970, 1, 2), max_value=datetime(2100, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_formatted_time_is_parsed_to_same_time(time: datetime) -> None:
    """Formatting and parsing are inverse, to the millisecond."""
    moment = Moment(int(time.timestamp() * 1000))
    assert parse_start(format_bound(moment), key="k") == moment
    assert parse_end(format_bound(moment), key="k") == moment


@pytest.mark.parametrize("start", [Committed(Bound.LATEST), Committed(Bound.EARLIEST)])
def test_formatted_start_is_parsed_to_same_start(start: Committed) -> None:
    """The words are formatted and parsed the same way."""
    assert parse_start(format_bound(start), key="k") == start
    assert parse_end(format_bound(LatestAtStart()), key="k") == LatestAtStart()


def test_offsets_are_valid_as_start_and_as_end() -> None:
    """Each offset names its partition; offsets of several topics also name the topic."""
    stated = Offsets((("", 0, 120), ("", 1, 95)))
    assert parse_start("offset:0=120,1=95", key="k") == parse_end("offset:0=120,1=95", key="k") == stated
    named = parse_start("offset:eqiad.changes/0=7,codfw.changes/0=9", key="k")
    assert isinstance(named, Offsets)
    assert [named.get(topic, 0) for topic in ("eqiad.changes", "codfw.changes", "other")] == [7, 9, None]
    assert [stated.get("any", number) for number in (0, 1, 2)] == [120, 95, None]
    for position in (stated, named):
        assert parse_start(format_bound(position), key="k") == position


@pytest.mark.parametrize(
    "text", ["offset:", "offset:5", "offset:0=", "offset:0=-1", "offset:0=1,0=2", "offset:0=1;1=2"]
)
def test_malformed_offsets_are_rejected(text: str) -> None:
    """Neither a partition nor one of two offsets of the same partition is guessed."""
    with pytest.raises(ConfigError, match="not valid offsets") as caught:
        parse_start(text, key="--source?start")
    assert "offset:0=120,1=95" in caught.value.hint
