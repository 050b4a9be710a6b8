from __future__ import annotations

import orjson
import pytest
from tests.unit.jobs.rdf_consumer.memory_store import mutation, says, triple
from tests.unit.jobs.rdf_consumer.streams import events, reader, records

from wikistate.core.updater.message_fields import MessageVersion
from wikistate.core.updater.mutation import OperationName
from wikistate.telemetry import metrics
from wikistate.telemetry.meter import RecordingMeter


@pytest.mark.parametrize("version", list(MessageVersion))
def test_messages_of_either_version_become_mutations(version: MessageVersion) -> None:
    """What old updaters write and what today's do."""
    sent = says("Q1", "hello", time=5000)
    (reading,) = map(reader(RecordingMeter()).read, records(*events(sent, version=version)))
    assert reading.mutation is not None
    assert reading.mutation.patch == sent.patch
    assert reading.position == (1, 5000)


def test_the_position_stays_at_the_beginning_of_a_mutation_that_is_not_whole() -> None:
    """What was read of it is read again after a crash; so a tail is never read alone."""
    whole, parts = says("Q1", "x", time=7000), says("Q2", "a", "b", "c", time=9000)
    readings = list(map(reader(RecordingMeter()).read, records(*events(whole), *events(parts))))
    assert [reading.position for reading in readings] == [(1, 7000), (1, 7000), (1, 7000), (4, 9000)]


def test_the_time_of_a_position_never_goes_back() -> None:
    """A late change does not make the store look older than it is."""
    sent = [*events(says("Q1", "x", time=9000)), *events(says("Q2", "x", time=3000))]
    assert [each.position for each in map(reader(RecordingMeter()).read, records(*sent))] == [(1, 9000), (2, 9000)]


def test_canaries_tombstones_and_unwanted_entities_are_dropped_and_counted() -> None:
    """They move the position and do nothing else."""
    meter = RecordingMeter()
    unwanted = events(says("Q1", "a", "b"))
    sent = records(*events(says("L1", "x"), domain="canary"), None, *unwanted, *events(says("L2", "x")))
    readings = list(map(reader(meter, "^L").read, sent))
    assert [reading.mutation.entity for reading in readings if reading.mutation] == ["L2"]
    assert [reading.position.next_offset for reading in readings] == [1, 2, 3, 4, 5]
    assert meter.by_label(metrics.EVENTS_FILTERED) == {("canary",): 1, ("tombstone",): 1, ("entity",): 2}


def test_the_entity_filter_finds_anywhere_in_the_id() -> None:
    """Its match need not begin at the beginning."""
    readings = map(reader(RecordingMeter(), "2$").read, records(*events(says("Q12", "x")), *events(says("Q13", "x"))))
    assert [reading.mutation.entity for reading in readings if reading.mutation] == ["Q12"]


def _without(field: str) -> bytes:
    return orjson.dumps({name: value for name, value in events(says("Q1", "x"))[0].items() if name != field})


def _with(**fields: object) -> bytes:
    return orjson.dumps(events(says("Q1", "x"))[0] | fields)


@pytest.mark.parametrize(
    ("value", "error_type"),
    [
        (b"{", "NotJson"),
        (b"[]", "NotAnObject"),
        (b"", "NotJson"),
        (_with(**{"$schema": "/mediawiki/page/change/1.0.0"}), "InvalidMutation"),
        (_with(entity_id="../etc"), "InvalidMutation"),
        (_with(sequence=1), "InvalidMutation"),
        (_with(operation="drop"), "InvalidMutation"),
        (_with(rdf_added_data={"data": "<urn:a> <urn:b> ", "mime_type": "text/turtle"}), "InvalidMutation"),
        (_with(rdf_added_data={"data": "", "mime_type": "image/png"}), "InvalidMutation"),
        (_with(meta=None), "InvalidMutation"),
        (_without("rev_id"), "InvalidMutation"),
    ],
)
def test_a_message_that_is_none_is_told_on_the_error_stream_and_the_next_one_is_read(
    value: bytes, error_type: str
) -> None:
    """With the message itself, so that it can be done again."""
    meter = RecordingMeter()
    poison, good = map(reader(meter).read, records(value, *events(says("Q2", "x"))))
    (error,) = map(orjson.loads, (output.value for output in poison.errors))
    assert (error["error_type"], error["raw_event"].encode()) == (error_type, value)
    assert poison.position.next_offset == 1
    assert good.mutation is not None
    assert meter.by_label(metrics.EVENTS_ERRORS) == {(error_type,): 1}


def test_a_mutation_that_is_cut_off_is_told_at_the_end_with_each_message() -> None:
    """A file that ends in its middle: the position then lies behind it."""
    reading = reader(RecordingMeter())
    for record in records(*events(says("Q1", "a", "b", "c"))[:2]):
        reading.read(record)
    (left,) = reading.finish()
    assert [orjson.loads(error.value)["error_type"] for error in left.errors] == ["IncompleteMutation"] * 2
    assert left.position.next_offset == 2


def test_pieces_are_forgotten_when_the_source_is_read_anew() -> None:
    """They come again, and are no gap."""
    reading = reader(RecordingMeter())
    sent = records(*events(mutation(OperationName.RECONCILE, "Q1", added=frozenset(triple("Q1", x) for x in "abc"))))
    for record in sent[:2]:
        reading.read(record)
    reading.reset()
    readings = list(map(reading.read, sent))
    assert [each.errors for each in readings] == [[], [], []]
    assert readings[-1].mutation is not None
