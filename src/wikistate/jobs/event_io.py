"""Input and output of events, common to all jobs: read, filter, validate, encode, reject and count.

This module decides nothing: the core decodes and encodes. A rejected event becomes an error event. Dropped and rejected
events are counted by reason and by type.
"""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

from wikistate.core.events.encoder import REFUSED, TOO_LARGE
from wikistate.core.events.rejection import Filtered, RejectedEvent
from wikistate.jobs.failure_counter import FailureCounter
from wikistate.telemetry import metrics
from wikistate.telemetry.capped_label import CappedLabel

if TYPE_CHECKING:
    from collections.abc import Callable

    from wikistate.core.events.decoder import Decoder
    from wikistate.core.events.encoder import Encoder, ErrorEncoder
    from wikistate.core.events.meta import Event
    from wikistate.streaming.record import Output, Record
    from wikistate.telemetry.meter import Meter


class EventIO:
    """Reader of the events of a job's source, and encoder of those for its sinks.

    Args:
        decoder: Decodes events of the source stream.
        encoder: Encodes events for the sink.
        error_encoder: Encodes events for the error stream.
        meter: Records the metrics.
        clock: Returns seconds since the epoch.
    """

    def __init__(
        self,
        *,
        decoder: Decoder,
        encoder: Encoder,
        error_encoder: ErrorEncoder,
        meter: Meter,
        clock: Callable[[], float],
    ) -> None:
        self._decoder = decoder
        self._encoder = encoder
        self._error_encoder = error_encoder
        self._clock = clock
        self._dropped = CappedLabel(lambda value: meter.counter(metrics.EVENTS_FILTERED, reason=value))
        self._failures = FailureCounter(meter, metrics.EVENTS_ERRORS)

    def read(self, record: Record) -> Event | list[Output]:
        """Return the event of a record; or its outputs, if there is no event to process."""
        decoded = self._decoder.decode(record)
        match decoded:
            case dict():
                return decoded
            case Filtered(reason):
                self.drop(reason)
                return []
            case RejectedEvent():
                return [self.to_error_output(record, decoded)]

    def key_of(self, event: Event) -> bytes | RejectedEvent | None:
        """Return the key that the event has on the sink; see `Encoder.build_key`."""
        return self._encoder.build_key(event)

    def to_output(self, record: Record, event: Event, key: bytes | None) -> Output:
        """Return the output for the sink, or for the error stream if the event is not valid for the sink."""
        output = self._encoder.encode(event, key, self._now())
        return self.to_error_output(record, output) if isinstance(output, RejectedEvent) else output

    def to_error_output(self, record: Record, rejected: RejectedEvent) -> Output:
        """Return the output for the error stream."""
        self._failures.count(rejected.error_type, rejected.message)
        return self._error_encoder.encode(rejected, record, self._now())

    def report_refusal(self, record: Record, reason: str, *, by_size: bool) -> Output:
        """See `wikistate.streaming.job.RefusalReporter`."""
        decoded = self._decoder.decode(record)
        event = decoded if isinstance(decoded, dict) else None
        return self.to_error_output(record, RejectedEvent(TOO_LARGE if by_size else REFUSED, reason, event))

    def shorten(self, error: Output, max_bytes: int) -> Output:
        """See `wikistate.streaming.job.RefusalReporter`."""
        return self._error_encoder.shorten(error, max_bytes)

    def drop(self, reason: str) -> None:
        """Count a record that is dropped on purpose."""
        self._dropped.count(reason)

    def _now(self) -> int:
        return int(self._clock() * 1000)


def unexpected_error(error: Exception, event: Event | None = None) -> RejectedEvent:
    """Return the rejection of a record that caused an unexpected error: a defect of this program."""
    stack = "".join(traceback.format_exception(error))
    return RejectedEvent(type(error).__name__, f"Unexpected error, please report it: {error!s:.500}", event, stack)
