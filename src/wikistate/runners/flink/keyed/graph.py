"""A keyed job as a Flink graph: source, decode, decide, execute, publish, and a sink for each stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyflink.common import Time, Types, WatermarkStrategy
from pyflink.datastream import AsyncDataStream, OutputTag

from wikistate.core.updater.input_reader import CLOCK_SKEW
from wikistate.runners.flink.connectors import bridge, make_sink, make_source, output_type, record_type
from wikistate.runners.flink.keyed.emission import name_sinks
from wikistate.runners.flink.keyed.operators import (
    DecideFunction,
    DecodeFunction,
    EmitFunction,
    ExecuteFunction,
    PublishFunction,
    decide_key,
    publish_key,
)

if TYPE_CHECKING:
    from pyflink.datastream import DataStream, StreamExecutionEnvironment

    from wikistate.config.model import Configuration
    from wikistate.wiring.pipeline import KeyedPipeline
    from wikistate.wiring.registry import JobSpec

_READERS = 1
"""Subtasks that read, if the settings name no number. One reads some thousand events a second. With several, a subtask whose
partitions are quiet says so at once, ahead of the events that its Python worker still holds, which then are late."""

_NO_TIMER = Time.milliseconds(0)  # a timeout costs a thread for each record; the job has its own timeouts


def build_keyed_graph(
    env: StreamExecutionEnvironment, spec: JobSpec, configuration: Configuration, pipeline: KeyedPipeline[Any, Any, Any]
) -> None:
    """Add a keyed job to an environment. Uids must never change: snapshots find their operators by them.

    Raises:
        ConfigError: Flink cannot read or write an endpoint.
    """
    readers = configuration.stream_manager.source.parallelism or _READERS
    decoded = (
        _add_source(env, pipeline)
        .set_parallelism(readers)
        .process(DecodeFunction(spec, configuration), element_type())
        .name("Decode")
        .uid("decode")
        .set_parallelism(readers)
    )
    decided = (
        key_by_bucket(decoded).process(DecideFunction(spec, configuration), element_type()).name("Decide").uid("decide")
    )
    executed = AsyncDataStream.ordered_wait(
        decided,
        ExecuteFunction(spec, configuration),
        _NO_TIMER,
        capacity=pipeline.concurrency,
        output_type=element_type(),
    )
    published = (
        _key(executed.name("Execute").uid("execute"), publish_key, "publish-key")
        .process(PublishFunction(spec, configuration), _bytes())
        .name("Publish")
        .uid("publish")
    )
    _add_sinks(published, spec, configuration, pipeline)


def _add_source(env: StreamExecutionEnvironment, pipeline: KeyedPipeline[Any, Any, Any]) -> DataStream:
    times = bridge().EventTimes(dict(pipeline.time_fields), CLOCK_SKEW)
    watermarks = WatermarkStrategy(times.strategy(pipeline.lateness, pipeline.idleness))
    return env.from_source(make_source(pipeline.source), watermarks, "Read", record_type()).uid("read")


def key_by_bucket(stream: DataStream) -> Any:
    """Return elements by the bucket of their keys, as the operator with the state of the keys takes them."""
    return _key(stream, decide_key, "decide-key")


def _key(stream: DataStream, select: Any, uid: str) -> DataStream:
    keyed = stream.key_by(select, Types.LONG())
    # `key_by` makes a separate operator, and offers no way to name it.
    keyed._j_data_stream.getTransformation().getInputs().get(0).setUid(uid)
    return keyed


def _add_sinks(
    published: DataStream, spec: JobSpec, configuration: Configuration, pipeline: KeyedPipeline[Any, Any, Any]
) -> None:
    """Add the sinks of all streams. One subtask emits, so that the chunks of a mutation follow each other."""
    ends = name_sinks(pipeline)
    identity = pipeline.source.consumer_group or configuration.stream_manager.job_name
    tags = {name: OutputTag(name, output_type()) for name in ends}
    emitted = (
        published.process(EmitFunction(spec, configuration, tags), output_type())
        .name("Emit")
        .uid("emit")
        .set_parallelism(1)
    )
    for name, end in ends.items():
        partition = pipeline.stream_outputs.partition if name in pipeline.stream_outputs.streams else None
        sink = make_sink(end, pipeline.guarantee, identity=f"{identity}-{name}", partition=partition)
        emitted.get_side_output(OutputTag(name, output_type())).name(f"Stream {name}").uid(
            f"stream-{name}"
        ).set_parallelism(1).sink_to(sink).name(f"Write {name}").uid(f"write-{name}").set_parallelism(1)


def element_type() -> Any:
    """Return a new type of the elements between the operators: a key and packed bytes."""
    return Types.TUPLE([Types.LONG(), _bytes()])


def _bytes() -> Any:
    return Types.PRIMITIVE_ARRAY(Types.BYTE())
