"""The check of sizes and the failure alarm of a keyed job on Flink."""

from __future__ import annotations

import random

import orjson
import pytest
from structlog.testing import capture_logs

from wikistate.runners.flink.error_share import ErrorShare
from wikistate.runners.flink.keyed.emission import Emission
from wikistate.runners.flink.keyed.steps import Publication
from wikistate.runners.flink.size_check import TopicLimit
from wikistate.streaming.ports import OversizeError
from wikistate.streaming.record import Output, Role
from wikistate.telemetry.meter import RecordingMeter

LIMIT = 5_000
TEXT = "".join(random.Random(5).choices("abcdefghijklmnopqrstuvwxyz0123456789", k=20_000))
LARGE = Output(Role.SINK, None, TEXT.encode(), None)
SMALL = Output(Role.SINK, None, b"{}", None)
LATE = Output(Role.LAPSED_ACTION, None, b"{}", None)
ERROR = Output(Role.ERROR, None, orjson.dumps({"message": "It is not an event.", "raw_event": TEXT}), None)


def make_emission(codec: str = "snappy") -> Emission:
    """Return the last step of a job with two topics of known limits."""
    limits = {name: TopicLimit(f"topic of {name}", LIMIT, codec) for name in ("mutations", Role.ERROR.value)}
    return Emission(limits, ErrorShare(RecordingMeter(), share=0.5, minimum=10))


def test_outputs_keep_their_order_and_get_the_names_of_their_streams() -> None:
    """Changes first, then other outputs."""
    publication = Publication(((("mutations", SMALL), ("others", LARGE)), (("mutations", SMALL),)), (LATE,), True)
    assert make_emission().apply(publication) == [
        ("mutations", SMALL),
        ("others", LARGE),
        ("mutations", SMALL),
        (Role.LAPSED_ACTION.value, LATE),
    ]


def test_chunk_that_its_topic_would_refuse_ends_the_job_before_any_chunk_is_written() -> None:
    """The error names the topic, both sizes and the next step."""
    publication = Publication(((("mutations", SMALL), ("mutations", LARGE)),), (), True)
    with pytest.raises(
        OversizeError,
        match=r"'topic of mutations' would refuse an event of 20000 .* accepts 5000 .*max\.message\.bytes",
    ):
        make_emission().apply(publication)


def test_chunk_that_compression_makes_small_enough_is_written() -> None:
    """As the broker counts it."""
    chunk = Output(Role.SINK, None, b"z" * 50_000, None)
    assert make_emission().apply(Publication(((("mutations", chunk),),), (), True)) == [("mutations", chunk)]
    with pytest.raises(OversizeError):
        make_emission("none").apply(Publication(((("mutations", chunk),),), (), True))


def test_error_event_is_shortened_to_the_limit_of_its_topic() -> None:
    """It is written in any case, so that the record is not lost."""
    ((name, output),) = make_emission("none").apply(Publication((), (ERROR,)))
    assert name == Role.ERROR.value
    assert 3_000 < len(output.value) < LIMIT
    assert TEXT.startswith(orjson.loads(output.value)["raw_event"])


def test_alarm_is_given_while_most_operations_fail() -> None:
    """Invalid records and failed operations count together; outputs without an operation do not count."""
    emission = make_emission()
    succeeded, failed, late = Publication((), (), True), Publication((), (), False), Publication((), (LATE,))
    with capture_logs() as logs:
        for _ in range(20):
            emission.apply(succeeded)
            emission.apply(late)
        assert logs == []
        for publication in (failed, Publication((), (ERROR,)), failed, late) * 10:
            emission.apply(publication)
        assert [line["event"] for line in logs] == ["most_events_fail"]
        for _ in range(20):
            emission.apply(succeeded)
    assert [line["event"] for line in logs] == ["most_events_fail", "most_events_succeed"]
