"""Errors of librdkafka after which a new client continues, and errors that end the run."""

from __future__ import annotations

import pickle

import pytest
from confluent_kafka import KafkaError

from wikistate.adapters.connectors.kafka.errors import sink_error, source_error
from wikistate.errors import SinkInterruptedError, SourceInterruptedError

OUTAGES = [
    KafkaError._MSG_TIMED_OUT,
    KafkaError._TIMED_OUT,
    KafkaError._TRANSPORT,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER,
    KafkaError.UNKNOWN_PRODUCER_ID,
    KafkaError.INVALID_TXN_STATE,
    KafkaError.CONCURRENT_TRANSACTIONS,
    KafkaError.NOT_ENOUGH_REPLICAS,
]
FINAL = [
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
    KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError.MSG_SIZE_TOO_LARGE,
    KafkaError.INVALID_TRANSACTION_TIMEOUT,
    KafkaError.PRODUCER_FENCED,
    KafkaError.INVALID_PRODUCER_EPOCH,
    KafkaError._FENCED,
    KafkaError._AUTHENTICATION,
]


@pytest.mark.parametrize("code", OUTAGES)
def test_outage_interrupts_a_sink(code: int) -> None:
    """A new producer can write the outputs again."""
    error = sink_error(KafkaError(code), "Writing", servers="kafka:9092")
    assert isinstance(error, SinkInterruptedError)
    assert isinstance(pickle.loads(pickle.dumps(error)), SinkInterruptedError)


def test_error_that_asks_for_an_abort_interrupts_a_sink() -> None:
    """A rebalance during a commit aborts the transaction."""
    error = KafkaError(KafkaError.UNKNOWN_MEMBER_ID, "Unknown member", txn_requires_abort=True)
    assert isinstance(sink_error(error, "Committing", servers="kafka:9092"), SinkInterruptedError)


@pytest.mark.parametrize("code", FINAL)
@pytest.mark.parametrize("aborts", [False, True])
def test_final_error_does_not_interrupt_a_sink(code: int, *, aborts: bool) -> None:
    """A new producer would meet it again, even where librdkafka only asks for an abort."""
    error = sink_error(KafkaError(code, "no", txn_requires_abort=aborts), "Writing", servers="kafka:9092")
    assert not isinstance(error, SinkInterruptedError)


@pytest.mark.parametrize("code", [KafkaError._TIMED_OUT, KafkaError._TRANSPORT, KafkaError.COORDINATOR_NOT_AVAILABLE])
def test_outage_interrupts_a_source(code: int) -> None:
    """A new consumer resumes at the last commit."""
    error = source_error(KafkaError(code), "Committing offsets", servers="kafka:9092")
    assert isinstance(error, SourceInterruptedError)


@pytest.mark.parametrize("code", [KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.FENCED_INSTANCE_ID])
def test_final_error_does_not_interrupt_a_source(code: int) -> None:
    """Another process with the same static member id, or a missing right."""
    error = source_error(KafkaError(code), "Reading", servers="kafka:9092")
    assert not isinstance(error, SourceInterruptedError)
