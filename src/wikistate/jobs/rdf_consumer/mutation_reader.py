"""Reader of a mutation stream: it returns whole mutations and the position of the partition after each record.

Each record becomes part of a mutation, becomes an error event, or is dropped with a reason.
"""

from __future__ import annotations

import re
import time
import traceback
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple
from zlib import crc32

from wikistate.adapters.crash_marker import CrashMarker, KilledProcessError
from wikistate.core.events.decoder import read_object
from wikistate.core.events.meta import is_canary
from wikistate.core.events.rejection import Filtered, FilterReason, RejectedEvent
from wikistate.core.sparql.terms import serialize_triples
from wikistate.core.updater.messages import Message, decode_message
from wikistate.core.updater.reassembly import MAX_MUTATION_BYTES, MAX_MUTATION_TRIPLES, Reassembly
from wikistate.core.updater.store_metadata import StorePosition
from wikistate.errors import InputError
from wikistate.jobs.failure_counter import FailureCounter
from wikistate.telemetry import metrics
from wikistate.telemetry.capped_label import CappedLabel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wikistate.core.events.encoder import ErrorEncoder
    from wikistate.core.updater.mutation import Mutation
    from wikistate.streaming.record import Output, Partition, Record
    from wikistate.telemetry.meter import Meter


class ReadResult(NamedTuple):
    """Result of one record.

    Attributes:
        mutation: Mutation that the record completes; None if it completes no mutation.
        errors: Error events.
        partition: Partition of the record.
        position: Position of the partition once the result is written: the first record that is still needed, and the
            time of the newest change before it.
    """

    mutation: Mutation | None
    errors: list[Output]
    partition: Partition
    position: StorePosition


class MutationReader:
    """Reader of one or more partitions, each in order.

    Args:
        errors: Encodes error events.
        meter: Records the metrics.
        entity_filter: Regular expression that must match a part of the entity id; empty for all entities.
        marker: Marker of the messages that are decoded; opened and closed by the reader.
        max_bytes: Limit of the messages of one mutation, in bytes.
        max_triples: Limit of the triples of incomplete mutations, over all partitions.
        clock: Returns seconds since the epoch.
    """

    def __init__(
        self,
        errors: ErrorEncoder,
        meter: Meter,
        *,
        entity_filter: str = "",
        marker: CrashMarker | None = None,
        max_bytes: int = MAX_MUTATION_BYTES,
        max_triples: int = MAX_MUTATION_TRIPLES,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._errors = errors
        self._matches_filter = re.compile(entity_filter).search if entity_filter else None
        self._marker = marker or CrashMarker()
        self._max_bytes = max_bytes
        self._max_triples = max_triples
        self._clock = clock
        self._reassemblies: dict[Partition, Reassembly] = {}
        self._validate: Callable[[Mutation], object] = bool
        self._newest_times: dict[Partition, int] = {}
        self._dropped = CappedLabel(lambda value: meter.counter(metrics.EVENTS_FILTERED, reason=value))
        self._failures = FailureCounter(meter, metrics.EVENTS_ERRORS)

    def open(self) -> None:
        """Open the marker."""
        self._marker.open()

    def close(self) -> None:
        """Close the marker."""
        self._marker.close()

    def validate_terms(self) -> None:
        """Reject mutations that cannot be written in SPARQL from now on: those with blank nodes or invalid IRIs.

        The check of each triple takes as long as its decoding, and hardly any stream holds such a mutation.
        """
        self._validate = _validate_writable

    def read(self, record: Record) -> ReadResult:
        """Return the result of a record. It never raises, whatever the record holds."""
        return self.add(record, self.decode(record))

    def add(self, record: Record, decoded: Message | Filtered | RejectedEvent) -> ReadResult:
        """Return the result of a record that was decoded. Records of a partition are added in order."""
        reassembly = self._reassemblies.get(record.partition)
        if reassembly is None:
            reassembly = self._reassemblies[record.partition] = Reassembly(
                self._max_bytes, max_triples=self._max_triples, check=self._validate
            )
        mutation: Mutation | None = None
        errors: list[Output] = []
        match decoded:
            case Filtered(reason):
                self._dropped.count(reason)
            case RejectedEvent() as rejected:
                errors = [self._to_error_output(record, rejected)]
            case Message() as message:
                mutation, rejected_messages = reassembly.add(record, message)
                if reassembly.pending_triples and self._holds_too_much():
                    rejected_messages += reassembly.reject_too_large()
                errors = [self._to_error_output(*each) for each in rejected_messages]
        pending = reassembly.first_pending_offset
        position = self._position(record, record.offset + 1 if pending is None else pending, mutation)
        return ReadResult(mutation, errors, record.partition, position)

    def _holds_too_much(self) -> bool:
        return sum(each.pending_triples for each in self._reassemblies.values()) > self._max_triples

    def finish(self) -> Iterator[ReadResult]:
        """Yield error events for the messages of incomplete mutations, as the source has ended."""
        for reassembly in self._reassemblies.values():
            if rejected := reassembly.reject_pending():
                record = rejected[-1][0]
                errors = [self._to_error_output(*each) for each in rejected]
                yield ReadResult(None, errors, record.partition, self._position(record, record.offset + 1))

    def _position(self, record: Record, next_offset: int, mutation: Mutation | None = None) -> StorePosition:
        if mutation is not None:
            newest = max(self._newest_times.get(record.partition, 0), mutation.time)
            self._newest_times[record.partition] = newest
        return StorePosition(next_offset, self._newest_times.get(record.partition, 0))

    def reset(self) -> None:
        """Forget incomplete mutations, because the source is read again from another position."""
        self._reassemblies.clear()

    def decode(self, record: Record) -> Message | Filtered | RejectedEvent:
        """Return the message of a record, or the reason why there is none. A thread may call it, for one record at a time."""
        value = record.value or b""
        try:
            slot = self._marker.begin(b"A message of %d bytes with the CRC %08x" % (len(value), crc32(value)))
        except KilledProcessError as error:
            return RejectedEvent("KilledProcess", str(error))
        try:
            return self._decode(record)
        finally:
            self._marker.end(slot)

    def _decode(self, record: Record) -> Message | Filtered | RejectedEvent:
        event = read_object(record)
        if not isinstance(event, dict):
            return event
        if is_canary(event):
            return Filtered(FilterReason.CANARY)
        try:
            message = decode_message(event)
        except InputError as error:
            return RejectedEvent("InvalidMutation", error.message, event)
        except Exception as error:  # noqa: BLE001  (no record may stop the job)
            return RejectedEvent("InternalError", str(error), event, "".join(traceback.format_exception(error)))
        if self._matches_filter is not None and not self._matches_filter(message.entity):
            return Filtered(FilterReason.ENTITY)
        return message

    def _to_error_output(self, record: Record, rejected: RejectedEvent) -> Output:
        self._failures.count(rejected.error_type, rejected.message)
        return self._errors.encode(rejected, record, int(self._clock() * 1000))


def _validate_writable(mutation: Mutation) -> None:
    serialize_triples(chain.from_iterable(mutation.patch))
