"""The rows between the JVM and Python."""

from __future__ import annotations

from wikistate.runners.flink.rows import OUTPUT_FIELDS, RECORD_FIELDS, output_to_fields, row_to_record
from wikistate.streaming.record import Output, Partition, Record, Role


def test_row_becomes_the_record_of_the_source() -> None:
    """Field by field, by the names in the type of the row."""
    named = {
        "value": b"v",
        "key": b"k",
        "timestamp": 1_700_000_000_123,
        "topic": "changes",
        "partition": 3,
        "offset": 2**40,
        "cut": 17,
    }
    row = [named[field] for field in RECORD_FIELDS]
    assert row_to_record(row) == Record(b"v", b"k", 1_700_000_000_123, Partition("changes", 3), 2**40, 17)


def test_missing_fields_of_a_record_stay_none() -> None:
    """A tombstone is not an empty value, and no key is not an empty key."""
    record = row_to_record([None, None, None, "changes", 0, 0, 0])
    assert (record.value, record.key, record.timestamp) == (None, None, None)
    assert row_to_record([b"", b"", 0, "changes", 0, 0, 0])[:3] == (b"", b"", 0)


def test_output_becomes_a_row_in_the_order_of_its_fields() -> None:
    """The role is a plain string: the JVM does not know the enumeration."""
    fields = dict(zip(OUTPUT_FIELDS, output_to_fields(Output(Role.ERROR, b"k", b"v", None)), strict=True))
    assert fields == {"role": "error", "key": b"k", "value": b"v", "timestamp": None}
    assert type(fields["role"]) is str
