"""The functions that run in Flink's Python workers."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from typing import TYPE_CHECKING

from pyflink.common import Row
from pyflink.datastream import AsyncFunction, KeySelector, OutputTag, ProcessFunction, RuntimeContext

from wikistate.runners.flink.async_bridge import CallbackBridge
from wikistate.runners.flink.error_share import ErrorShare
from wikistate.runners.flink.meter import FlinkMeter
from wikistate.runners.flink.rows import output_to_fields, row_to_record
from wikistate.runners.flink.size_check import make_size_check
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
    """Operator of the job: takes the row of a record and returns the rows of its outputs.

    Args:
        spec: The job; it is built in the worker.
        configuration: Its settings.
        keyed: Whether each row has its key before it, as behind `OrderKeySelector`.
    """

    def __init__(self, spec: JobSpec, configuration: Configuration, *, keyed: bool) -> None:
        self._spec = spec
        self._configuration = configuration
        self._keyed = keyed

    def open(self, runtime_context: RuntimeContext) -> None:
        """Build the job. Flink creates the loop afterwards, so the first record opens the clients."""
        configure_logs(self._configuration.telemetry, job_name=self._configuration.stream_manager.job_name)
        prefer_uvloop()
        self._resources = ExitStack()
        self._resources.enter_context(gc_tuned())  # this process runs only functions of Flink
        bounds, alarm = self._configuration.local, self._configuration.failure_alarm
        meter = FlinkMeter(runtime_context.get_metrics_group())
        pipeline = assemble_stateless(self._spec, self._configuration, meter)
        self._size_check = make_size_check(pipeline.job, pipeline.endpoints)
        self._bridge = CallbackBridge(
            pipeline.job,
            OrderedRelease(max_events=bounds.max_in_flight_events, max_bytes=bounds.max_in_flight_bytes),
            RunnerMetrics(meter),
            error_limit=ErrorLimit(self._configuration.error_limit),
            error_share=ErrorShare(meter, share=alarm.share, minimum=alarm.minimum),
        )

    def close(self) -> None:
        """Restore the garbage collector. Flink has closed the loop before, so the end of the process closes connections."""
        self._resources.close()

    async def async_invoke(self, value: Row) -> list[Row]:
        """Return the outputs of one record."""
        record = row_to_record(value[1] if self._keyed else value)
        outputs = self._size_check.apply(record, await self._bridge.process(record))
        return [Row(*output_to_fields(output)) for output in outputs]


class SplitErrors(ProcessFunction):  # type: ignore[misc]  # pyflink ships no types
    """Operator that moves error events to a side output. An asynchronous operator has none, so this one follows it."""

    def __init__(self, errors: OutputTag) -> None:
        self._errors = errors

    def process_element(self, value: Row, ctx: ProcessFunction.Context) -> Iterator[object]:
        """Yield the output, to the side output if it is an error event."""
        yield (self._errors, value) if value[0] == Role.ERROR else value


class OrderKeySelector(KeySelector):  # type: ignore[misc]  # pyflink ships no types
    """Selector of the key within which order is kept, for records that change subtask on their way to the job."""

    def __init__(self, spec: JobSpec, configuration: Configuration) -> None:
        self._spec = spec
        self._configuration = configuration

    def open(self, runtime_context: RuntimeContext) -> None:
        """Build a job that only plans records; its measurements are dropped, because the working job has the same."""
        self._job = assemble_stateless(self._spec, self._configuration, RecordingMeter()).job

    def get_key(self, value: Row) -> str:
        """Return the key. A record without one may go to any subtask, because it needs no order."""
        record = row_to_record(value)
        key = self._job.plan(record).key
        return repr(record.offset if key is None else key)


def prefer_uvloop() -> None:
    """Use the faster loop for loops that this process creates from now on, where it is available."""
    try:
        from uvloop import EventLoopPolicy  # noqa: PLC0415  (not available everywhere; the loop of asyncio is slower)
    except ImportError:
        return
    asyncio.set_event_loop_policy(EventLoopPolicy())
