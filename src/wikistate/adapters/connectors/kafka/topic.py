"""The first request to a cluster: the partitions of a topic."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from confluent_kafka import KafkaException

from wikistate.adapters.connectors.kafka.errors import hint_for, is_transient

if TYPE_CHECKING:
    from confluent_kafka import Consumer, Producer

    from wikistate.adapters.connectors.kafka.client import Outage
    from wikistate.errors import ExternalError

_RETRY_INTERVAL = 0.2  # seconds between requests for a topic without a leader


def fetch_partitions(
    client: Consumer | Producer,
    topic: str,
    *,
    timeout: float,
    servers: str,
    outage: Outage,
    raises: type[ExternalError],
    away: type[ExternalError],
) -> list[int]:
    """Return the partitions of a topic. Blocks.

    Args:
        client: The client that sends the request.
        topic: The topic.
        timeout: Seconds within which the cluster must respond, and a topic that is being created must be ready.
        servers: The cluster, for the error.
        outage: The state of the connections, for the error.
        raises: The class of the error of a topic that cannot be used.
        away: The class of the error of a cluster that does not respond.

    Raises:
        ExternalError: The topic does not exist or may not be used, as `raises`; the cluster does not respond, as `away`.
    """
    deadline = time.monotonic() + timeout
    while True:
        left = max(0.1, deadline - time.monotonic())
        try:
            found = client.list_topics(topic, timeout=left).topics[topic]
        except KafkaException as error:
            client.poll(0)  # reports the reason of a failed connection
            raise away(
                f"Kafka at {servers} did not respond within {timeout:g} s: {outage.reason or error.args[0].str()}.",
                hint="Check bootstrap_servers, security.protocol and the network between this host and the brokers.",
                servers=servers,
                topic=topic,
            ) from error
        if found.error is None:
            return sorted(found.partitions)
        if not is_transient(found.error) or time.monotonic() > deadline:
            raise (away if is_transient(found.error) else raises)(
                f"The topic {topic!r} cannot be used at {servers}: {found.error.str()}.",
                hint=hint_for(found.error),
                servers=servers,
                topic=topic,
            )
        time.sleep(_RETRY_INTERVAL)
