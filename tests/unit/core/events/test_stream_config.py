from __future__ import annotations

from typing import Any

import pytest

from wikistate.core.events.bundled import SCHEMAS, STREAMS, read_bundled
from wikistate.core.events.documents import parse_document
from wikistate.core.events.message_key import MessageKey
from wikistate.core.events.repository import SchemaRepository
from wikistate.core.events.stream_config import StreamConfig, StreamConfigs
from wikistate.errors import DocumentError

PAGE_KEY = {"wiki_id": "wiki_id", "page_id": "page.page_id"}


def get(streams: dict[str, Any], name: str = "s") -> StreamConfig:
    """Return a stream of a document with these settings."""
    return StreamConfigs.parse({"streams": streams}, "file:streams.yaml").get(name)


def bundled() -> StreamConfigs:
    """Return the bundled stream configuration."""
    return StreamConfigs.parse(parse_document(read_bundled(STREAMS) or b"", STREAMS), STREAMS)


@pytest.mark.parametrize(
    ("stream", "title", "key", "canaries"),
    [
        ("mediawiki.page_change.v1", "mediawiki/page/change", PAGE_KEY, True),
        ("mediawiki.page_change.private.v1", "mediawiki/page/change", PAGE_KEY, True),
        ("mediawiki.page_content_change.v1", "mediawiki/page/change", PAGE_KEY, True),
        ("mw_page_content_change_enrich.error", "error", {}, False),
        ("mediawiki.content_history_reconcile.v1", "mediawiki/page/change", PAGE_KEY, False),
        ("mediawiki.content_history_reconcile_enriched.v1", "mediawiki/page/change", PAGE_KEY, False),
        ("mw_content_history_reconcile_enrich.error", "error", {}, False),
    ],
)
def test_bundled_streams_are_those_of_wikimedia(
    stream: str,
    title: str,
    key: dict[str, str],
    canaries: bool,  # noqa: FBT001  # a column of the table
) -> None:
    """Each stream has its schema, its two topics, its key and its canaries; the schema has the fields of the key."""
    config = bundled().get(stream)
    assert config.stream == stream
    assert config.schema_title == title
    assert config.topics == (f"eqiad.{stream}", f"codfw.{stream}")
    assert list(config.message_key_fields.items()) == list(key.items())
    assert config.canary_events_enabled is canaries
    version = "2.1.0" if title == "error" else "1.0.0"
    MessageKey(config.message_key_fields).check_schema(SchemaRepository([SCHEMAS], read_bundled).get(title, version))


@pytest.mark.parametrize(
    ("settings", "topics"),
    [
        ({}, ("eqiad.s", "codfw.s")),
        ({"topic_prefixes": ["x."]}, ("x.s",)),
        ({"topic_prefixes": None}, ("s",)),
        ({"topic_prefixes": ["x."], "topics": ["other"]}, ("other",)),
    ],
)
def test_topics_are_derived_from_prefixes_unless_stated(settings: dict[str, Any], topics: tuple[str, ...]) -> None:
    """Explicit topics come first, then one topic for each prefix, then the stream itself if there are no prefixes."""
    assert get({"s": {"schema_title": "t", **settings}}).topics == topics


def test_stream_accepts_its_own_topics_only() -> None:
    """A topic with another datacenter prefix or of another stream is not accepted."""
    config = get({"s.v1": {"schema_title": "t"}}, "s.v1")
    assert config.accepts_topic("eqiad.s.v1")
    assert not any(map(config.accepts_topic, ["s.v1", "eqiad.sxv1", "eqiad.s.v1.more", "esams.s.v1", ""]))


def test_exact_name_comes_before_a_regular_expression() -> None:
    """A stream with its own settings uses those, wherever the expression is in the document."""
    streams = {"/^job\\./": {"schema_title": "any"}, "job.one": {"schema_title": "one"}}
    assert get(streams, "job.one").schema_title == "one"
    assert get(streams, "job.two").schema_title == "any"


def test_first_regular_expression_that_finds_the_name_wins() -> None:
    """Expressions are tried in the order of the document; a match of a part of the name is enough."""
    streams = {"/x/": {"schema_title": "x"}, "/o/": {"schema_title": "o"}, "/one/": {"schema_title": "one"}}
    assert get(streams, "job.one").schema_title == "o"


def test_stream_found_by_expression_has_its_own_topics() -> None:
    """Its topics are its name with the prefixes, even where the document has the topics as an expression."""
    pattern = "/^job\\..+/"
    topics = ["/^(eqiad\\.|codfw\\.)job\\..+/"]
    config = get({pattern: {"schema_title": "t", "topics": topics}}, "job.one")
    assert (config.stream, config.topics) == ("job.one", ("eqiad.job.one", "codfw.job.one"))


def test_stream_that_is_an_expression_accepts_the_topics_of_all_its_streams() -> None:
    """Its topic is an expression with the prefixes as alternatives, at the beginning of the topic."""
    config = get({"/^job\\..+/": {"schema_title": "t"}}, "/^job\\..+/")
    assert config.topics == ("/^(eqiad\\.|codfw\\.)job\\..+/",)
    assert config.accepts_topic("codfw.job.one")
    assert not any(map(config.accepts_topic, ["job.one", "eqiadxjob.one", "eqiad.jobs", "x.eqiad.job.one"]))


def test_missing_stream_is_reported_with_similar_names() -> None:
    """The error names the document, the stream, and names like it."""
    with pytest.raises(DocumentError, match=r"mediawiki\.page_change\.v1") as caught:
        bundled().get("mediawiki.page_chnge.v1")
    assert caught.value.message.startswith(STREAMS)
    assert caught.value.ids["stream"] == "mediawiki.page_chnge.v1"


def test_missing_stream_without_similar_names_is_reported_too() -> None:
    """The message says that there is no similar name."""
    with pytest.raises(DocumentError, match="near it is nothing"):
        get({}, "s")


@pytest.mark.parametrize("document", [{}, {"streams": []}, {"error": {"code": "x"}}])
def test_document_without_streams_is_rejected(document: dict[str, Any]) -> None:
    """The message covers an error response and a document that is not from the API."""
    with pytest.raises(DocumentError, match="has no object 'streams'"):
        StreamConfigs.parse(document, "https://example.org/w/api.php")


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ([], "expected type"),
        ({}, "schema_title is missing"),
        ({"schema_title": ""}, 'schema_title: found ""'),
        ({"schema_title": "t", "topics": "x"}, "topics: found"),
        ({"schema_title": "t", "topics": ["x", 1]}, "topics.1: found 1"),
        ({"schema_title": "t", "topic_prefixes": "eqiad."}, "topic_prefixes: found"),
        ({"schema_title": "t", "message_key_fields": {"a": 1}}, "message_key_fields.a: found 1"),
        ({"schema_title": "t", "canary_events_enabled": "yes"}, "canary_events_enabled: found"),
    ],
)
def test_malformed_settings_are_reported_with_their_path(settings: object, reason: str) -> None:
    """The error names the document, the stream, and the path in its settings."""
    with pytest.raises(DocumentError, match=reason) as caught:
        get({"s": settings})
    assert caught.value.message.startswith("file:streams.yaml has a malformed stream 's'")


def test_malformed_expression_is_reported() -> None:
    """The message has the stream name between slashes that is not a valid expression."""
    with pytest.raises(DocumentError, match="'/\\(/' that is not a regular expression"):
        get({"/(/": {"schema_title": "t"}}, "s")


def test_malformed_stream_does_not_affect_another() -> None:
    """Settings are parsed on request: one bad stream among hundreds affects only its own users."""
    assert get({"bad": 5, "s": {"schema_title": "t"}}).schema_title == "t"


@pytest.mark.parametrize("pattern", ["/^(a+)+$/", "/^(a|aa)+\\.$/", "/^(?=a)(a|aa)+$/", "/^(a|a)*b\\1$/"])
def test_expression_of_a_server_cannot_make_the_start_slow(pattern: str) -> None:
    """The number of steps of one match is bounded; a backtracking engine takes longer than the age of the universe."""
    with pytest.raises(DocumentError, match="has no stream"):
        get({pattern: {"schema_title": "t"}}, "a" * 300 + "!")


@pytest.mark.parametrize("pattern", ["/[/", "/(a{1000}){1000}/"])
def test_invalid_or_huge_expression_is_rejected(pattern: str) -> None:
    """The error names it."""
    with pytest.raises(DocumentError, match="is not a regular expression, or is too large"):
        get({pattern: {"schema_title": "t"}}, "a.b")
