"""The connector `kafka`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wikistate.adapters.connectors.connector import SOURCE_OPTIONS, Capabilities, SinkDefaults, missing_setting
from wikistate.adapters.connectors.kafka import url
from wikistate.adapters.connectors.kafka.endpoint import CAPABILITIES, KafkaSinkEndpoint, KafkaSourceEndpoint
from wikistate.adapters.secrets import resolve_properties

if TYPE_CHECKING:
    from wikistate.adapters.connectors.connector import SinkContext, SourceContext
    from wikistate.config.connectors import KafkaSinkOptions, KafkaSourceOptions

_CLUSTER = "It names the cluster, as in host:9092."


@dataclass(frozen=True, slots=True)
class KafkaConnector:
    """Topics of a Kafka cluster. See `Connector` for the protocol."""

    name: str = "kafka"
    scheme: str = "kafka"
    source_url: str = url.SOURCE_URL
    sink_url: str = url.SINK_URL
    capabilities: Capabilities = CAPABILITIES

    def parse_source_url(self, text: str, *, key: str) -> dict[str, object]:
        """See `Connector`."""
        return url.parse_source(text, key=key)

    def parse_sink_url(self, text: str, *, key: str) -> dict[str, object]:
        """See `Connector`."""
        return url.parse_sink(text, key=key)

    def resolve_source(self, options: KafkaSourceOptions, context: SourceContext) -> KafkaSourceEndpoint:
        """See `Connector`. Without topics, those of all streams; without a group, the name of the job."""
        if not options.bootstrap_servers:
            raise missing_setting(f"{SOURCE_OPTIONS}.bootstrap_servers", _CLUSTER)
        topics = dict.fromkeys(topic for stream in context.streams for topic in stream.topics)
        return KafkaSourceEndpoint(
            bootstrap_servers=options.bootstrap_servers,
            topics=tuple(options.topics or topics),
            group=options.consumer_group or context.job_name,
            start=options.offsets_initializer,
            end=options.end,
            properties=resolve_properties(options.properties, key=f"{SOURCE_OPTIONS}.properties"),
        )

    def resolve_sink(self, options: KafkaSinkOptions, context: SinkContext) -> KafkaSinkEndpoint:
        """See `Connector`."""
        if not options.bootstrap_servers:
            raise missing_setting(f"{context.key}.bootstrap_servers", _CLUSTER)
        return KafkaSinkEndpoint(
            bootstrap_servers=options.bootstrap_servers,
            topic=options.topic or options.kafka_topic_prefix + context.stream,
            properties=resolve_properties(options.properties, key=f"{context.key}.properties"),
            key=context.key,
            topic_prefix=options.kafka_topic_prefix,
        )

    def default_error_sink(self, options: KafkaSinkOptions) -> SinkDefaults:  # noqa: ARG002  (nothing depends on it)
        """See `Connector`: the topic of the error stream on the same cluster."""
        return SinkDefaults(self.name, {"topic": ""})
