"""The meaning of the errors of librdkafka: transient errors, and hints for the others.

The local codes of librdkafka begin with an underscore in Python as well; they are part of its documented interface.
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
"""Another producer has initialised the same transactional id."""

PURGED = frozenset({KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT})
"""A record that this process dropped when it aborted or closed."""

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
"""A rebalance: the call belongs to the generation before it."""


def source_error(error: KafkaError, doing: str, *, servers: str) -> SourceError:
    """Return the error of a source for an error of librdkafka."""
    return SourceError(
        f"{doing} at {servers} failed: {error.str()}.", hint=hint_for(error), servers=servers, code=error.name()
    )


def sink_error(error: KafkaError, doing: str, *, servers: str) -> SinkError:
    """Return the error of a sink for an error of librdkafka."""
    return SinkError(
        f"{doing} at {servers} failed: {error.str()}.", hint=hint_for(error), servers=servers, code=error.name()
    )


def hint_for(error: KafkaError) -> str:
    """Return the next step for the operator of the job."""
    return _HINTS.get(error.code(), "The error may be temporary: restart the job, it resumes at its last commit.")


_FENCED_HINT = (
    "Another process has taken over this transactional id. Check that no two replicas have the same id, then restart the "
    "process that should run."
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
    KafkaError.INCONSISTENT_GROUP_PROTOCOL: "The other members of the group use the eager rebalance protocol: "
    "stop all of them before this process starts.",
    KafkaError.MSG_SIZE_TOO_LARGE: "Raise max.message.bytes of the topic, or lower max.request.size and enrich.max_content_size.",
    KafkaError._MSG_TIMED_OUT: "The brokers did not acknowledge it in time (delivery.timeout.ms): check them, then restart the job.",
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
    """Return whether librdkafka recovers automatically: a broker is down, a leader moves, a group rebalances."""
    return not error.fatal() and (error.retriable() or error.code() in _TRANSIENT_CODES)
