"""The functions of a keyed job that run in Flink's Python workers."""

from __future__ import annotations

import asyncio
import pickle
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from pyflink.common import Row, Types
from pyflink.datastream import (
    AsyncFunction,
    KeyedProcessFunction,
    OutputTag,
    ProcessFunction,
    RuntimeContext,
    TimeDomain,
)
from pyflink.datastream.state import ValueStateDescriptor

from wikistate.runners.flink.error_share import ErrorShare
from wikistate.runners.flink.keyed.buckets import Bucket, bucket_of
from wikistate.runners.flink.keyed.emission import Emission, name_sinks
from wikistate.runners.flink.keyed.steps import (
    KeyedEventElement,
    OperationElement,
    OutputsElement,
    Publication,
    decide_event,
    decoded_elements,
    execute_element,
    fire_timers,
    pack_failed,
    publish_result,
    unpack_failed,
)
from wikistate.runners.flink.meter import FlinkMeter
from wikistate.runners.flink.operators import prefer_uvloop
from wikistate.runners.flink.rows import output_to_fields, row_to_record
from wikistate.runners.flink.size_check import fetch_topic_limits
from wikistate.runners.process_tuning import gc_tuned
from wikistate.streaming.error_limit import ErrorLimit
from wikistate.telemetry.logs import configure_logs
from wikistate.wiring.registry import assemble_keyed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from wikistate.config.model import Configuration
    from wikistate.streaming.keyed_job import KeyedState
    from wikistate.wiring.pipeline import KeyedPipeline
    from wikistate.wiring.registry import JobSpec

_NO_WATERMARK = -(2**63)
"""The watermark of Flink before the first one."""

PUBLISH_BUCKETS = 4096
"""Groups of keys whose failures are kept together. Few keys have one, so that the cache of a worker holds all groups. Savepoints
hold it: a change loses them."""


class _KeyedFunction:
    """Base of the functions of a keyed job: each builds the job in its worker.

    Args:
        spec: The job.
        configuration: Its settings.
    """

    def __init__(self, spec: JobSpec, configuration: Configuration) -> None:
        self._spec = spec
        self._configuration = configuration

    def _assemble(
        self, runtime_context: RuntimeContext, meter: FlinkMeter | None = None
    ) -> KeyedPipeline[Any, Any, Any]:
        configure_logs(self._configuration.telemetry, job_name=self._configuration.stream_manager.job_name)
        meter = meter or FlinkMeter(runtime_context.get_metrics_group())
        return assemble_keyed(self._spec, self._configuration, meter)


class DecodeFunction(_KeyedFunction, ProcessFunction):  # type: ignore[misc]  # pyflink ships no types
    """Operator that decodes records."""

    def open(self, runtime_context: RuntimeContext) -> None:
        """Build the job."""
        self._job = self._assemble(runtime_context).job

    def process_element(self, value: Row, ctx: ProcessFunction.Context) -> Iterator[tuple[int, bytes]]:
        """Yield the elements of a record."""
        record = row_to_record(value)
        yield from _pack(decoded_elements(self._job.decode(record), record.offset))


class DecideFunction(_KeyedFunction, KeyedProcessFunction):  # type: ignore[misc]  # pyflink ships no types
    """Operator that keeps the state of the keys and decides. Its key is a bucket.

    A timer of a key is a timer of its bucket. While all inputs are quiet, nothing advances event time, and waiting events
    would wait for the next edit of a small wiki: so each timer has a second one, in processing time, that fires if event
    time has not moved meanwhile.
    """

    def open(self, runtime_context: RuntimeContext) -> None:
        """Build the job, and get the state."""
        pipeline = self._assemble(runtime_context)
        self._job: Any = pipeline.job
        self._quiet_time = pipeline.lateness + pipeline.idleness
        self._state = runtime_context.get_state(bucket_state())
        self._quiet_since = runtime_context.get_state(ValueStateDescriptor("quiet-since", Types.LONG()))

    def process_element(
        self, value: tuple[int, bytes], ctx: KeyedProcessFunction.Context
    ) -> Iterator[tuple[int, bytes]]:
        """Yield the operations that follow from an event."""
        element = pickle.loads(value[1])  # noqa: S301  (our own, from the operator before)
        if not isinstance(element, KeyedEventElement):
            yield value
            return
        bucket = self._load(bucket_of(element.key))
        yield from _pack(decide_event(self._job, bucket, element, _watermark(ctx)))
        self._store(bucket, ctx, element.key)

    def on_timer(self, timestamp: int, ctx: KeyedProcessFunction.OnTimerContext) -> Iterator[tuple[int, bytes]]:
        """Yield the operations that follow from the timers of a bucket."""
        bucket = self._load(ctx.get_current_key())
        due = timestamp
        if ctx.time_domain() == TimeDomain.PROCESSING_TIME:
            if self._quiet_since.value() != ctx.timer_service().current_watermark():
                self._watch(bucket, ctx)
                return
            due = max(bucket.timers(), default=0)
        yield from _pack(fire_timers(self._job, bucket, due, _watermark(ctx)))
        self._store(bucket, ctx)

    def _load(self, number: int) -> Bucket:
        return Bucket.unpack(number, self._state.value())

    def _store(self, bucket: Bucket, ctx: KeyedProcessFunction.Context, key: int | None = None) -> None:
        packed = bucket.pack()
        if packed is None:
            self._state.clear()
        else:
            self._state.update(packed)
        timers = list(bucket.timers()) if key is None else [bucket.get(key).timer]
        for timer in timers:
            if timer is not None:
                ctx.timer_service().register_event_time_timer(timer)
        self._watch(bucket, ctx)

    def _watch(self, bucket: Bucket, ctx: KeyedProcessFunction.Context) -> None:
        if next(bucket.timers(), None) is None:
            return
        service = ctx.timer_service()
        self._quiet_since.update(service.current_watermark())
        wait = self._quiet_time
        service.register_processing_time_timer((service.current_processing_time() + wait) // 1000 * 1000 + 1000)


class ExecuteFunction(_KeyedFunction, AsyncFunction):  # type: ignore[misc]  # pyflink ships no types
    """Operator that executes operations, many at once; Flink keeps the order of their results."""

    def open(self, runtime_context: RuntimeContext) -> None:
        """Build the job. Flink creates the loop afterwards, so the first element opens the clients."""
        prefer_uvloop()
        self._resources = ExitStack()
        self._resources.enter_context(gc_tuned())  # this process runs only functions of Flink
        pipeline = self._assemble(runtime_context)
        self._job: Any = pipeline.job
        self._encode = pipeline.stream_outputs.encode
        self._error_limit = ErrorLimit(self._configuration.error_limit)
        self._opening: asyncio.Task[None] | None = None

    def close(self) -> None:
        """Restore the garbage collector. Flink has closed the loop before, so the end of the process closes connections."""
        self._resources.close()

    async def async_invoke(self, value: tuple[int, bytes]) -> list[tuple[int, bytes]]:
        """Return the result of an operation."""
        element = pickle.loads(value[1])  # noqa: S301  (our own, from the operator before)
        if not isinstance(element, OperationElement):
            return [value]
        if self._opening is None:
            self._opening = asyncio.ensure_future(self._job.open())
        if not self._opening.done():
            await asyncio.wait([self._opening])
        self._opening.result()
        return list(_pack([await execute_element(self._job, self._encode, element, self._error_limit)]))


class PublishFunction(_KeyedFunction, KeyedProcessFunction):  # type: ignore[misc]  # pyflink ships no types
    """Operator that knows which operations have failed, and publishes the results. Its key is a group of keys."""

    def open(self, runtime_context: RuntimeContext) -> None:
        """Build the job, and get the state."""
        pipeline = self._assemble(runtime_context)
        self._job: Any = pipeline.job
        self._encode = pipeline.stream_outputs.encode
        self._state = runtime_context.get_state(ValueStateDescriptor("failed", Types.PRIMITIVE_ARRAY(Types.BYTE())))

    def process_element(self, value: tuple[int, bytes], ctx: KeyedProcessFunction.Context) -> Iterator[bytes]:
        """Yield what is written."""
        element = pickle.loads(value[1])  # noqa: S301  (our own, from the operator before)
        if isinstance(element, OutputsElement):
            yield pickle.dumps(Publication((), element.outputs))
            return
        failed = self._load()
        before = failed.get(element.key)
        after, publication = publish_result(self._job, self._encode, before, element)
        if after != before:
            self._store({**failed, element.key: after})
        yield pickle.dumps(publication)

    def _load(self) -> Mapping[int, KeyedState]:
        packed = self._state.value()
        return {} if packed is None else unpack_failed(packed)

    def _store(self, failed: Mapping[int, KeyedState | None]) -> None:
        left = {key: state for key, state in failed.items() if state is not None}
        if left:
            self._state.update(pack_failed(left))
        else:
            self._state.clear()


class EmitFunction(_KeyedFunction, ProcessFunction):  # type: ignore[misc]  # pyflink ships no types
    """Operator that emits each event of a publication to its stream; one subtask, so that chunks stay together.

    Args:
        spec: The job.
        configuration: Its settings.
        tags: The side outputs, by the name of a stream or the role of an output.
    """

    def __init__(self, spec: JobSpec, configuration: Configuration, tags: Mapping[str, OutputTag]) -> None:
        super().__init__(spec, configuration)
        self._tags = tags

    def open(self, runtime_context: RuntimeContext) -> None:
        """Read the limits of the topics."""
        alarm, meter = self._configuration.failure_alarm, FlinkMeter(runtime_context.get_metrics_group())
        limits = fetch_topic_limits(name_sinks(self._assemble(runtime_context, meter)))
        self._emission = Emission(limits, ErrorShare(meter, share=alarm.share, minimum=alarm.minimum))

    def process_element(self, value: bytes, ctx: ProcessFunction.Context) -> Iterator[tuple[OutputTag, Row]]:
        """Yield the events of a publication."""
        publication: Publication = pickle.loads(value)  # noqa: S301  (our own, from the operator before)
        for stream, output in self._emission.apply(publication):
            yield self._tags[stream], Row(*output_to_fields(output))


def bucket_state() -> ValueStateDescriptor:
    """Return the description of the state of a bucket. Savepoints hold its name and its type."""
    return ValueStateDescriptor("bucket", Types.PRIMITIVE_ARRAY(Types.BYTE()))


def decide_key(value: tuple[int, bytes]) -> int:
    """Return the key of the state of decisions: the bucket."""
    return bucket_of(value[0])


def publish_key(value: tuple[int, bytes]) -> int:
    """Return the key of the state of failures."""
    return bucket_of(value[0]) % PUBLISH_BUCKETS


def _pack(elements: Iterable[Any]) -> Iterator[tuple[int, bytes]]:
    return ((element.key, pickle.dumps(element)) for element in elements)


def _watermark(ctx: KeyedProcessFunction.Context) -> int | None:
    watermark: int = ctx.timer_service().current_watermark()
    return None if watermark == _NO_WATERMARK else watermark
