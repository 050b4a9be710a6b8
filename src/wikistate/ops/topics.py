"""Creation of the topics of a job, for an empty cluster."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import structlog
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from wikistate.adapters.connectors.kafka.client import Outage, create_client
from wikistate.adapters.connectors.kafka.errors import TIMED_OUT, sink_error
from wikistate.adapters.connectors.kafka.settings import KafkaProducerSettings, build_producer_properties
from wikistate.adapters.connectors.start_waits import START_WAITS
from wikistate.errors import ConfigError, SinkError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from concurrent.futures import Future

log = structlog.get_logger(__name__)

BROKER_DEFAULT = -1
"""Replication factor that stands for the brokers' `default.replication.factor`; brokers support it since Kafka 2.4."""


async def create_topics(
    topics: Sequence[str],
    settings: KafkaProducerSettings,
    *,
    partitions: int = 1,
    replication_factor: int = BROKER_DEFAULT,
    topic_settings: Mapping[str, str] | None = None,
) -> list[str]:
    """Create the topics that do not exist; existing topics stay unchanged.

    Args:
        topics: Names of the topics.
        settings: Connection to the cluster; producer properties without effect here are ignored.
        partitions: Number of partitions of each new topic.
        replication_factor: Replication factor of each new topic.
        topic_settings: Settings of each new topic, for example `retention.ms`.

    Returns:
        The names of the created topics.

    Raises:
        ConfigError: A property is rejected, a name is not valid, or there are fewer brokers than replicas.
        SinkError: The cluster does not answer, or does not authorize the request.
    """
    new = [NewTopic(name, partitions, replication_factor, config=dict(topic_settings or {})) for name in topics]
    if not new:
        return []
    outage = Outage("kafka-admin")
    admin = create_client(
        AdminClient, build_producer_properties(settings), key=settings.key, hooks={"error_cb": outage.report}
    )
    answers: dict[str, Future[Any]] = admin.create_topics(new, request_timeout=settings.open_timeout)
    with START_WAITS.announce(settings.place, settings.open_timeout):
        outcomes = await asyncio.gather(*map(asyncio.wrap_future, answers.values()), return_exceptions=True)
    admin.poll(0)  # runs the callback with the reason of failed connections
    return [
        name for name, outcome in zip(answers, outcomes, strict=True) if _check_outcome(name, outcome, settings, outage)
    ]


def _check_outcome(name: str, outcome: object, settings: KafkaProducerSettings, outage: Outage) -> bool:
    match outcome:
        case KafkaException() as error if error.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS:
            log.info("topic_exists", topic=name)
            return False
        case KafkaException() as error:
            raise _to_error(name, error.args[0], settings, outage) from error
        case BaseException() as defect:
            raise defect
        case _:
            log.info("topic_created", topic=name)
            return True


def _to_error(name: str, error: KafkaError, settings: KafkaProducerSettings, outage: Outage) -> ConfigError | SinkError:
    servers = settings.bootstrap_servers
    hint = _HINTS.get(error.code())
    if hint is not None:
        return ConfigError(f"The topic {name!r} cannot be created at {servers}: {error.str()}.", hint=hint, topic=name)
    if error.code() == TIMED_OUT:
        return SinkError(
            f"Kafka at {servers} did not answer within {settings.open_timeout:g} s: {outage.reason or error.str()}.",
            hint="Check bootstrap_servers, security.protocol and that the brokers can be reached from here.",
            topic=name,
        )
    return sink_error(error, f"Creating the topic {name!r}", servers=servers)


_HINTS = {
    KafkaError.INVALID_REPLICATION_FACTOR: "Set at most as many replicas as there are brokers, or -1 for the default of the brokers.",
    KafkaError.INVALID_PARTITIONS: "Set at least one partition.",
    KafkaError.TOPIC_EXCEPTION: "A name must have at most 249 characters of a-z, A-Z, 0-9, dot, underscore and hyphen.",
    KafkaError.POLICY_VIOLATION: "The cluster has a policy for new topics: ask its administrator to create the topic.",
    KafkaError.TOPIC_AUTHORIZATION_FAILED: "Grant this principal the operation CREATE, or ask the administrator of the cluster.",
    KafkaError.CLUSTER_AUTHORIZATION_FAILED: "Grant this principal the operation CREATE, or ask the administrator of the cluster.",
    KafkaError.INVALID_CONFIG: "Correct the topic's settings.",
}
