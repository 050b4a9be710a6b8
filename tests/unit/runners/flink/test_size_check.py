"""The check of outputs against the limits of their topics: as the producer and the broker would decide."""

from __future__ import annotations

import random

import pytest
from structlog.testing import capture_logs
from tests.unit.runners.local.test_refusals import Plain, Reporting, make_record

from wikistate.config.model import DeliveryGuarantee
from wikistate.runners.flink.size_check import SizeCheck, TopicLimit, make_size_check
from wikistate.streaming.record import Output, Role
from wikistate.wiring.endpoints import Endpoints, FileEndpoint, KafkaSinkEndpoint

LIMIT = 20_000
RANDOM = random.Random(3)
LARGE = bytes(RANDOM.choices(range(33, 126), k=30_000))
COMPRESSIBLE = b"z" * 100_000
CODECS = ["snappy", "gzip", "lz4", "zstd"]


def check(job: Plain, *, codec: str = "snappy", error: int = LIMIT) -> SizeCheck:
    """Return the check of a sink and an error sink."""
    limits = {Role.SINK: TopicLimit("events", LIMIT, codec), Role.ERROR: TopicLimit("errors", error, codec)}
    return SizeCheck(job, limits)


def make_output(value: bytes, role: Role = Role.SINK) -> Output:
    """Return an output."""
    return Output(role, b"key", value, None)


@pytest.mark.parametrize("codec", CODECS)
def test_output_that_stays_too_large_is_replaced(codec: str) -> None:
    """An output that compression makes small enough is written, as are its neighbours."""
    outputs = [make_output(value) for value in (b"small", LARGE, COMPRESSIBLE)]
    written = check(Reporting(), codec=codec).apply(make_record(b"page"), outputs)
    assert [each.value for each in written] == [b"small", b"size:page", COMPRESSIBLE]
    assert [each.role for each in written] == [Role.SINK, Role.ERROR, Role.SINK]


def test_without_compression_each_large_output_is_replaced() -> None:
    """The size of the value decides."""
    outputs = [make_output(value) for value in (LARGE[:19_000], COMPRESSIBLE)]
    written = check(Reporting(), codec="none").apply(make_record(b"page"), outputs)
    assert [each.value for each in written] == [LARGE[:19_000], b"size:page"]


@pytest.mark.parametrize("is_refusal", [True, False])
def test_error_event_is_cut_to_the_limit_of_its_topic(*, is_refusal: bool) -> None:
    """That of a refused output, and that of any other failure."""
    record, output = make_record(LARGE), make_output(LARGE, Role.SINK if is_refusal else Role.ERROR)
    (error,) = check(Reporting(), error=5000).apply(record, [output])
    assert error.role is Role.ERROR
    assert 4000 < len(error.value) < 5000


def test_outputs_of_a_job_that_reports_no_refusals_are_unchanged() -> None:
    """Nothing could take their place."""
    outputs = [make_output(LARGE)]
    assert check(Plain()).apply(make_record(b"page"), outputs) == outputs


def test_outputs_for_topics_of_unknown_limit_are_unchanged() -> None:
    """The client may not read the settings of the topics."""
    outputs = [make_output(LARGE)]
    assert SizeCheck(Reporting(), {}).apply(make_record(b"page"), outputs) == outputs


@pytest.mark.parametrize(
    ("properties", "reason"),
    [
        ({"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "GSSAPI"}, "asks for Kerberos"),
        ({"ssl.truststore.location": "/trust.jks"}, "ssl.truststore.location"),
    ],
)
def test_outputs_are_not_checked_where_only_the_java_client_can_connect(
    properties: dict[str, str], reason: str
) -> None:
    """The job starts, and the log names the reason."""
    topic = KafkaSinkEndpoint(bootstrap_servers="localhost:1", topic="out", properties=properties, key="sink")
    ends = Endpoints(source=FileEndpoint(path="in"), sink=topic, error=topic, guarantee=DeliveryGuarantee.AT_LEAST_ONCE)
    with capture_logs() as logs:
        written = make_size_check(Reporting(), ends).apply(make_record(b"page"), [make_output(LARGE)])
    assert written == [make_output(LARGE)]
    assert [(event["event"], event["topic"]) for event in logs] == [("topic_limit_unknown", "out")] * 2
    assert all(reason in event["reason"] for event in logs)
