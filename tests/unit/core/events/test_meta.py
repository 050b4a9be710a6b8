from __future__ import annotations

import copy
import math
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.core.events.strategies import JSON

from wikistate.core.events.bundled import SCHEMAS, read_bundled
from wikistate.core.events.message_key import MessageKey
from wikistate.core.events.meta import domain_of, event_time, ingestion_time, is_canary, stamp
from wikistate.core.events.repository import SchemaRepository
from wikistate.errors import DocumentError, InputError

SCHEMA = SchemaRepository([SCHEMAS], read_bundled).get("mediawiki/page/change", "1.7.0")
EXAMPLE: dict[str, Any] = SCHEMA.document["examples"][0]
PAGE_KEY = MessageKey({"wiki_id": "wiki_id", "page_id": "page.page_id"})
NOW = 1_700_000_000_123
OBJECTS = st.dictionaries(st.sampled_from(["meta", "dt", "$schema", "x"]), JSON, max_size=4)


def stamped(event: dict[str, Any]) -> dict[str, Any]:
    """Return the event, stamped for a stream ``s``."""
    return stamp(event, schema_uri="/t/1.0.0", stream="s", now=NOW, new_id=lambda: "new")


def test_readers_return_the_fields_of_an_event() -> None:
    """The example has its domain and both of its times."""
    assert domain_of(EXAMPLE) == "en.wikipedia.org"
    assert event_time(EXAMPLE) == 1_681_815_753_000
    assert ingestion_time(EXAMPLE) == 1_681_815_754_120
    assert not is_canary(EXAMPLE)
    assert is_canary({"meta": {"domain": "canary"}})


@given(OBJECTS)
def test_readers_accept_any_object(event: dict[str, Any]) -> None:
    """The readers accept any value in place of the metadata; a field that is not text counts as missing."""
    assert isinstance(domain_of(event), str | None)
    assert isinstance(event_time(event), int | None)
    assert isinstance(ingestion_time(event), int | None)
    assert is_canary(event) == (domain_of(event) == "canary")


def test_stamped_event_belongs_to_its_stream() -> None:
    """Schema, stream and time of production are new; id, event time and all other fields stay; the event is valid."""
    event = stamp(EXAMPLE, schema_uri=SCHEMA.uri, stream="s", now=NOW, new_id=lambda: "new")
    assert event == EXAMPLE | {"meta": EXAMPLE["meta"] | {"stream": "s", "dt": "2023-11-14T22:13:20.123Z"}}
    assert SCHEMA.is_valid(event)


def test_missing_fields_are_filled_in() -> None:
    """An event without metadata gets an id and a time."""
    assert stamped({}) == {
        "$schema": "/t/1.0.0",
        "meta": {"stream": "s", "dt": "2023-11-14T22:13:20.123Z", "id": "new"},
        "dt": "2023-11-14T22:13:20.123Z",
    }


@given(st.fixed_dictionaries({"meta": OBJECTS}, optional={"dt": JSON, "x": JSON}))
def test_stamping_is_idempotent_and_changes_nothing_in_place(event: dict[str, Any]) -> None:
    """The input event does not change, and a second stamp at the same time adds nothing."""
    before = copy.deepcopy(event)
    once = stamped(event)
    assert event == before
    assert stamped(once) == once


def test_metadata_that_is_not_an_object_is_rejected() -> None:
    """Stamping would discard the producer's value."""
    with pytest.raises(InputError, match="meta is list, not an object"):
        stamped({"meta": []})


def test_key_has_the_declared_names_in_declared_order() -> None:
    """The key is a compact JSON object in the order of the declaration, not of the event."""
    assert PAGE_KEY.build(EXAMPLE) == b'{"wiki_id":"enwiki","page_id":50123}'
    assert MessageKey({"p": "page.page_id", "w": "wiki_id"}).build(EXAMPLE) == b'{"p":50123,"w":"enwiki"}'


def test_unkeyed_stream_has_no_key() -> None:
    """Without fields there is no key for any event."""
    assert MessageKey({}).build({}) is None


@given(st.text(max_size=10), st.integers(0, 2**53 - 1))
def test_events_of_the_same_page_have_the_same_key(wiki_id: str, page_id: int) -> None:
    """The key holds the page and nothing else."""
    key = PAGE_KEY.build({"page": {"page_id": page_id, "x": 1}, "wiki_id": wiki_id})
    assert key == PAGE_KEY.build({"wiki_id": wiki_id, "page": {"page_id": page_id}})
    assert orjson.loads(key or b"") == {"wiki_id": wiki_id, "page_id": page_id}


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ({"wiki_id": "w"}, "page.page_id is missing"),
        ({"wiki_id": "w", "page": None}, "page.page_id is missing"),
        ({"wiki_id": "w", "page": "p"}, "page.page_id is missing"),
        ({"wiki_id": "w", "page": {"page_id": None}}, "page.page_id is missing"),
        ({"wiki_id": ["w"], "page": {"page_id": 1}}, "wiki_id is list, not text or a number"),
        ({"wiki_id": "w", "page": {"page_id": 2**70}}, "Integer exceeds 64-bit range"),
    ],
)
def test_missing_field_of_a_key_is_an_input_error(event: dict[str, Any], reason: str) -> None:
    """The message has the path of a field that is missing or not a scalar."""
    with pytest.raises(InputError, match=reason):
        PAGE_KEY.build(event)


def test_key_is_checked_against_the_schema() -> None:
    """A field that the schema lacks is reported before the first event; the key of the page streams is valid."""
    PAGE_KEY.check_schema(SCHEMA)
    with pytest.raises(DocumentError, match=r"message_key_fields.item is 'page.wikibase_item_id'") as caught:
        MessageKey({"item": "page.wikibase_item_id"}).check_schema(SCHEMA)
    assert caught.value.ids == {"field": "page.wikibase_item_id", "schema": SCHEMA.uri}


def test_event_time_of_the_example_agrees_with_python() -> None:
    """The parser of timestamps agrees with the standard library."""
    moment = datetime(2023, 4, 18, 11, 2, 33, tzinfo=UTC)
    assert event_time(EXAMPLE) == math.floor(moment.timestamp() * 1000)
