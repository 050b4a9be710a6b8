"""The functions that run in Flink's Python workers."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from typing import TYPE_CHECKING

from pyflink.common import Row
from pyflink.datastream import AsyncFunction, KeySelector, OutputTag, ProcessFunction, RuntimeContext

from wikistate.runners.flink.async_bridge import CallbackBridge
from wikistate.runners.flink.meter import FlinkMeter
from wikistate.runners.flink.rows import output_to_fields, row_to_record
from wikistate.runners.metrics import RunnerMetrics
from wikistate.runners.process_tuning import gc_tuned
from wikistate.streaming.error_limit import ErrorLimit
from wikistate.streaming.ordering import OrderedRelease
from wikistate.streaming.record import Role
from wikistate.telemetry.logs import configure_logs
from wikistate.telemetry.meter import RecordingMeter
from wikistate.wiring.registry import assemble_stateless

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wikistate.config.model import Configuration
    from wikistate.wiring.registry import JobSpec


class JobFunction(AsyncFunction):  # type: ignore[misc]  # pyflink ships no types
    """Runs the job: a row of a record in, the rows of its outputs out.

    Args:
        spec: The job. It is assembled in the worker.
        configuration: Its settings.
        keyed: Whether rows come with their key before them, as they do behind `OrderKeySelector`.
    """

    def __init__(self, spec: JobSpec, configuration: Configuration, *, keyed: bool) -> None:
        self._spec = spec
        self._configuration = configuration
        self._keyed = keyed

    def open(self, runtime_context: RuntimeContext) -> None:
        """Assembles the job. Flink makes the loop after this, so clients are opened with the first record."""
        configure_logs(self._configuration.telemetry, job_name=self._configuration.stream_manager.job_name)
        _prefer_uvloop()
        self._resources = ExitStack()
        self._resources.enter_context(gc_tuned())  # it runs nothing but Flink's functions
        bounds = self._configuration.local
        meter = FlinkMeter(runtime_context.get_metrics_group())
        self._bridge = CallbackBridge(
            assemble_stateless(self._spec, self._configuration, meter).job,
            OrderedRelease(max_events=bounds.max_in_flight_events, max_bytes=bounds.max_in_flight_bytes),
            RunnerMetrics(meter),
            error_limit=ErrorLimit(self._configuration.error_limit),
        )

    def close(self) -> None:
        """Lets go. Flink has ended the loop before this, so connections are left for the process's end to close."""
        self._resources.close()

    async def async_invoke(self, value: Row) -> list[Row]:
        """What becomes of one record."""
        outputs = await self._bridge.process(row_to_record(value[1] if self._keyed else value))
        return [Row(*output_to_fields(output)) for output in outputs]


class SplitErrors(ProcessFunction):  # type: ignore[misc]  # pyflink ships no types
    """Sends error events to a side output. An asynchronous operator has none, so this is chained to it."""

    def __init__(self, errors: OutputTag) -> None:
        self._errors = errors

    def process_element(self, value: Row, ctx: ProcessFunction.Context) -> Iterator[object]:
        """One output."""
        yield (self._errors, value) if value[0] == Role.ERROR else value


class OrderKeySelector(KeySelector):  # type: ignore[misc]  # pyflink ships no types
    """The key that order is kept within, for records that change subtask on their way to the job."""

    def __init__(self, spec: JobSpec, configuration: Configuration) -> None:
        self._spec = spec
        self._configuration = configuration

    def open(self, runtime_context: RuntimeContext) -> None:
        """Assembles a job that is only asked to read; what it would report, the one that works does."""
        self._job = assemble_stateless(self._spec, self._configuration, RecordingMeter()).job

    def get_key(self, value: Row) -> str:
        """The key; a record without one goes anywhere, since it needs no order."""
        record = row_to_record(value)
        key = self._job.plan(record).key
        return repr(record.offset if key is None else key)


def _prefer_uvloop() -> None:
    try:
        from uvloop import EventLoopPolicy  # noqa: PLC0415  (not everywhere; asyncio's own loop is slower)
    except ImportError:
        return
    asyncio.set_event_loop_policy(EventLoopPolicy())
