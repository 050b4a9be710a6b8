"""A job as a Flink graph: source, the job itself, the split of its outputs, two sinks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyflink.common import Duration, Time, Types, WatermarkStrategy
from pyflink.datastream import AsyncDataStream, OutputTag

from wikistate.runners.flink.connectors import make_sink, make_source, output_type, record_type
from wikistate.runners.flink.operators import JobFunction, OrderKeySelector, SplitErrors
from wikistate.streaming.record import Role

if TYPE_CHECKING:
    from pyflink.datastream import DataStream, StreamExecutionEnvironment

    from wikistate.config.model import Configuration
    from wikistate.wiring.endpoints import Endpoints
    from wikistate.wiring.registry import JobSpec

IDLENESS = 60
"""Seconds without a record after which a partition no longer holds event time back."""

_NO_TIMER = Time.milliseconds(0)  # a timeout costs a thread for each record; the job has its own timeouts


def build_graph(
    env: StreamExecutionEnvironment, spec: JobSpec, configuration: Configuration, endpoints: Endpoints
) -> None:
    """Add a job to an environment. Uids must never change: snapshots find their operators by them.

    Raises:
        ConfigError: Flink cannot read or write an endpoint.
    """
    manager = configuration.stream_manager
    identity = endpoints.source.consumer_group or manager.job_name
    records, keyed = _add_source(env, spec, configuration, endpoints)
    outputs = AsyncDataStream.unordered_wait(
        records,
        JobFunction(spec, configuration, keyed=keyed),
        _NO_TIMER,
        capacity=configuration.local.max_in_flight_events,
        output_type=output_type(),
    )
    enriched = (
        outputs.name("Perform")
        .uid("perform")
        .process(SplitErrors(_error_tag()), output_type())
        .name("Split")
        .uid("split")
    )
    failed = enriched.get_side_output(_error_tag()).name("Errors").uid("errors")
    for role, stream, end in ((Role.SINK, enriched, endpoints.sink), (Role.ERROR, failed, endpoints.error)):
        sink = make_sink(end, endpoints.guarantee, identity=f"{identity}-{role}")
        stream.sink_to(sink).name(f"Write {role}").uid(f"write-{role}")


def _add_source(
    env: StreamExecutionEnvironment, spec: JobSpec, configuration: Configuration, endpoints: Endpoints
) -> tuple[DataStream, bool]:
    """Return the records, and whether each has its key before it.

    One subtask reads a partition in its order, and the records stay there, so order needs no exchange by key. Records
    move only if the job has more subtasks than the source, and then all records of a key move to the same subtask.
    """
    watermarks = WatermarkStrategy.for_monotonous_timestamps().with_idleness(Duration.of_seconds(IDLENESS))
    records = env.from_source(make_source(endpoints.source), watermarks, "Read", record_type()).uid("read")
    readers = configuration.stream_manager.source.parallelism
    if readers is None or readers == env.get_parallelism():
        return records, False
    records.set_parallelism(readers)
    keyed = records.key_by(OrderKeySelector(spec, configuration), Types.STRING())
    # `key_by` makes a separate operator, and offers no way to name it.
    keyed._j_data_stream.getTransformation().getInputs().get(0).setUid("key")
    return keyed, True


def _error_tag() -> OutputTag:
    return OutputTag(Role.ERROR.value, output_type())
