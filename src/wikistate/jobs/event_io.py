"""What every job does with its events at both ends: read, filter, stamp, check, encode, refuse, count.

Nothing is decided here: the core decodes and encodes. What it refuses becomes an error event, and what is dropped or
refused is counted by its name.
"""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

from wikistate.core.events.rejection import Filtered, RejectedEvent
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
    """Reads the events of a job's source and writes those of its sinks.

    Args:
        decoder: Of the source stream.
        encoder: Of the sink.
        error_encoder: Of the error stream.
        meter: Where measurements go.
        clock: Seconds since the epoch.
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
        self._rejected = CappedLabel(lambda value: meter.counter(metrics.EVENTS_ERRORS, error_type=value))

    def read(self, record: Record) -> Event | list[Output]:
        """The event of a record; or, when there is none to work on, the outputs that are known already."""
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
        """The key that the event has on the sink; see `Encoder.build_key`."""
        return self._encoder.build_key(event)

    def to_output(self, record: Record, event: Event, key: bytes | None) -> Output:
        """The output for the sink, or for the error stream when it cannot be one."""
        output = self._encoder.encode(event, key, self._now())
        return self.to_error_output(record, output) if isinstance(output, RejectedEvent) else output

    def to_error_output(self, record: Record, rejected: RejectedEvent) -> Output:
        """The output for the error stream."""
        self._rejected.count(rejected.error_type)
        return self._error_encoder.encode(rejected, record, self._now())

    def drop(self, reason: str) -> None:
        """Count a record that has no output on purpose."""
        self._dropped.count(reason)

    def _now(self) -> int:
        return int(self._clock() * 1000)


def unexpected_error(error: Exception, event: Event | None = None) -> RejectedEvent:
    """What is said of a record that met a defect of ours."""
    stack = "".join(traceback.format_exception(error))
    return RejectedEvent(type(error).__name__, f"Not foreseen, please report it: {error!s:.500}", event, stack)
