"""The creation of missing Kafka topics, for ``--create-topics``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wikistate.adapters.connectors.kafka.settings import KafkaProducerSettings
from wikistate.ops.topics import create_topics

if TYPE_CHECKING:
    from wikistate.wiring.endpoints import SinkEndpoint, SourceEndpoint


async def create_missing_topics(source: SourceEndpoint, *sinks: SinkEndpoint) -> None:
    """Create the missing topics of each Kafka endpoint.

    Raises:
        ConfigError: A property or a topic's name is wrong.
        SinkError: A cluster does not answer or refuses.
    """
    for topics in (source.topics_to_create, *(sink.topics_to_create for sink in sinks)):
        if topics is not None:
            settings = KafkaProducerSettings(topics.bootstrap_servers, topics.properties, key=topics.key)
            await create_topics(topics.names, settings)
