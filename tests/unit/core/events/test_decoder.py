"""Decoder: from bytes to an event, or to the reason why it is not one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wikistate.core.events.bundled import SCHEMAS, read_bundled
from wikistate.core.events.decoder import Decoder
from wikistate.core.events.rejection import Filtered, FilterReason, RejectedEvent
from wikistate.core.events.repository import SchemaRepository
from wikistate.streaming.record import Partition, Record

if TYPE_CHECKING:
    from wikistate.core.events.meta import Event

REPOSITORY = SchemaRepository([SCHEMAS], read_bundled)
PINNED = REPOSITORY.get("mediawiki/page/change", "1.7.0")
NEWER: Event = REPOSITORY.get("mediawiki/page/change", "1.11.0").document["examples"][0]
EVENT: Event = PINNED.document["examples"][0]


def record(value: bytes | None, *, cut: int = 0) -> Record:
    """Return a record with this value."""
    return Record(value, None, None, Partition("t"), 0, cut)


def decode(value: bytes | None, *, keep_unknown: bool = False, cut: int = 0) -> Event | Filtered | RejectedEvent:
    """Return the result of a decoder for this value."""
    return Decoder(PINNED, keep_unknown=keep_unknown).decode(record(value, cut=cut))


def test_valid_event_is_decoded_unchanged() -> None:
    """Nothing is added or lost."""
    assert decode(orjson.dumps(EVENT)) == EVENT


def test_fields_beyond_the_pinned_version_are_dropped_or_kept_by_setting() -> None:
    """A producer that is newer than the pinned version does not cause an error with either setting."""
    pinned, kept = decode(orjson.dumps(NEWER)), decode(orjson.dumps(NEWER), keep_unknown=True)
    assert kept == NEWER
    assert isinstance(pinned, dict)
    assert pinned != NEWER
    assert PINNED.is_valid(pinned)


@pytest.mark.parametrize(
    ("value", "error_type", "message"),
    [
        (b"", "NotJson", "The record is empty"),
        (b"\n", "NotJson", "not JSON"),
        (b"{", "NotJson", "not JSON"),
        (b"\xff{}", "NotJson", "not JSON"),
        (b"[" * 100_000, "NotJson", "not JSON"),
        (b'{"a": 1e999}', "NotJson", "not JSON"),
        (b"[]", "NotAnObject", "found list"),
        (b"null", "NotAnObject", "found NoneType"),
        (b"{}", "WrongSchema", "$schema must begin with /mediawiki/page/change/, found None"),
        (b'{"$schema": "/error/2.1.0"}', "WrongSchema", "found '/error/2.1.0'"),
        (b'{"$schema": "/mediawiki/page/change/1.7.0", "meta": []}', "InvalidEvent", "/mediawiki/page/change/1.7.0"),
    ],
)
def test_invalid_record_is_rejected_with_its_kind_and_value(value: bytes, error_type: str, message: str) -> None:
    """Each check names the value that it found."""
    rejected = decode(value)
    assert isinstance(rejected, RejectedEvent)
    assert rejected.error_type == error_type
    assert message in rejected.message


def test_canaries_and_tombstones_are_dropped_on_purpose() -> None:
    """They are not errors; their reasons are metric labels."""
    canary = {**EVENT, "meta": {**EVENT["meta"], "domain": "canary"}}
    assert decode(orjson.dumps(canary)) == Filtered(FilterReason.CANARY)
    assert decode(None) == Filtered(FilterReason.TOMBSTONE)


def test_truncated_record_is_rejected_with_its_size() -> None:
    """The message names both sizes, the place of the record, and the setting."""
    place = record(b"{", cut=99)
    rejected = decode(b"{", cut=99)
    assert isinstance(rejected, RejectedEvent)
    assert (rejected.error_type, rejected.message) == (
        "EventTooLarge",
        (
            f"The record {place.offset} of {place.partition} has 100 bytes, of which only 1 were read. "
            "The limit is max_record_bytes of the source."
        ),
    )


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_record_is_decoded_dropped_or_rejected(value: bytes) -> None:
    """The decoder never raises."""
    assert isinstance(decode(value), dict | Filtered | RejectedEvent)
