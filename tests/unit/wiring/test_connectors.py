"""The list of connectors: their URLs, and their names in the settings."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, get_args

import pytest

from wikistate.cli.settings import CliSettings, load_configuration
from wikistate.config.connectors import SinkConnector, SourceConnector
from wikistate.errors import ConfigError
from wikistate.wiring.connectors import CONNECTORS, find_connector, parse_url
from wikistate.wiring.endpoints import resolve_endpoints

if TYPE_CHECKING:
    from pathlib import Path

NOON = "2026-01-31T12:00:00.000+00:00"


def file_options(path: str) -> dict[str, object]:
    """Return the settings of a file."""
    return {"connector": "file", "options.path": path}


def kafka_source(servers: str, *topics: str, start: str = "latest", **options: str) -> dict[str, object]:
    """Return the settings of a source of topics."""
    return {
        "connector": "kafka",
        "options.bootstrap_servers": servers,
        "options.topics": list(topics),
        "options.offsets_initializer": start,
        **{f"options.{name}": value for name, value in options.items()},
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-", file_options("-")),
        ("file:events.ndjson", file_options("events.ndjson")),
        ("file:/var/events.ndjson.zst", file_options("/var/events.ndjson.zst")),
        ("file:///var/events.ndjson", file_options("/var/events.ndjson")),
        ("file://localhost/var/events.ndjson", file_options("/var/events.ndjson")),
        ("file:with%20space", file_options("with space")),
        ("events.ndjson.gz", file_options("events.ndjson.gz")),
        ("/var/100%.ndjson", file_options("/var/100%.ndjson")),
        ("amqp:name", file_options("amqp:name")),
        ("kafka://broker:9092/topic", kafka_source("broker:9092", "topic")),
        (
            "kafka://a:9093,b:9093/eqiad.mediawiki.page_change.v1,codfw.mediawiki.page_change.v1?group=job.000",
            kafka_source(
                "a:9093,b:9093",
                "eqiad.mediawiki.page_change.v1",
                "codfw.mediawiki.page_change.v1",
                consumer_group="job.000",
            ),
        ),
        (
            "eventstreams:mediawiki.page_change.v1",
            {"connector": "eventstreams", "options.streams": ["mediawiki.page_change.v1"]},
        ),
        (
            "eventstreams:a,b?since=2026-01-31T12:00:00Z&end=latest&base=http://localhost:8092/v2/stream/",
            {
                "connector": "eventstreams",
                "options.streams": ["a", "b"],
                "options.url": "http://localhost:8092/v2/stream/",
                "options.since": NOON,
                "options.end": "latest",
            },
        ),
        (
            "recentchanges:https://my.wiki/w/api.php",
            {"connector": "recentchanges", "options.url": "https://my.wiki/w/api.php"},
        ),
        (
            "recentchanges:http://localhost:80/api.php?since=2026-01-31T13:00:00+01:00",
            {"connector": "recentchanges", "options.url": "http://localhost:80/api.php", "options.since": NOON},
        ),
        (
            "kafka://[::1]:9092/t?start=earliest&end=latest",
            kafka_source("[::1]:9092", "t", start="earliest", end="latest"),
        ),
        (
            "kafka://b:1/t?start=2026-01-31T12:00:00Z&end=2026-01-31T14:00:00.5+02:00",
            kafka_source("b:1", "t", start=NOON, end="2026-01-31T12:00:00.500+00:00"),
        ),
    ],
)
def test_source_url_stands_for_settings(text: str, expected: dict[str, object]) -> None:
    """Each documented form has the documented meaning."""
    assert parse_url(text, "source", key="--source") == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "names no source or sink"),
        ("http://host/topic", "names no source or sink"),
        ("eventstreams:", "names no stream"),
        ("eventstreams:https://host/v2/stream/name", "names no stream"),
        ("eventstreams:a?start=latest", "start"),
        ("eventstreams:a?since=yesterday", "not a valid position"),
        ("recentchanges:my.wiki", "no Action API"),
        ("recentchanges:https://Bot:secret@my.wiki/w/api.php", "no Action API"),
        ("recentchanges:https://my.wiki/w/api.php?base=x", "base"),
        ("kafka:/topic", "not a valid address of Kafka topics|names no source"),
        ("kafka://broker:9092", "not a valid address of Kafka topics"),
        ("kafka://broker:9092/", "not a valid address of Kafka topics"),
        ("kafka:///topic", "not a valid address of Kafka topics"),
        ("kafka://broker:9092/a/b", "not a valid address of Kafka topics"),
        ("kafka://broker:9092/t?offset=3", "option 'offset'"),
        ("kafka://broker:9092/t?start=yesterday", "which is not a valid position"),
        ("kafka://broker:9092/t?start=2026-01-31T12:00:00", "which is not a valid position"),
        ("kafka://broker:9092/t?end=earliest", "which is not a valid position"),
        ("file://other/var/events", "another host"),
        ("file:", "names no file"),
    ],
)
def test_invalid_url_is_rejected_with_valid_forms(text: str, message: str) -> None:
    """The error names the flag and shows the forms that are allowed."""
    with pytest.raises(ConfigError, match=message) as caught:
        parse_url(text, "source", key="--source")
    assert caught.value.hint
    assert str(caught.value.ids["key"]).startswith("--source")


def test_password_in_url_is_not_repeated_in_error() -> None:
    """Credentials in the wrong place do not reach the log."""
    with pytest.raises(ConfigError) as caught:
        parse_url("kafka://user:hunter2@broker:9092/topic", "source", key="--source")
    assert "hunter2" not in str(caught.value)
    assert "Credentials" in caught.value.hint


@pytest.mark.parametrize("url", ["eventstreams:mediawiki.page_change.v1", "recentchanges:https://my.wiki/w/api.php"])
def test_source_without_offsets_rejects_them(url: str) -> None:
    """Such a source ends at a time."""
    with pytest.raises(ConfigError, match="has no offsets"):
        parse_url(f"{url}?end=offset:0=5", "source", key="--source")


def test_sink_url_stands_for_settings() -> None:
    """A topic, a file, a relative or absolute folder of Parquet files."""
    assert parse_url("kafka://b:1/t?start=latest", "sink", key="--sink") == {
        "connector": "kafka",
        "options.bootstrap_servers": "b:1",
        "options.topic": "t",
    }
    assert parse_url("-", "error_sink", key="--error-sink") == file_options("-")
    assert parse_url("parquet:lake/changes", "sink", key="--sink")["options.path"] == "lake/changes"
    assert parse_url("parquet:///lake", "sink", key="--sink") == {"connector": "parquet", "options.path": "/lake"}


@pytest.mark.parametrize(
    ("text", "section", "message"),
    [
        ("parquet:lake", "source", "cannot be read"),
        ("parquet:lake", "error_sink", "enriched events only"),
        ("eventstreams:a", "sink", "is a source"),
        ("recentchanges:https://my.wiki/w/api.php", "error_sink", "is a source"),
        ("kafka://b:1/a,b", "sink", "one topic and no options"),
        ("kafka://b:1/a?group=g", "sink", "one topic and no options"),
        ("kafka://b:1/a?end=latest", "sink", "one topic and no options"),
        ("kafka://b:1/a?start=earliest", "sink", "one topic and no options"),
    ],
)
def test_url_is_rejected_where_its_connector_cannot_be_used(text: str, section: str, message: str) -> None:
    """A source is not a sink, and error events are written only where a replay reads them."""
    with pytest.raises(ConfigError, match=message):
        parse_url(text, section, key=f"--{section}")


def test_settings_allow_exactly_the_listed_connectors() -> None:
    """A connector that is listed has a name in the settings, and the other way round."""
    sources = {connector.name for connector in CONNECTORS if connector.capabilities.source}
    sinks = {connector.name for connector in CONNECTORS if connector.capabilities.sink}
    assert (sources, sinks) == (set(get_args(SourceConnector)), set(get_args(SinkConnector)))
    assert all(bool(connector.source_url) == connector.capabilities.source for connector in CONNECTORS)
    assert all(bool(connector.sink_url) == connector.capabilities.sink for connector in CONNECTORS)
    assert len({connector.scheme for connector in CONNECTORS}) == len(CONNECTORS)


def test_capabilities_of_each_connector() -> None:
    """Jobs, commands and runners decide by these; a change of one is a change of behaviour."""
    held = {
        connector.name: {name for name, value in asdict(connector.capabilities).items() if value}
        for connector in CONNECTORS
    }
    both = {"source", "sink", "error_sink", "any_stream", "resumable"}
    assert held == {
        "kafka": both | {"transactions"},
        "file": both | {"standard_stream"},
        "eventstreams": {"source", "any_stream", "resumable", "local_position"},
        "recentchanges": {"source", "local_position", "wiki"},
        "parquet": {"sink", "any_stream", "stores_positions"},
    }


def test_connector_is_found_by_its_name() -> None:
    """A sink without a connector is a file; an undeclared name is a defect."""
    assert [find_connector(connector.name) for connector in CONNECTORS] == list(CONNECTORS)
    assert find_connector(None).name == "file"
    with pytest.raises(LookupError, match="amqp"):
        find_connector("amqp")


def test_options_of_another_connector_are_ignored(tmp_path: Path) -> None:
    """A base file names a Kafka cluster; a flag replaces the connector and its path only."""
    base = tmp_path / "base.yaml"
    base.write_text(
        "stream_manager: {source: {connector: kafka, options: {bootstrap_servers: 'broker:9092', topics: [changes]}}}"
    )
    flags = CliSettings(files=(base,), source="file:changes.ndjson", sink="-")
    loaded = load_configuration("page-content-change", flags)
    endpoints = resolve_endpoints(loaded.configuration, sources=[], sink="", error="")
    assert loaded.warnings == ()
    assert (endpoints.source.identity, endpoints.source.consumer_group, endpoints.source.topics_to_create) == (
        "FileEndpoint(path='changes.ndjson', bookmark='', max_record_bytes=67108864)",
        "",
        None,
    )
