"""Times from outside: each is within the years that RFC 3339 can state, or is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyoxigraph import Literal

from wikistate.adapters.connectors.start_stop import parse_end, parse_since, parse_start
from wikistate.adapters.http.client import parse_retry_after
from wikistate.core.enrichment.failures import Failure, FailureKind
from wikistate.core.enrichment.retry import RetryPolicy, compute_retry_delay
from wikistate.core.events.integers import MAX_TIME, MIN_TIME
from wikistate.core.events.timestamps import format_timestamp, parse_http_date, parse_iso_time, parse_timestamp
from wikistate.core.sparql.queries import read_newest_change, read_state
from wikistate.core.updater.input_reader import CLOCK_SKEW
from wikistate.errors import ConfigError, StoreError
from wikistate.jobs.rdf_sync.source_progress import EventProgress
from wikistate.streaming.record import Partition, Record

if TYPE_CHECKING:
    from collections.abc import Callable

BEYOND = [
    "9999-12-31T23:59:59-23:59",
    "0001-01-01T00:00:00+23:59",
    "0000-01-01T00:00:00Z",
    "10000-01-01T00:00:00Z",
    "99999999999-01-01T00:00:00Z",
    "2026-01-01T00:00:00+99:00",
    "٢٠٢٦-01-01T00:00:00Z",
    "1" * 5000,
    "",
]


@pytest.mark.parametrize("text", BEYOND)
@pytest.mark.parametrize("read", [parse_timestamp, parse_iso_time])
def test_time_beyond_the_years_is_none(read: Callable[[str], int | None], text: str) -> None:
    """A zone moves the first and the last hours beyond them."""
    assert read(text) is None


@given(st.datetimes(), st.integers(-1439, 1439))
def test_time_that_is_read_can_be_written(moment: object, minutes: int) -> None:
    """The zone does not matter."""
    sign, minutes = ("-" if minutes < 0 else "+"), abs(minutes)
    text = f"{moment.isoformat(timespec='seconds')}{sign}{minutes // 60:02}:{minutes % 60:02}"  # type: ignore[attr-defined]
    for time in (parse_timestamp(text), parse_iso_time(text)):
        assert time is None or parse_timestamp(format_timestamp(time)) == time
        assert time is None or MIN_TIME <= time <= MAX_TIME


@pytest.mark.parametrize("text", BEYOND[:-1])
@pytest.mark.parametrize("parse", [parse_start, parse_end, parse_since])
def test_time_of_a_setting_beyond_the_years_is_an_error(parse: Callable[..., object], text: str) -> None:
    """The error names the setting."""
    with pytest.raises(ConfigError, match="not a valid position") as caught:
        parse(text, key="options.since")
    assert caught.value.ids["key"] == "options.since"


@pytest.mark.parametrize("text", BEYOND)
def test_time_of_a_store_beyond_the_years_is_refused(text: str) -> None:
    """The freshness is unknown then, and a position is an error."""
    assert read_newest_change([{"newest": Literal(text)}]) is None
    row = {"topic": Literal("t"), "partition": Literal("0"), "offset": Literal("1"), "until": Literal(text)}
    with pytest.raises(StoreError, match="position in the store cannot be read"):
        read_state([row])


DATES = [
    "Fri, 31 Dec 9999 23:59:59 GMT",
    "Fri, 31 Dec 9999 23:59:59 -2359",
    "Mon, 01 Jan 99999999999 00:00:00 GMT",
    "Mon, 01 Jan 2024 00:00:00 +99999999999999999999",
    "Mon, 01 Jan 2024 00:00:00 " + "9" * 5000,
    "Mon, 99 Jan 2024 99:99:99 GMT",
]


@pytest.mark.parametrize(
    "value", [*DATES, "9" * 5000, str(2**63), "-1", "1e400", "nan", "inf", "٣", "0x10", "1.5", "true", ""]
)
def test_delay_that_a_server_asks_for_is_bounded(value: str) -> None:
    """A refusal for the moment stays one: the delay is at most the cap of the policy."""
    delay = parse_retry_after({"Retry-After": value}, 0.0)
    assert delay is None or 0.0 <= delay <= MAX_TIME / 1000
    failure = Failure(FailureKind.TOO_MANY_REQUESTS, "", delay)
    assert 0.0 <= compute_retry_delay(failure, attempt=1, policy=RetryPolicy(retry_after_cap=300.0)) <= 300.5


@given(st.text(max_size=80) | st.from_regex(r"[A-Za-z]{0,4},? ?[0-9:+\- ]{0,40}", fullmatch=True))
def test_any_header_is_a_date_or_none(text: str) -> None:
    """The parser of the library raises several errors."""
    time = parse_http_date(text)
    assert time is None or MIN_TIME <= time <= MAX_TIME


def test_event_of_the_future_does_not_prove_that_the_source_was_followed() -> None:
    """A wrong clock, or a server, would let the next run begin behind the changes in between."""
    progress = EventProgress(lambda: 1000.0)
    for number, time in enumerate((900_000, MAX_TIME, 2**63 - 1, None, -5)):
        progress.observe([Record(b"", None, time, Partition("t"), number)])
    assert progress.followed_until() == 1_000_000 + CLOCK_SKEW
