"""The first question to a cluster: is the topic there?"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from confluent_kafka import KafkaException

from wikistate.adapters.connectors.kafka.codes import advice, passes

if TYPE_CHECKING:
    from confluent_kafka import Consumer, Producer

    from wikistate.adapters.connectors.kafka.client import Outage
    from wikistate.errors import ExternalError

_PAUSE = 0.2  # seconds before a topic that has no leader yet is asked for again


def partitions_of(
    client: Consumer | Producer,
    topic: str,
    *,
    patience: float,
    servers: str,
    outage: Outage,
    raises: type[ExternalError],
) -> list[int]:
    """The partitions of a topic. Blocks.

    Args:
        client: Whose connections are used.
        topic: Which.
        patience: Seconds within which the cluster must answer, and a topic that is being made must be ready.
        servers: The cluster, for the error.
        outage: Knows why connections failed.
        raises: The error's class.

    Raises:
        ExternalError: The topic is not there, may not be used, or nobody answers; of the class `raises`.
    """
    give_up = time.monotonic() + patience
    while True:
        left = max(0.1, give_up - time.monotonic())
        try:
            found = client.list_topics(topic, timeout=left).topics[topic]
        except KafkaException as error:
            client.poll(0)  # hands over why, if a connection failed
            raise raises(
                f"Kafka at {servers} did not answer within {patience:g} s: {outage.reason or error.args[0].str()}.",
                hint="Check bootstrap_servers, security.protocol and that the brokers can be reached from here.",
                servers=servers,
                topic=topic,
            ) from error
        if found.error is None:
            return sorted(found.partitions)
        if not passes(found.error) or time.monotonic() > give_up:
            raise raises(
                f"The topic {topic!r} cannot be used at {servers}: {found.error.str()}.",
                hint=advice(found.error),
                servers=servers,
                topic=topic,
            )
        time.sleep(_PAUSE)
