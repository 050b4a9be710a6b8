"""The creation of missing Kafka topics, for ``--create-topics``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wikistate.adapters.connectors.kafka.settings import KafkaProducerSettings
from wikistate.ops.topics import create_topics
from wikistate.runners.local.connectors import make_producer_settings
from wikistate.wiring.endpoints import KafkaSinkEndpoint, KafkaSourceEndpoint

if TYPE_CHECKING:
    from wikistate.wiring.endpoints import SinkEndpoint, SourceEndpoint


async def create_missing_topics(source: SourceEndpoint, *sinks: SinkEndpoint) -> None:
    """Create the missing topics of each Kafka endpoint.

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
    """Return the settings of an admin client for the source's cluster: the connection properties of the consumer."""
    properties = {name: value for name, value in endpoint.properties.items() if name.startswith(_CONNECTION_PREFIXES)}
    return KafkaProducerSettings(endpoint.bootstrap_servers, properties, key="stream_manager.source.options.properties")
