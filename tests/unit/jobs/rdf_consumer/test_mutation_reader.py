from __future__ import annotations

import orjson
import pytest
from tests.support.limited_process import run_limited
from tests.unit.jobs.rdf_consumer.memory_store import insertion, mutation, triple
from tests.unit.jobs.rdf_consumer.streams import events, reader, records

from wikistate.core.updater.message_fields import MessageVersion
from wikistate.core.updater.mutation import OperationName
from wikistate.streaming.record import Partition
from wikistate.telemetry import metrics
from wikistate.telemetry.meter import RecordingMeter


@pytest.mark.parametrize("version", list(MessageVersion))
def test_messages_of_either_version_become_mutations(version: MessageVersion) -> None:
    """Old updaters write version 1, current ones version 2."""
    sent = insertion("Q1", "hello", time=5000)
    (reading,) = map(reader(RecordingMeter()).read, records(*events(sent, version=version)))
    assert reading.mutation is not None
    assert reading.mutation.patch == sent.patch
    assert reading.position == (1, 5000)


def test_position_stays_at_the_beginning_of_an_incomplete_mutation() -> None:
    """Its messages are read again after a crash, so a tail is never read alone."""
    whole, parts = insertion("Q1", "x", time=7000), insertion("Q2", "a", "b", "c", time=9000)
    readings = list(map(reader(RecordingMeter()).read, records(*events(whole), *events(parts))))
    assert [reading.position for reading in readings] == [(1, 7000), (1, 7000), (1, 7000), (4, 9000)]


def test_time_of_a_position_never_decreases() -> None:
    """A late change does not make the store look older than it is."""
    sent = [*events(insertion("Q1", "x", time=9000)), *events(insertion("Q2", "x", time=3000))]
    assert [each.position for each in map(reader(RecordingMeter()).read, records(*sent))] == [(1, 9000), (2, 9000)]


def test_canaries_tombstones_and_unwanted_entities_are_dropped_and_counted() -> None:
    """They advance the position and do nothing else."""
    meter = RecordingMeter()
    unwanted = events(insertion("Q1", "a", "b"))
    sent = records(*events(insertion("L1", "x"), domain="canary"), None, *unwanted, *events(insertion("L2", "x")))
    readings = list(map(reader(meter, "^L").read, sent))
    assert [reading.mutation.entity for reading in readings if reading.mutation] == ["L2"]
    assert [reading.position.next_offset for reading in readings] == [1, 2, 3, 4, 5]
    assert meter.by_label(metrics.EVENTS_FILTERED) == {("canary",): 1, ("tombstone",): 1, ("entity",): 2}


def test_entity_filter_matches_any_part_of_the_id() -> None:
    """The match need not begin at the start of the id."""
    readings = map(
        reader(RecordingMeter(), "2$").read, records(*events(insertion("Q12", "x")), *events(insertion("Q13", "x")))
    )
    assert [reading.mutation.entity for reading in readings if reading.mutation] == ["Q12"]


def _without(field: str) -> bytes:
    return orjson.dumps({name: value for name, value in events(insertion("Q1", "x"))[0].items() if name != field})


def _with(**fields: object) -> bytes:
    return orjson.dumps(events(insertion("Q1", "x"))[0] | fields)


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
def test_invalid_message_becomes_an_error_event_and_the_next_one_is_read(value: bytes, error_type: str) -> None:
    """The error event has the message itself, so that it can be replayed."""
    meter = RecordingMeter()
    invalid, good = map(reader(meter).read, records(value, *events(insertion("Q2", "x"))))
    (error,) = map(orjson.loads, (output.value for output in invalid.errors))
    assert (error["error_type"], error["raw_event"].encode()) == (error_type, value)
    assert invalid.position.next_offset == 1
    assert good.mutation is not None
    assert meter.by_label(metrics.EVENTS_ERRORS) == {(error_type,): 1}


def test_incomplete_mutation_at_the_end_has_an_error_event_for_each_message() -> None:
    """A file may end in the middle of a mutation: the position then is behind it."""
    reading = reader(RecordingMeter())
    for record in records(*events(insertion("Q1", "a", "b", "c"))[:2]):
        reading.read(record)
    (reading_at_end,) = reading.finish()
    assert [orjson.loads(error.value)["error_type"] for error in reading_at_end.errors] == ["IncompleteMutation"] * 2
    assert reading_at_end.position.next_offset == 2


def test_reset_drops_the_pending_messages() -> None:
    """The messages are read again, and do not count as a gap."""
    reading = reader(RecordingMeter())
    sent = records(*events(mutation(OperationName.RECONCILE, "Q1", added=frozenset(triple("Q1", x) for x in "abc"))))
    for record in sent[:2]:
        reading.read(record)
    reading.reset()
    readings = list(map(reading.read, sent))
    assert [each.errors for each in readings] == [[], [], []]
    assert readings[-1].mutation is not None


def test_invalid_messages_keep_their_ids_when_a_batch_is_read_again() -> None:
    """Two messages with the same content have two ids, each the same in every reading."""
    sent = records(b"{", b"{", _with(operation="drop"), *events(insertion("Q1", "a", "b"))[:1])

    def read_ids() -> list[str]:
        batch = reader(RecordingMeter())
        readings = [*map(batch.read, sent), *batch.finish()]
        return [orjson.loads(error.value)["meta"]["id"] for each in readings for error in each.errors]

    first = read_ids()
    assert len(set(first)) == len(sent)
    assert read_ids() == first


def test_triples_of_incomplete_mutations_are_bounded_over_all_partitions() -> None:
    """The partition that exceeds the bound is rejected, and the other mutation is completed."""
    reading = reader(RecordingMeter(), max_triples=4)
    first = records(*events(insertion("Q1", "a", "b", "c")))
    second = [
        record._replace(partition=Partition("mutation", 1))
        for record in records(*events(insertion("Q2", "a", "b", "c", "d")))
    ]
    held = [reading.read(record) for record in (*first[:2], *second[:3])]
    assert [len(each.errors) for each in held] == [0, 0, 0, 0, 3]
    completed = reading.read(first[2]).mutation
    assert completed is not None
    assert len(completed.patch.added) == 3


def read_dense_messages() -> tuple[int, list[str]]:
    """Read a mutation of 40 messages with 15,000 triples each. Return the triples that are held, and the error types."""
    errors: list[str] = []
    reading = reader(RecordingMeter(), max_triples=60_000)
    for sequence in range(40):
        (event,) = events(insertion("Q1", "a"))
        numbers = ",".join(map(str, range(sequence * 15_000, (sequence + 1) * 15_000)))
        event["rdf_added_data"]["data"] = f"<http://x/s> <http://x/p> {numbers} ."
        event |= {"sequence": sequence, "sequence_length": 50}
        (record,) = records(event)
        result = reading.read(record._replace(offset=sequence))
        errors += [orjson.loads(output.value)["error_type"] for output in result.errors]
    return sum(len(each.errors) for each in reading.finish()), sorted(set(errors))


def test_dense_messages_are_rejected_within_their_memory() -> None:
    """The messages together have four megabytes, and their triples would take more than the child has."""
    found = run_limited(
        """
        from tests.unit.jobs.rdf_consumer.test_mutation_reader import read_dense_messages
        print(*read_dense_messages())
        """,
        megabytes=230,
    )
    assert found.returncode == 0, found.stderr
    assert found.stdout.endswith("0 ['IncompleteMutation', 'MutationTooLarge']\n")
