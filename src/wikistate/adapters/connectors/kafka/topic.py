"""Requests about a topic: its partitions, and the largest batch that it accepts."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import structlog
from confluent_kafka import KafkaException
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # it exports ConfigResource without `__all__`
    AdminClient,
    ConfigResource,
)

from wikistate.adapters.connectors.kafka.client import Outage, create_client
from wikistate.adapters.connectors.kafka.errors import hint_for, is_transient
from wikistate.adapters.connectors.kafka.settings import build_producer_properties
from wikistate.adapters.connectors.start_waits import START_WAITS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from confluent_kafka import Consumer, Producer

    from wikistate.adapters.connectors.kafka.settings import KafkaProducerSettings
    from wikistate.errors import ExternalError

log = structlog.get_logger(__name__)

_LIMIT_TIMEOUT = 10.0  # seconds for the settings of a topic
_RETRY_INTERVAL = 0.2  # seconds between requests for a topic without a leader


def fetch_partitions(
    client: Consumer | Producer,
    topic: str,
    *,
    timeout: float,
    servers: str,
    place: str,
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
        place: The cluster and its role, for the notice of a long wait.
        outage: The state of the connections, for the error.
        raises: The class of the error of a topic that cannot be used.
        away: The class of the error of a cluster that does not respond.

    Raises:
        ExternalError: The topic does not exist or may not be used, as `raises`; the cluster does not respond, as `away`.
    """
    with START_WAITS.announce(place, timeout):
        return _fetch_partitions(client, topic, timeout, servers, outage, raises, away)


def _fetch_partitions(
    client: Consumer | Producer,
    topic: str,
    timeout: float,
    servers: str,
    outage: Outage,
    raises: type[ExternalError],
    away: type[ExternalError],
) -> list[int]:
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


def fetch_size_limits(topics: Iterable[str], settings: KafkaProducerSettings) -> dict[str, int]:
    """Return `max.message.bytes` of the topics whose settings this client may read. Blocks.

    Args:
        topics: The topics.
        settings: Connection to their cluster.
    """
    limits: dict[str, int] = {}
    for topic in topics:
        try:
            limits[topic] = _fetch_size_limit(topic, settings)
        except (KafkaException, TimeoutError, KeyError, ValueError) as error:
            log.info("topic_limit_unknown", topic=topic, reason=str(error))
    return limits


def _fetch_size_limit(topic: str, settings: KafkaProducerSettings) -> int:
    hooks = {"error_cb": Outage("kafka-admin").report}
    admin = create_client(AdminClient, build_producer_properties(settings), key=settings.key, hooks=hooks)
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic)
    answer = admin.describe_configs([resource], request_timeout=_LIMIT_TIMEOUT)[resource]
    return int(answer.result(_LIMIT_TIMEOUT)["max.message.bytes"].value)
