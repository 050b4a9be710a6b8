"""Filters: the events that pass, the reason of each drop, and filters that do not fit a stream."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wikistate.core.events.bundled import SCHEMAS, read_bundled
from wikistate.core.events.decoder import Decoder
from wikistate.core.events.filters import EventFilter
from wikistate.core.events.rejection import Filtered, FilterReason
from wikistate.core.events.repository import SchemaRepository
from wikistate.errors import ConfigError
from wikistate.streaming.record import Partition, Record

REPOSITORY = SchemaRepository([SCHEMAS], read_bundled)
PINNED = REPOSITORY.get("mediawiki/page/change", "1.7.0")
ERROR = REPOSITORY.get("error", "2.1.0")
EVENT: dict[str, Any] = PINNED.document["examples"][0]


def filtered(**wanted: Any) -> EventFilter:
    """Return a filter of these lists."""
    return EventFilter(**{name: frozenset(values) for name, values in wanted.items()})


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        ({}, None),
        ({"wikis": ["enwiki"]}, None),
        ({"wikis": ["en.wikipedia.org", "dewiki"]}, None),
        ({"wikis": ["dewiki", "de.wikipedia.org"]}, FilterReason.WIKI),
        ({"namespaces": [0, 14]}, None),
        ({"namespaces": [14]}, FilterReason.NAMESPACE),
        ({"kinds": ["edit"]}, None),
        ({"kinds": ["create", "move"]}, FilterReason.KIND),
        ({"content_models": ["wikitext"]}, None),
        ({"content_models": ["json"]}, FilterReason.CONTENT_MODEL),
        ({"wikis": ["dewiki"], "kinds": ["move"]}, FilterReason.WIKI),
    ],
)
def test_event_must_match_each_list(wanted: dict[str, Any], reason: FilterReason | None) -> None:
    """The first list that the event does not match is the reason. The event is an edit of an article of enwiki."""
    dropped = filtered(**wanted).apply(EVENT)
    assert dropped == (None if reason is None else Filtered(reason))


def test_one_slot_with_a_wanted_model_is_enough() -> None:
    """A file page has a description and structured data."""
    slots = {"main": {"content_model": "wikitext"}, "mediainfo": {"content_model": "wikibase-mediainfo"}}
    event = EVENT | {"revision": EVENT["revision"] | {"content_slots": slots}}
    assert filtered(content_models=["wikibase-mediainfo"]).apply(event) is None


@pytest.mark.parametrize("missing", ["wiki_id", "page", "page_change_kind", "revision"])
def test_missing_field_never_drops_an_event(missing: str) -> None:
    """A suppressed page has no content model any more; consumers of that model still need the event."""
    event = {name: value for name, value in EVENT.items() if name not in (missing, "meta")}
    wanted = filtered(wikis=["enwiki"], namespaces=[0], kinds=["edit"], content_models=["wikitext"])
    assert wanted.apply(event) is None


def test_filtered_event_is_not_an_error_even_if_it_is_invalid() -> None:
    """The filter comes before the schema: a job for one wiki has no errors of another one."""
    broken = EVENT | {"page": {"namespace_id": "many"}}
    record = Record(orjson.dumps(broken), None, None, Partition("t"), 0)
    decoder = Decoder(PINNED, keep_unknown=False, event_filter=filtered(wikis=["dewiki"]))
    assert decoder.decode(record) == Filtered(FilterReason.WIKI)


def test_filter_that_does_not_fit_the_stream_is_rejected_at_the_start() -> None:
    """A misspelt kind would silently drop everything; an error event has no namespace."""
    filtered(kinds=["edit"], namespaces=[0], content_models=["wikitext"]).check_schema(PINNED)
    with pytest.raises(ConfigError, match=r"'edits', which is no kind of change; there are: .*edit"):
        filtered(kinds=["edits"]).check_schema(PINNED)
    with pytest.raises(ConfigError, match=r"page\.namespace_id, which events of /error/2\.1\.0 do not have"):
        filtered(namespaces=[0]).check_schema(ERROR)
    filtered(wikis=["enwiki"]).check_schema(ERROR)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=5,
)


@given(
    event=st.dictionaries(
        st.sampled_from(["wiki_id", "meta", "page", "page_change_kind", "revision"]),
        JSON | st.dictionaries(st.sampled_from(["domain", "namespace_id", "content_slots"]), JSON),
    )
)
def test_no_event_breaks_a_filter(event: dict[str, Any]) -> None:
    """The filter sees events before any check."""
    wanted = filtered(wikis=["enwiki"], namespaces=[0], kinds=["edit"], content_models=["wikitext"])
    assert wanted.apply(event) is None or isinstance(wanted.apply(event), Filtered)
