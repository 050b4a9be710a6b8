"""Creation of topics on a real broker."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest
from confluent_kafka.admin import AdminClient

from wikistate.adapters.connectors.kafka.settings import KafkaProducerSettings
from wikistate.errors import ConfigError, SinkError
from wikistate.ops.topics import create_topics

if TYPE_CHECKING:
    from tests.integration.kafka.conftest import KafkaCluster


async def test_missing_topics_are_created_and_existing_ones_left_alone(cluster: KafkaCluster) -> None:
    """The second call creates the missing topic, and changes no partitions."""
    settings = KafkaProducerSettings(cluster.servers)
    old, new = f"old.{uuid.uuid4().hex}", f"new.{uuid.uuid4().hex}"
    assert await create_topics([old], settings, partitions=3, topic_settings={"retention.ms": "-1"}) == [old]
    assert await create_topics([old, new], settings, partitions=5) == [new]
    topics = AdminClient({"bootstrap.servers": cluster.servers}).list_topics(timeout=30).topics
    assert (len(topics[old].partitions), len(topics[new].partitions)) == (3, 5)
    assert await create_topics([], settings) == []


@pytest.mark.parametrize(
    ("name", "replicas", "advice"),
    [("fine", 3, "as many replicas as there are brokers"), ("not/fine", -1, "dot, underscore and hyphen")],
)
async def test_rejected_topic_is_an_error_with_the_allowed_values(
    cluster: KafkaCluster, name: str, replicas: int, advice: str
) -> None:
    """More replicas than brokers, or an invalid name, is an error of the settings."""
    with pytest.raises(ConfigError, match=name) as caught:
        await create_topics([name], KafkaProducerSettings(cluster.servers), replication_factor=replicas)
    assert advice in caught.value.hint


async def test_unreachable_broker_is_an_error_after_a_bounded_wait() -> None:
    """The error has the reason of the last attempt."""
    with pytest.raises(SinkError, match=r"did not answer within 1 s: .*refused"):
        await create_topics(["topic"], KafkaProducerSettings("127.0.0.1:1", open_timeout=1.0))
