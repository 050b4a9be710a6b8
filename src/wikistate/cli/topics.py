"""``--create-topics``: makes the Kafka topics of a job that are missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wikistate.adapters.connectors.kafka.settings import KafkaProducerSettings
from wikistate.ops.topics import create_topics
from wikistate.runners.local.connectors import make_producer_settings
from wikistate.wiring.endpoints import KafkaSinkEndpoint, KafkaSourceEndpoint

if TYPE_CHECKING:
    from wikistate.wiring.endpoints import SinkEndpoint, SourceEndpoint


async def create_missing_topics(source: SourceEndpoint, *sinks: SinkEndpoint) -> None:
    """Makes the topics of each Kafka end; leaves those alone that exist.

    Raises:
        ConfigError: A property or a topic's name is wrong.
        SinkError: A cluster does not answer or refuses.
    """
    if isinstance(source, KafkaSourceEndpoint):
        await create_topics(source.topics, _admin_settings(source))
    for end in sinks:
        if isinstance(end, KafkaSinkEndpoint):
            await create_topics([end.topic], make_producer_settings(end))


_CONNECTION_PREFIXES = ("client.", "sasl.", "security.", "socket.", "ssl.")


def _admin_settings(endpoint: KafkaSourceEndpoint) -> KafkaProducerSettings:
    """How to reach the source's cluster: of a consumer's properties, those of the connection."""
    properties = {name: value for name, value in endpoint.properties.items() if name.startswith(_CONNECTION_PREFIXES)}
    return KafkaProducerSettings(endpoint.bootstrap_servers, properties, key="stream_manager.source.options.properties")
