"""What librdkafka's errors mean: which pass by themselves, and what to do about the others.

The codes of librdkafka's own begin with an underscore in Python too; they are part of its documented interface.
"""
# ruff: noqa: SLF001  (see above)

from __future__ import annotations

from confluent_kafka import KafkaError

from wikistate.errors import SinkError, SourceError

ALL_BROKERS_DOWN = KafkaError._ALL_BROKERS_DOWN
PARTITION_EOF = KafkaError._PARTITION_EOF
OFFSET_OUT_OF_RANGE = KafkaError._AUTO_OFFSET_RESET
TIMED_OUT = KafkaError._TIMED_OUT

FENCED = frozenset({KafkaError._FENCED, KafkaError.PRODUCER_FENCED, KafkaError.INVALID_PRODUCER_EPOCH})
"""Another producer has announced the same transactional id."""

PURGED = frozenset({KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT})
"""A record that we dropped ourselves, when aborting or closing."""

REBALANCED = frozenset(
    {
        KafkaError.ILLEGAL_GENERATION,
        KafkaError.UNKNOWN_MEMBER_ID,
        KafkaError.REBALANCE_IN_PROGRESS,
        KafkaError.FENCED_MEMBER_EPOCH,
        KafkaError.STALE_MEMBER_EPOCH,
        KafkaError._ASSIGNMENT_LOST,
    }
)
"""The group shares its partitions anew: the call came from the membership before."""


def source_error(error: KafkaError, doing: str, *, servers: str) -> SourceError:
    """The error of a source, for what librdkafka says happened."""
    return SourceError(
        f"{doing} at {servers} failed: {error.str()}.", hint=hint_for(error), servers=servers, code=error.name()
    )


def sink_error(error: KafkaError, doing: str, *, servers: str) -> SinkError:
    """The error of a sink, for what librdkafka says happened."""
    return SinkError(
        f"{doing} at {servers} failed: {error.str()}.", hint=hint_for(error), servers=servers, code=error.name()
    )


def hint_for(error: KafkaError) -> str:
    """What to do about it, for the person who runs the job."""
    return _HINTS.get(error.code(), "It may pass by itself: start the job again, it goes on where it was.")


_FENCED_HINT = (
    "Another process has taken over this transactional id: see that no two replicas have the same one, and start this "
    "one again if it is the one that should live."
)

_HINTS = {
    **dict.fromkeys(FENCED, _FENCED_HINT),
    KafkaError.UNKNOWN_TOPIC_OR_PART: "Create the topic, or start with --create-topics.",
    KafkaError._UNKNOWN_TOPIC: "Create the topic, or start with --create-topics.",
    KafkaError._UNKNOWN_PARTITION: "Create the topic, or start with --create-topics.",
    KafkaError.TOPIC_AUTHORIZATION_FAILED: "Grant this principal the operations READ or WRITE, and DESCRIBE, on the topic.",
    KafkaError.GROUP_AUTHORIZATION_FAILED: "Grant this principal the operation READ on the consumer group.",
    KafkaError.CLUSTER_AUTHORIZATION_FAILED: "Grant this principal IDEMPOTENT_WRITE on the cluster.",
    KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED: "Grant this principal WRITE and DESCRIBE on the transactional id.",
    KafkaError.SASL_AUTHENTICATION_FAILED: "Check sasl.mechanism, sasl.username and sasl.password.",
    KafkaError._AUTHENTICATION: "Check security.protocol and the sasl.* properties.",
    KafkaError._SSL: "Check security.protocol, the port and ssl.ca.location.",
    KafkaError.INCONSISTENT_GROUP_PROTOCOL: "The group's other members share partitions in another way (eagerly): "
    "stop all of them before this one starts.",
    KafkaError.MSG_SIZE_TOO_LARGE: "Raise max.message.bytes of the topic, or lower max.request.size and enrich.max_content_size.",
    KafkaError._MSG_TIMED_OUT: "The brokers did not take it in time (delivery.timeout.ms): look at them, then start the job again.",
    KafkaError.INVALID_TRANSACTION_TIMEOUT: "Lower transaction.timeout.ms below the brokers' transaction.max.timeout.ms.",
}


_TRANSIENT_CODES = frozenset(
    {
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError._TRANSPORT,
        KafkaError._RESOLVE,
        KafkaError._TIMED_OUT,
        KafkaError._MAX_POLL_EXCEEDED,
        KafkaError._WAIT_COORD,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.NOT_COORDINATOR,
        KafkaError.REQUEST_TIMED_OUT,
    }
)


def is_transient(error: KafkaError) -> bool:
    """Whether librdkafka gets over it by itself: a broker away, a leader that moves, a group that shares anew."""
    return not error.fatal() and (error.retriable() or error.code() in _TRANSIENT_CODES)
