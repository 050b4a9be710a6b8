"""The list of all connectors, and the sources and sinks that they build."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wikistate.adapters.connectors.connector import SharedClients
from wikistate.adapters.connectors.eventstreams import EventStreamsConnector
from wikistate.adapters.connectors.files import FileConnector
from wikistate.adapters.connectors.kafka import KafkaConnector
from wikistate.adapters.connectors.parquet import ParquetConnector
from wikistate.adapters.connectors.recent_changes import RecentChangesConnector
from wikistate.errors import ConfigError
from wikistate.streaming.ports import CheckableSink, CheckableSource

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wikistate.adapters.connectors.connector import Connector, SinkEndpoint, SourceEndpoint
    from wikistate.adapters.connectors.kafka.endpoint import KafkaSinkEndpoint, KafkaSourceEndpoint
    from wikistate.adapters.connectors.kafka.settings import KafkaProducerSettings
    from wikistate.adapters.connectors.kafka.source import KafkaSource
    from wikistate.streaming.ports import ResumePositions, Sink, Source

_FILE = FileConnector()

CONNECTORS: tuple[Connector, ...] = (
    KafkaConnector(),
    _FILE,
    EventStreamsConnector(),
    RecentChangesConnector(),
    ParquetConnector(),
)
"""All connectors. A new connector adds one line, and its options in `wikistate.config.connectors`."""

SOURCE_URLS = tuple(connector.source_url for connector in CONNECTORS if connector.capabilities.source)
"""The forms of URLs of sources."""

SINK_URLS = tuple(connector.sink_url for connector in CONNECTORS if connector.capabilities.sink)
"""The forms of URLs of sinks."""


def find_connector(name: str | None) -> Connector:
    """Return the connector with the name that the setting `connector` allows; None is a file.

    Raises:
        LookupError: There is none; a defect, because the settings are validated.
    """
    if name is None:
        return _FILE
    for connector in CONNECTORS:
        if connector.name == name:
            return connector
    raise LookupError(f"There is no connector {name!r}.")


def find_connector_of_url(text: str, *, key: str) -> Connector:
    """Return the connector of a URL. A text without a scheme is the path of a file, or ``-``.

    Raises:
        ConfigError: There is no connector for the scheme.
    """
    scheme, colon, _ = text.partition(":")
    for connector in CONNECTORS:
        if colon and connector.scheme == scheme:
            return connector
    if "://" in text or not text:
        raise ConfigError(
            f"{key} is {text!r}, which names no source or sink.",
            hint=f"A source is {_join(SOURCE_URLS)}. A sink is {_join(SINK_URLS)}.",
            key=key,
        )
    return _FILE


def _join(urls: tuple[str, ...]) -> str:
    return ", ".join((*urls, "a path or -"))


def parse_url(text: str, section: str, *, key: str) -> dict[str, object]:
    """Return the settings that a URL stands for, by their keys below the section: ``connector`` and ``options.…``.

    Args:
        text: A URL, a path or ``-``.
        section: `source`, `sink` or `error_sink`.
        key: The setting or flag that holds it, for errors.

    Raises:
        ConfigError: It is not valid there.
    """
    connector = find_connector_of_url(text, key=key)
    options: Mapping[str, object]
    if section == "source":
        options = connector.parse_source_url(text, key=key)
    elif section == "error_sink" and connector.capabilities.sink and not connector.capabilities.error_sink:
        raise ConfigError(
            f"{key}: {connector.name} accepts enriched events only.",
            hint="Name a file or a topic: `wikistate replay` reads error events from there.",
            key=key,
        )
    else:
        options = connector.parse_sink_url(text, key=key)
    return {"connector": connector.name, **{f"options.{name}": value for name, value in options.items()}}


def make_source(endpoint: SourceEndpoint, *, resume: ResumePositions | None = None) -> Source:
    """Build the source of an endpoint; `resume` returns the positions if a sink or a checkpoint stores them."""
    return endpoint.build_source(resume=resume)


def make_kafka_source(endpoint: KafkaSourceEndpoint, *, resume: ResumePositions | None = None) -> KafkaSource:
    """Build a source of topics. Raises `ConfigError`."""
    return endpoint.build_source(resume=resume)


async def check_source(source: Source) -> None:
    """Check that a source can be read, and read nothing. The caller closes it. Raises a `WikistateError`."""
    await (source.check() if isinstance(source, CheckableSource) else source.open(_ignore_revocation))


async def check_sink(sink: Sink) -> None:
    """Check that a sink can be written, and create nothing. The caller closes it. Raises a `WikistateError`."""
    await (sink.check() if isinstance(sink, CheckableSink) else sink.open())


async def _ignore_revocation(partitions: object) -> None:
    """Commit nothing: a check reads no record."""


class SinkFactory:
    """A factory for the sinks of one run, which share clients."""

    def __init__(self) -> None:
        self._clients = SharedClients()

    def make(self, endpoint: SinkEndpoint, standard_stream: int, *, partition: int | None = None) -> Sink:
        """Build the sink of an endpoint; see `SinkEndpoint.build_sink`."""
        return endpoint.build_sink(self._clients, standard_stream=standard_stream, partition=partition)


def make_producer_settings(endpoint: KafkaSinkEndpoint, transactional_id: str = "") -> KafkaProducerSettings:
    """Return the settings of a producer; `transactional_id` is empty outside of transactions."""
    return endpoint.build_producer_settings(transactional_id)
