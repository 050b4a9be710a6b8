"""The row of an event in the table."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wikistate.adapters.connectors.parquet.columns import FIELDS, NO_VALUE, build_row, format_partition
from wikistate.streaming.record import Output, Role

NAMES = (*(column.name for column in FIELDS), "event_time", "content_bodies", "event")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=12,
)


def row(event: object, milliseconds: int | None = 0) -> dict[str, object]:
    """Return the row of an event by the names of the columns."""
    return dict(zip(NAMES, build_row(Output(Role.SINK, None, orjson.dumps(event), milliseconds)), strict=True))


def test_fields_have_columns_and_bodies_are_separate() -> None:
    """The content bodies are removed from the event, all other fields stay: each byte is in the table once."""
    slots = {"main": {"content_model": "wikitext", "content_body": "text"}, "media": {"content_body": "{}"}}
    event = {"wiki_id": "enwiki", "page": {"page_id": 7}, "revision": {"rev_id": 9, "content_slots": slots}}
    found = row(event, 5)
    assert {name: value for name, value in found.items() if value is not None} == {
        "wiki_id": "enwiki",
        "page_id": 7,
        "rev_id": 9,
        "event_time": 5,
        "content_bodies": [("main", "text"), ("media", "{}")],
        "event": orjson.dumps(
            event | {"revision": {"rev_id": 9, "content_slots": {"main": {"content_model": "wikitext"}, "media": {}}}}
        ).decode(),
    }


@pytest.mark.parametrize(
    ("milliseconds", "folder"),
    [
        (1_768_467_599_999, "dt=2026-01-15/hour=08"),
        (1_768_467_600_000, "dt=2026-01-15/hour=09"),
        (None, f"dt={NO_VALUE}/hour={NO_VALUE}"),
        (10**15, f"dt={NO_VALUE}/hour={NO_VALUE}"),
    ],
)
def test_partitions_are_hours_of_the_event_in_utc(milliseconds: int | None, folder: str) -> None:
    """Names of fixed width sort by time; a missing or invalid time is the null of Hive."""
    assert format_partition(milliseconds) == folder


@given(JSON)
def test_any_json_can_be_restored_from_its_row(event: object) -> None:
    """Fields of unexpected types are null; with its bodies the event is complete."""
    found = row(event)
    again = orjson.loads(str(found["event"]))
    for slot, body in found["content_bodies"]:  # type: ignore[attr-defined]  # a list of pairs
        again["revision"]["content_slots"][slot]["content_body"] = body
    assert again == event


def test_number_outside_of_column_range_is_null() -> None:
    """Integers of Parquet have 64 bits and a sign; the event keeps the number."""
    found = row({"page": {"page_id": 2**63}})
    assert (found["page_id"], found["event"]) == (None, '{"page":{"page_id":9223372036854775808}}')
