"""The check of outputs against the limits of their topics: as the producer and the broker would decide."""

from __future__ import annotations

import random

import pytest
from tests.unit.runners.local.test_refusals import Plain, Reporting, make_record

from wikistate.runners.flink.size_check import SizeCheck, TopicLimit
from wikistate.streaming.record import Output, Role

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
