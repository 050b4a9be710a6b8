"""``--create-topics``: makes the Kafka topics of a job that are missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wikistate.adapters.connectors.kafka.settings import KafkaProducerSettings
from wikistate.jobs.ends import KafkaSinkEnd, KafkaSourceEnd
from wikistate.ops.topics import create_topics
from wikistate.runners.local.connectors import producer_settings

if TYPE_CHECKING:
    from wikistate.jobs.ends import SinkEnd, SourceEnd


async def create_missing_topics(source: SourceEnd, *sinks: SinkEnd) -> None:
    """Makes the topics of each Kafka end; leaves those alone that exist.

    Raises:
        ConfigError: A property or a topic's name is wrong.
        SinkError: A cluster does not answer or refuses.
    """
    if isinstance(source, KafkaSourceEnd):
        await create_topics(source.topics, _admin_settings(source))
    for end in sinks:
        if isinstance(end, KafkaSinkEnd):
            await create_topics([end.topic], producer_settings(end))


_CONNECTION = ("client.", "sasl.", "security.", "socket.", "ssl.")


def _admin_settings(end: KafkaSourceEnd) -> KafkaProducerSettings:
    """How to reach the source's cluster: of a consumer's properties, those of the connection."""
    properties = {name: value for name, value in end.properties.items() if name.startswith(_CONNECTION)}
    return KafkaProducerSettings(end.bootstrap_servers, properties, key="stream_manager.source.options.properties")
