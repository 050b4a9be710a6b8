"""A job as a Flink graph: source, the job itself, the split of its outputs, two sinks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyflink.common import Duration, Time, Types, WatermarkStrategy
from pyflink.datastream import AsyncDataStream, OutputTag

from wikistate.core.record import Role
from wikistate.jobs.ends import KafkaSourceEnd
from wikistate.runners.flink.connectors import make_sink, make_source, output_type, record_type
from wikistate.runners.flink.operators import KeyOf, Perform, Split

if TYPE_CHECKING:
    from pyflink.datastream import DataStream, StreamExecutionEnvironment

    from wikistate.config.model import Configuration
    from wikistate.jobs.catalogue import Entry
    from wikistate.jobs.ends import Ends

IDLENESS = 60
"""Seconds without a record after which a partition no longer holds event time up."""

_NO_TIMER = Time.milliseconds(0)  # a timeout costs a thread for each record; the job has its own


def build(env: StreamExecutionEnvironment, entry: Entry, configuration: Configuration, ends: Ends) -> None:
    """Adds a job to an environment. Uids must never change: snapshots find their operators by them.

    Raises:
        ConfigError: Flink cannot read or write an end.
    """
    manager = configuration.stream_manager
    identity = ends.source.group if isinstance(ends.source, KafkaSourceEnd) else manager.job_name
    records, keyed = _records(env, entry, configuration, ends)
    outputs = AsyncDataStream.unordered_wait(
        records,
        Perform(entry, configuration, keyed=keyed),
        _NO_TIMER,
        capacity=configuration.local.max_in_flight_events,
        output_type=output_type(),
    )
    enriched = (
        outputs.name("Perform").uid("perform").process(Split(_errors()), output_type()).name("Split").uid("split")
    )
    failed = enriched.get_side_output(_errors()).name("Errors").uid("errors")
    for role, stream, end in ((Role.SINK, enriched, ends.sink), (Role.ERROR, failed, ends.error)):
        sink = make_sink(end, ends.guarantee, identity=f"{identity}-{role}")
        stream.sink_to(sink).name(f"Write {role}").uid(f"write-{role}")


def _records(
    env: StreamExecutionEnvironment, entry: Entry, configuration: Configuration, ends: Ends
) -> tuple[DataStream, bool]:
    """The records, and whether they come with their key before them.

    A partition is read by one subtask in its order, and its records stay there, so nothing needs to be sorted by key;
    only where the job has more subtasks than the source do records move, and then all of a key move to the same one.
    """
    watermarks = WatermarkStrategy.for_monotonous_timestamps().with_idleness(Duration.of_seconds(IDLENESS))
    records = env.from_source(make_source(ends.source), watermarks, "Read", record_type()).uid("read")
    readers = configuration.stream_manager.source.parallelism
    if readers is None or readers == env.get_parallelism():
        return records, False
    records.set_parallelism(readers)
    keyed = records.key_by(KeyOf(entry, configuration), Types.STRING())
    # `key_by` makes an operator of its own, and offers no way to name it.
    keyed._j_data_stream.getTransformation().getInputs().get(0).setUid("key")
    return keyed, True


def _errors() -> OutputTag:
    return OutputTag(Role.ERROR.value, output_type())
