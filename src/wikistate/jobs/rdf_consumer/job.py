"""The job: it reads mutations, writes them to the store with their positions, and emits error events for the rest."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING

from wikistate.core.sparql.terms import UnwritableError
from wikistate.errors import RewoundError
from wikistate.streaming.main_failure import RecentFailures
from wikistate.telemetry import metrics

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from wikistate.adapters.triplestore.writer import StoreWriter
    from wikistate.jobs.rdf_consumer.mutation_reader import MutationReader, ReadResult
    from wikistate.streaming.ports import Sink
    from wikistate.streaming.record import Output, Partition, Record
    from wikistate.telemetry.meter import Meter


_REFUSED = "refused"

_THREAD_THRESHOLD_BYTES = 64 * 1024
"""Size of a message in bytes from which a thread decodes it: some 5 ms of work for most messages of this size."""


class RdfConsumer:
    """See `wikistate.streaming.store_job.StoreJob` for the protocol.

    Args:
        reader: Reads the records of the stream.
        writer: Writes to the store; opened and closed by the job.
        errors: Sink of error events; opened and closed by the job.
        meter: Records the metrics.
    """

    def __init__(self, reader: MutationReader, writer: StoreWriter, errors: Sink, meter: Meter) -> None:
        self._reader = reader
        self._writer = writer
        self._errors = errors
        self._recent = RecentFailures()
        self._errors_produced = meter.counter(metrics.EVENTS_PRODUCED, role="error")

    @property
    def positions(self) -> Mapping[Partition, int]:
        """See `StoreJob`."""
        return {partition: position.next_offset for partition, position in self._writer.positions.items()}

    async def open(self) -> None:
        """See `StoreJob`."""
        self._reader.open()
        await self._writer.open()  # first: of two processes the second one names the store in its error
        await self._errors.open()

    async def process(self, records: Sequence[Record], *, caught_up: bool) -> None:
        """See `StoreJob`."""
        with self._retry_with_validation():
            self._writer.raise_if_failed()
            for record in records:
                await self._apply(await self._read(record))
            # A heartbeat states that the store is complete until now, which it is not while most messages are refused.
            if caught_up and self._recent.main is None:
                self._writer.heartbeat()

    async def _read(self, record: Record) -> ReadResult:
        """Read a record; a thread decodes a large one, so that the event loop continues."""
        if len(record.value or b"") < _THREAD_THRESHOLD_BYTES:
            return self._reader.read(record)
        return self._reader.add(record, await asyncio.to_thread(self._reader.decode, record))

    async def flush(self) -> None:
        """See `StoreJob`."""
        with self._retry_with_validation():
            await self._writer.flush()

    async def finish(self) -> None:
        """See `StoreJob`."""
        with self._retry_with_validation():
            for result in self._reader.finish():
                await self._apply(result)
            await self._writer.flush()

    async def rewind(self) -> None:
        """See `StoreJob`."""
        self._reader.reset()
        await self._writer.rewind()

    async def close(self) -> None:
        """See `StoreJob`."""
        self._reader.close()
        await asyncio.gather(self._writer.close(), self._errors.close())

    async def _apply(self, result: ReadResult) -> None:
        if result.mutation is not None:
            await self._writer.write([result.mutation])
            self._recent.add(1)
        if result.errors:
            self._recent.add(0, {_REFUSED: len(result.errors)})
            await self._write_errors(result.errors)
        self._writer.advance({result.partition: result.position})

    async def _write_errors(self, errors: Sequence[Output]) -> None:
        """Write error events durably before the position moves beyond their record, so that a crash loses no error event."""
        await self._errors.write(errors)
        await self._errors.flush()
        self._errors_produced(len(errors))

    @contextmanager
    def _retry_with_validation(self) -> Iterator[None]:
        """Turn a batch that cannot be written into a rewind with validation.

        The batch holds a mutation that belongs on the error stream: the runner reads it again, and validation finds it.
        """
        try:
            yield
        except UnwritableError as error:
            self._reader.validate_terms()
            raise RewoundError(f"A batch was not applied. {error.message}") from error
