"""The meaning of the errors of librdkafka: transient errors, and hints for the others.

The local codes of librdkafka begin with an underscore in Python as well; they are part of its documented interface.
"""
# ruff: noqa: SLF001  (see above)

from __future__ import annotations

from confluent_kafka import KafkaError

from wikistate.errors import SinkError, SinkInterruptedError, SourceError, SourceInterruptedError

ALL_BROKERS_DOWN = KafkaError._ALL_BROKERS_DOWN
PARTITION_EOF = KafkaError._PARTITION_EOF
OFFSET_OUT_OF_RANGE = KafkaError._AUTO_OFFSET_RESET
TIMED_OUT = KafkaError._TIMED_OUT

FENCED = frozenset({KafkaError._FENCED, KafkaError.PRODUCER_FENCED, KafkaError.INVALID_PRODUCER_EPOCH})
"""Another producer has initialised the same transactional id."""

PURGED = frozenset({KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT})
"""A record that this process dropped when it aborted or closed."""

REFUSED = frozenset(
    {
        KafkaError.MSG_SIZE_TOO_LARGE,
        KafkaError.INVALID_TIMESTAMP,
        KafkaError.INVALID_RECORD,
        KafkaError._INVALID_DIFFERENT_RECORD,
    }
)
"""A topic does not accept a record: its size, its time, or that it has no key. All records of its batch are reported."""

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


_LOST_IN_OUTAGE = frozenset(
    {
        KafkaError._MSG_TIMED_OUT,
        KafkaError._TIMED_OUT_QUEUE,
        KafkaError._STATE,
        KafkaError._FATAL,
        KafkaError._GAPLESS_GUARANTEE,
        KafkaError.NOT_ENOUGH_REPLICAS,
        KafkaError.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
        KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER,
        KafkaError.DUPLICATE_SEQUENCE_NUMBER,
        KafkaError.UNKNOWN_PRODUCER_ID,
        KafkaError.INVALID_PRODUCER_ID_MAPPING,
        KafkaError.INVALID_TXN_STATE,
        KafkaError.CONCURRENT_TRANSACTIONS,
    }
)
"""Errors of a producer whose broker was away or was replaced: a new producer does not meet them."""

_FINAL = frozenset(
    {
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
        KafkaError.SASL_AUTHENTICATION_FAILED,
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError.MSG_SIZE_TOO_LARGE,
        KafkaError.RECORD_LIST_TOO_LARGE,
        KafkaError.INVALID_TRANSACTION_TIMEOUT,
        KafkaError.INVALID_TIMESTAMP,
        KafkaError.INVALID_RECORD,
        KafkaError.POLICY_VIOLATION,
        KafkaError.UNSUPPORTED_VERSION,
        KafkaError.UNSUPPORTED_FOR_MESSAGE_FORMAT,
        KafkaError._UNKNOWN_TOPIC,
        KafkaError._UNKNOWN_PARTITION,
        KafkaError._AUTHENTICATION,
        KafkaError._SSL,
    }
)
"""Errors that a new client meets as well, although librdkafka may only ask to abort the transaction."""


def source_error(error: KafkaError, doing: str, *, servers: str) -> SourceError:
    """Return the error of a source for an error of librdkafka."""
    kind = SourceInterruptedError if is_transient(error) else SourceError
    return kind(
        f"{doing} at {servers} failed: {error.str()}.", hint=hint_for(error), servers=servers, code=error.name()
    )


def sink_error(error: KafkaError, doing: str, *, servers: str) -> SinkError:
    """Return the error of a sink for an error of librdkafka."""
    return sink_error_class(error)(
        f"{doing} at {servers} failed: {error.str()}.", hint=hint_for(error), servers=servers, code=error.name()
    )


def sink_error_class(error: KafkaError) -> type[SinkError]:
    """Return the class of the error of a sink: whether a new producer can write the uncommitted outputs again."""
    if error.code() in _FINAL or error.code() in FENCED:
        return SinkError
    passing = is_transient(error) or error.txn_requires_abort() or error.code() in _LOST_IN_OUTAGE
    return SinkInterruptedError if passing else SinkError


def hint_for(error: KafkaError) -> str:
    """Return the next step for the operator of the job."""
    return _HINTS.get(error.code(), "The error may be temporary. A run resumes at the last commit.")


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
    KafkaError.INVALID_TIMESTAMP: "Raise message.timestamp.before.max.ms and message.timestamp.after.max.ms of the topic.",
    KafkaError.INVALID_RECORD: "A compacted topic needs a key in each record: set cleanup.policy of the topic to delete.",
    KafkaError._MSG_TIMED_OUT: "The brokers did not acknowledge it in time (delivery.timeout.ms): check the brokers.",
    KafkaError.CONCURRENT_TRANSACTIONS: "The brokers have not completed the previous transaction of this id. If it lasts, "
    "look for it with kafka-transactions.sh and check the broker that coordinates it.",
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
