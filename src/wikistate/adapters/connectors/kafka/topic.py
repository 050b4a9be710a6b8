"""The first question to a cluster: is the topic there?"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from confluent_kafka import KafkaException

from wikistate.adapters.connectors.kafka.errors import hint_for, is_transient

if TYPE_CHECKING:
    from confluent_kafka import Consumer, Producer

    from wikistate.adapters.connectors.kafka.client import Outage
    from wikistate.errors import ExternalError

_RETRY_INTERVAL = 0.2  # seconds before a topic that has no leader yet is asked for again


def fetch_partitions(
    client: Consumer | Producer,
    topic: str,
    *,
    timeout: float,
    servers: str,
    outage: Outage,
    raises: type[ExternalError],
) -> list[int]:
    """The partitions of a topic. Blocks.

    Args:
        client: Whose connections are used.
        topic: Which.
        timeout: Seconds within which the cluster must answer, and a topic that is being made must be ready.
        servers: The cluster, for the error.
        outage: Knows why connections failed.
        raises: The error's class.

    Raises:
        ExternalError: The topic is not there, may not be used, or nobody answers; of the class `raises`.
    """
    give_up = time.monotonic() + timeout
    while True:
        left = max(0.1, give_up - time.monotonic())
        try:
            found = client.list_topics(topic, timeout=left).topics[topic]
        except KafkaException as error:
            client.poll(0)  # hands over why, if a connection failed
            raise raises(
                f"Kafka at {servers} did not answer within {timeout:g} s: {outage.reason or error.args[0].str()}.",
                hint="Check bootstrap_servers, security.protocol and that the brokers can be reached from here.",
                servers=servers,
                topic=topic,
            ) from error
        if found.error is None:
            return sorted(found.partitions)
        if not is_transient(found.error) or time.monotonic() > give_up:
            raise raises(
                f"The topic {topic!r} cannot be used at {servers}: {found.error.str()}.",
                hint=hint_for(found.error),
                servers=servers,
                topic=topic,
            )
        time.sleep(_RETRY_INTERVAL)
