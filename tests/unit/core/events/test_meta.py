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
    """The event, stamped for a stream ``s``."""
    return stamp(event, schema_uri="/t/1.0.0", stream="s", now=NOW, new_id=lambda: "new")


def test_readers_read_what_is_there() -> None:
    """The example states its domain and both of its times."""
    assert domain_of(EXAMPLE) == "en.wikipedia.org"
    assert event_time(EXAMPLE) == 1_681_815_753_000
    assert ingestion_time(EXAMPLE) == 1_681_815_754_120
    assert not is_canary(EXAMPLE)
    assert is_canary({"meta": {"domain": "canary"}})


@given(OBJECTS)
def test_readers_take_any_object(event: dict[str, Any]) -> None:
    """Whatever stands where the metadata should be, the readers answer; what is not text is not there."""
    assert isinstance(domain_of(event), str | None)
    assert isinstance(event_time(event), int | None)
    assert isinstance(ingestion_time(event), int | None)
    assert is_canary(event) == (domain_of(event) == "canary")


def test_a_stamped_event_belongs_to_its_stream() -> None:
    """Schema, stream and time of production are new; id, event time and all else are kept; it is valid."""
    event = stamp(EXAMPLE, schema_uri=SCHEMA.uri, stream="s", now=NOW, new_id=lambda: "new")
    assert event == EXAMPLE | {"meta": EXAMPLE["meta"] | {"stream": "s", "dt": "2023-11-14T22:13:20.123Z"}}
    assert SCHEMA.is_valid(event)


def test_what_is_missing_is_filled_in() -> None:
    """An event from nowhere gets an id and a time."""
    assert stamped({}) == {
        "$schema": "/t/1.0.0",
        "meta": {"stream": "s", "dt": "2023-11-14T22:13:20.123Z", "id": "new"},
        "dt": "2023-11-14T22:13:20.123Z",
    }


@given(st.fixed_dictionaries({"meta": OBJECTS}, optional={"dt": JSON, "x": JSON}))
def test_stamping_changes_nothing_in_place_and_twice_is_once(event: dict[str, Any]) -> None:
    """The event that is given stays as it is, and a stamp on a stamp of the same moment adds nothing."""
    before = copy.deepcopy(event)
    once = stamped(event)
    assert event == before
    assert stamped(once) == once


def test_metadata_that_is_no_object_is_refused() -> None:
    """Stamping would throw away what the producer wrote there."""
    with pytest.raises(InputError, match="meta is list, not an object"):
        stamped({"meta": []})


def test_a_key_has_the_declared_names_in_declared_order() -> None:
    """A compact JSON object, whose order is that of the declaration and not of the event."""
    assert PAGE_KEY.build(EXAMPLE) == b'{"wiki_id":"enwiki","page_id":50123}'
    assert MessageKey({"p": "page.page_id", "w": "wiki_id"}).build(EXAMPLE) == b'{"p":50123,"w":"enwiki"}'


def test_an_unkeyed_stream_has_no_key() -> None:
    """Without fields there is no key, whatever the event."""
    assert MessageKey({}).build({}) is None


@given(st.text(max_size=10), st.integers(0, 2**53 - 1))
def test_events_of_the_same_page_have_the_same_key(wiki_id: str, page_id: int) -> None:
    """The key says the page and nothing but the page."""
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
def test_a_key_that_cannot_be_built_is_an_input_error(event: dict[str, Any], reason: str) -> None:
    """A field that is missing or no scalar names its path."""
    with pytest.raises(InputError, match=reason):
        PAGE_KEY.build(event)


def test_a_key_is_checked_against_the_schema() -> None:
    """A field that the schema does not have is told before the first event; those of the page streams are there."""
    PAGE_KEY.check_schema(SCHEMA)
    with pytest.raises(DocumentError, match=r"message_key_fields.item is 'page.wikibase_item_id'") as caught:
        MessageKey({"item": "page.wikibase_item_id"}).check_schema(SCHEMA)
    assert caught.value.ids == {"field": "page.wikibase_item_id", "schema": SCHEMA.uri}


def test_the_example_happened_when_python_says() -> None:
    """Our reading of a timestamp agrees with the standard library's."""
    moment = datetime(2023, 4, 18, 11, 2, 33, tzinfo=UTC)
    assert event_time(EXAMPLE) == math.floor(moment.timestamp() * 1000)
