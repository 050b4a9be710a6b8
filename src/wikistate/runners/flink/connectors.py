"""The endpoints of a job as sources and sinks of Flink.

The Kafka source of PyFlink yields only the value, so that a tombstone is lost, and its sink cannot set the time of a
record. The bridge adds both: a few small Java classes in the jar of wikistate.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, assert_never

from pyflink.common import Types
from pyflink.datastream.connectors.base import DeliveryGuarantee as FlinkGuarantee
from pyflink.datastream.connectors.file_system import (
    FileSink,
    FileSource,
    OutputFileConfig,
    RollingPolicy,
    StreamFormat,
)
from pyflink.datastream.connectors.kafka import (
    KafkaOffsetResetStrategy,
    KafkaOffsetsInitializer,
    KafkaSink,
    KafkaSource,
    KafkaTopicPartition,
)
from pyflink.java_gateway import get_gateway

from wikistate.adapters.compression.formats import format_by_name
from wikistate.adapters.connectors.kafka.java_client import to_java_properties
from wikistate.adapters.connectors.kafka.settings import PRODUCER_DEFAULTS
from wikistate.adapters.connectors.start_stop import (
    Bound,
    Committed,
    LatestAtStart,
    Moment,
    Offsets,
    parse_end,
    parse_start,
)
from wikistate.errors import ConfigError
from wikistate.runners.flink.file_format import check_file_format
from wikistate.runners.flink.rows import OUTPUT_FIELDS, RECORD_FIELDS
from wikistate.wiring.endpoints import FileEndpoint, KafkaSinkEndpoint, KafkaSourceEndpoint

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyflink.common import TypeInformation
    from pyflink.datastream.connectors import Sink, Source

    from wikistate.adapters.connectors.start_stop import End, Start
    from wikistate.config.model import DeliveryGuarantee
    from wikistate.wiring.endpoints import SinkEndpoint, SourceEndpoint

TRANSACTION_TIMEOUT = 15 * 60 * 1000
"""Milliseconds: the longest timeout that a broker allows by default (``transaction.max.timeout.ms`` of Kafka). Records in
the transaction of a checkpoint are lost when the job is down for longer. The default of Flink is more than brokers
accept."""


def record_type() -> TypeInformation:
    """Return a new type of rows of `RECORD_FIELDS`. Once used, it refers to the JVM and cannot be pickled."""
    types = [_bytes(), _bytes(), Types.LONG(), Types.STRING(), Types.INT(), Types.LONG(), Types.INT()]
    return Types.ROW_NAMED(list(RECORD_FIELDS), types)


def output_type() -> TypeInformation:
    """Return a new type of rows of `OUTPUT_FIELDS`; see `record_type`."""
    return Types.ROW_NAMED(list(OUTPUT_FIELDS), [Types.STRING(), _bytes(), _bytes(), Types.LONG()])


def _bytes() -> TypeInformation:
    return Types.PRIMITIVE_ARRAY(Types.BYTE())


def make_source(endpoint: SourceEndpoint) -> Source:
    """Return the source that reads an endpoint as rows of `RECORD_FIELDS`.

    Raises:
        ConfigError: Flink cannot read the endpoint.
    """
    match endpoint:
        case KafkaSourceEndpoint():
            return _make_kafka_source(endpoint)
        case FileEndpoint():
            return _make_file_source(endpoint)
        case _:
            raise ConfigError(
                "Flink reads Kafka topics and files only. A public stream and the recent changes of a wiki have one "
                "partition, so that several workers could not share it.",
                hint="Run the job with the local runner (--runner local), which stores the position of the source.",
                key="stream_manager.source.connector",
            )


def make_sink(
    endpoint: SinkEndpoint, guarantee: DeliveryGuarantee, *, identity: str, partition: int | None = None
) -> Sink:
    """Return the sink that writes rows of `OUTPUT_FIELDS` to an endpoint.

    Args:
        endpoint: The endpoint.
        guarantee: The delivery guarantee.
        identity: Distinguishes the transactions of this sink from all others on its cluster; the same after restarts.
        partition: The partition of all outputs if their order matters; None for the partition of the key.

    Raises:
        ConfigError: Flink cannot write to the endpoint.
    """
    match endpoint:
        case KafkaSinkEndpoint():
            return _make_kafka_sink(endpoint, guarantee, identity, partition)
        case FileEndpoint():
            return _make_file_sink(endpoint)
        case _:
            raise ConfigError(
                "The Flink runner writes Kafka topics and files only.",
                hint="Use the local runner for parquet:FOLDER, or write to a topic and read that with --runner local.",
                key="stream_manager.sink.connector",
            )


def _make_kafka_source(endpoint: KafkaSourceEndpoint) -> KafkaSource:
    builder = (
        KafkaSource.builder()
        .set_bootstrap_servers(endpoint.bootstrap_servers)
        .set_topics(*endpoint.topics)
        .set_group_id(endpoint.group)
        .set_starting_offsets(
            _starting_offsets(
                parse_start(endpoint.start, key="stream_manager.source.options.offsets_initializer"), endpoint.topics
            )
        )
    )
    stop = parse_end(endpoint.end, key="stream_manager.source.options.end")
    if stop is not None:
        builder.set_bounded(_stopping_offsets(stop, endpoint.topics))
    for name, value in to_java_properties(endpoint.properties, key="stream_manager.source.options.properties").items():
        builder.set_property(name, value)
    builder._j_builder.setDeserializer(bridge().RecordDeserializer())
    return builder.build()


def _starting_offsets(start: Start, topics: Sequence[str]) -> KafkaOffsetsInitializer:
    match start:
        case Committed(otherwise):
            edges = {Bound.EARLIEST: KafkaOffsetResetStrategy.EARLIEST, Bound.LATEST: KafkaOffsetResetStrategy.LATEST}
            return KafkaOffsetsInitializer.committed_offsets(edges[otherwise])
        case Moment(milliseconds):
            return KafkaOffsetsInitializer.timestamp(milliseconds)
        case Offsets():
            return KafkaOffsetsInitializer.offsets(_partition_offsets(start, topics), KafkaOffsetResetStrategy.EARLIEST)
        case _:
            assert_never(start)


def _stopping_offsets(end: End, topics: Sequence[str]) -> KafkaOffsetsInitializer:
    match end:
        case LatestAtStart():
            return KafkaOffsetsInitializer.latest()
        case Moment(milliseconds):
            return KafkaOffsetsInitializer.timestamp(milliseconds)
        case Offsets():
            return KafkaOffsetsInitializer.offsets(_partition_offsets(end, topics), KafkaOffsetResetStrategy.LATEST)
        case _:
            assert_never(end)


def _partition_offsets(stated: Offsets, topics: Sequence[str]) -> dict[KafkaTopicPartition, int]:
    return {
        KafkaTopicPartition(topic, number): offset
        for name, number, offset in stated.offsets
        for topic in ([name] if name else topics)
    }


def _make_kafka_sink(
    endpoint: KafkaSinkEndpoint, guarantee: DeliveryGuarantee, identity: str, partition: int | None
) -> KafkaSink:
    builder = KafkaSink.builder().set_bootstrap_servers(endpoint.bootstrap_servers)
    builder._j_builder.setRecordSerializer(
        bridge().OutputSerializer(endpoint.topic, -1 if partition is None else partition)
    )
    builder.set_delivery_guarantee(FlinkGuarantee[guarantee.name]).set_transactional_id_prefix(identity)
    properties = to_java_properties(endpoint.properties, key=f"{endpoint.key}.properties")
    defaults = PRODUCER_DEFAULTS | {"transaction.timeout.ms": str(TRANSACTION_TIMEOUT)}
    for name, value in (defaults | properties).items():
        builder.set_property(name, value)
    return builder.build()


def _make_file_source(endpoint: FileEndpoint) -> FileSource:
    path = _require_path(endpoint, "stream_manager.source.options.path")
    check_file_format(path, key="stream_manager.source.options.path")
    lines = StreamFormat(bridge().LineFormat(str(path), endpoint.max_record_bytes))
    return FileSource.for_record_stream_format(lines, path.as_uri()).build()


def _make_file_sink(endpoint: FileEndpoint) -> FileSink:
    path = _require_path(endpoint, "stream_manager.sink.options.path")
    if format_by_name(path.name) is not None:
        raise ConfigError(
            f"{path} names a compressed file; Flink writes a folder of plain files.",
            hint="Name a folder, or use the local runner.",
            key="stream_manager.sink.options.path",
        )
    files = OutputFileConfig.builder().with_part_suffix(".ndjson").build()
    return (
        FileSink.for_row_format(path.as_uri(), _LineEncoder())
        .with_output_file_config(files)
        .with_rolling_policy(RollingPolicy.default_rolling_policy())
        .build()
    )


class _LineEncoder:
    """Encoder of lines, in the form that PyFlink expects."""

    def __init__(self) -> None:
        self._j_encoder = bridge().LineEncoder()


def _require_path(endpoint: FileEndpoint, key: str) -> Path:
    if endpoint.is_standard_stream:
        raise ConfigError(
            "Flink has no standard streams: its workers may run on other machines.",
            hint="Name a file or a topic, or use the local runner.",
            key=key,
        )
    return Path(endpoint.path).absolute()


def bridge() -> Any:
    """Return the package of the bridge in the JVM."""
    return get_gateway().jvm.org.wikistate.flink
