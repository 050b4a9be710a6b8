"""The rows between the JVM and Python: the fields of a record and of an output, in their order.

The classes of the bridge (``jvm/src``) write and read the same fields.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wikistate.streaming.record import Partition, Record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wikistate.streaming.record import Output

RECORD_FIELDS = ("value", "key", "timestamp", "topic", "partition", "offset", "cut")
OUTPUT_FIELDS = ("role", "key", "value", "timestamp")


def row_to_record(fields: Sequence[Any]) -> Record:
    """Return the record in a row of `RECORD_FIELDS`."""
    value, key, timestamp, topic, partition, offset, cut = fields
    return Record(value, key, timestamp, Partition(topic, partition), offset, cut)


def output_to_fields(output: Output) -> tuple[str, bytes | None, bytes, int | None]:
    """Return an output as `OUTPUT_FIELDS`."""
    return (output.role.value, output.key, output.value, output.timestamp)
