"""The functions that run in Flink's Python workers."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from typing import TYPE_CHECKING

from pyflink.common import Row
from pyflink.datastream import AsyncFunction, KeySelector, OutputTag, ProcessFunction, RuntimeContext

from wikistate.core.record import Role
from wikistate.runners.error_limit import ErrorLimit
from wikistate.runners.flink.meter import FlinkMeter
from wikistate.runners.flink.performer import Performer
from wikistate.runners.flink.rows import fields_of, record_of
from wikistate.runners.garbage import rare_collections
from wikistate.runners.lanes import Lanes
from wikistate.runners.measurements import Measurements
from wikistate.telemetry.logs import configure_logs
from wikistate.telemetry.meter import RecordingMeter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wikistate.config.model import Configuration
    from wikistate.jobs.catalogue import Entry


class Perform(AsyncFunction):  # type: ignore[misc]  # pyflink ships no types
    """Runs the job: a row of a record in, the rows of its outputs out.

    Args:
        entry: The job. It is assembled in the worker.
        configuration: Its settings.
        keyed: Whether rows come with their key before them, as they do behind `KeyOf`.
    """

    def __init__(self, entry: Entry, configuration: Configuration, *, keyed: bool) -> None:
        self._entry = entry
        self._configuration = configuration
        self._keyed = keyed

    def open(self, runtime_context: RuntimeContext) -> None:
        """Assembles the job. Flink makes the loop after this, so clients are opened with the first record."""
        configure_logs(self._configuration.telemetry, job_name=self._configuration.stream_manager.job_name)
        _prefer_uvloop()
        self._process = ExitStack()
        self._process.enter_context(rare_collections())  # it runs nothing but Flink's functions
        bounds = self._configuration.local
        meter = FlinkMeter(runtime_context.get_metrics_group())
        self._performer = Performer(
            self._entry.assemble(self._configuration, meter).job,
            Lanes(max_events=bounds.max_in_flight_events, max_bytes=bounds.max_in_flight_bytes),
            Measurements(meter),
            error_limit=ErrorLimit(self._configuration.error_limit),
        )

    def close(self) -> None:
        """Lets go. Flink has ended the loop before this, so connections are left for the process's end to close."""
        self._process.close()

    async def async_invoke(self, value: Row) -> list[Row]:
        """What becomes of one record."""
        outputs = await self._performer.outputs_of(record_of(value[1] if self._keyed else value))
        return [Row(*fields_of(output)) for output in outputs]


class Split(ProcessFunction):  # type: ignore[misc]  # pyflink ships no types
    """Sends error events to a side output. An asynchronous operator has none, so this is chained to it."""

    def __init__(self, errors: OutputTag) -> None:
        self._errors = errors

    def process_element(self, value: Row, ctx: ProcessFunction.Context) -> Iterator[object]:
        """One output."""
        yield (self._errors, value) if value[0] == Role.ERROR else value


class KeyOf(KeySelector):  # type: ignore[misc]  # pyflink ships no types
    """The key that order is kept within, for records that change subtask on their way to the job."""

    def __init__(self, entry: Entry, configuration: Configuration) -> None:
        self._entry = entry
        self._configuration = configuration

    def open(self, runtime_context: RuntimeContext) -> None:
        """Assembles a job that is only asked to read; what it would report, the one that works does."""
        self._job = self._entry.assemble(self._configuration, RecordingMeter()).job

    def get_key(self, value: Row) -> str:
        """The key; a record without one goes anywhere, since it needs no order."""
        record = record_of(value)
        key = self._job.accept(record).key
        return repr(record.offset if key is None else key)


def _prefer_uvloop() -> None:
    try:
        from uvloop import EventLoopPolicy  # noqa: PLC0415  (not everywhere; asyncio's own loop is slower)
    except ImportError:
        return
    asyncio.set_event_loop_policy(EventLoopPolicy())
