from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema_rs import Draft7Validator

from wikistate.core.events.timestamps import format_timestamp, parse_timestamp

FORMAT = Draft7Validator({"type": "string", "format": "date-time"}, validate_formats=True)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST, LAST = -62_135_596_800_000, 253_402_300_799_999  # years 1 to 9999


@given(st.integers(FIRST, LAST))
def test_formatted_time_is_parsed_to_the_same_milliseconds(milliseconds: int) -> None:
    """Milliseconds survive formatting and parsing, and the text is RFC 3339 of 24 characters."""
    text = format_timestamp(milliseconds)
    assert parse_timestamp(text) == milliseconds
    assert FORMAT.is_valid(text)
    assert (len(text), text[-1]) == (24, "Z")


@given(
    st.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9998, 12, 31)),  # noqa: DTZ001  # Hypothesis wants these naive
    st.integers(-14 * 60, 14 * 60),
)
def test_offsets_are_taken_into_account(local: datetime, minutes: int) -> None:
    """A timestamp with an offset is the same moment as in UTC."""
    moment = local.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    assert parse_timestamp(moment.isoformat()) == (moment - EPOCH) // timedelta(milliseconds=1)


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01t00:00:01z", 1000),
        ("1970-01-01T00:00:00.5Z", 500),
        ("1970-01-01T00:00:00.0019999999Z", 1),
        ("1969-12-31T23:59:59.999Z", -1),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1970-01-01T00:00:00-00:00", 0),
        ("2016-12-31T23:59:60Z", 1_483_228_800_000),
        ("2016-12-31T23:59:60.250Z", 1_483_228_800_250),
    ],
)
def test_every_form_of_rfc_3339_is_parsed(text: str, milliseconds: int) -> None:
    """Lower case, fractions of any length, times before the epoch, offsets, and leap seconds are parsed."""
    assert parse_timestamp(text) == milliseconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2023-04-18",
        "2023-04-18T11:02:33",
        "2023-04-18 11:02:33Z",
        "2023-04-18T11:02Z",
        "2023-02-30T00:00:00Z",
        "2023-04-18T24:00:00Z",
        "2023-04-18T00:00:00+24:00",
        "2023-W01-1T00:00:00Z",
        "20230418T110233Z",
        "0000-01-01T00:00:00Z",
        "٢023-04-18T11:02:33Z",
        "2023-04-18T11:02:33Z\n",
        "2023-04-18T11:02:33." + "0" * 100 + "Z",
    ],
)
def test_text_that_is_not_rfc_3339_becomes_none(text: str) -> None:
    """Dates alone, local times, other forms of ISO 8601 and moments that do not exist give None, and no exception."""
    assert parse_timestamp(text) is None


@given(st.text(max_size=30) | st.from_regex(r"\A\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)\Z"))
def test_every_timestamp_of_the_schema_is_parsed(text: str) -> None:
    """Nothing raises.

    Every date-time of the validator is parsed, except for year 0, which Python lacks.
    """
    if FORMAT.is_valid(text) and not text.startswith("0000") and len(text) <= 64:
        assert parse_timestamp(text) is not None
