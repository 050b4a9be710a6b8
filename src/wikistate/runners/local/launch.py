"""From a job and its ends to a local runner: makes the connectors and the delivery, and hands them over."""

from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from wikistate.adapters.connectors.feed import FeedSource
from wikistate.adapters.connectors.files import STANDARD_ERROR, STANDARD_INPUT, STANDARD_OUTPUT, FileSink, FileSource
from wikistate.adapters.connectors.kafka.producer import KafkaProducer
from wikistate.adapters.connectors.kafka.settings import KafkaProducerSettings, KafkaSourceSettings, transactional_id
from wikistate.adapters.connectors.kafka.sink import KafkaSink
from wikistate.adapters.connectors.kafka.source import KafkaSource
from wikistate.adapters.connectors.kafka.transactions import KafkaTransactions
from wikistate.adapters.connectors.parquet import ParquetSettings, ParquetSink
from wikistate.adapters.connectors.positions import parse_end, parse_start
from wikistate.config.model import DeliveryGuarantee
from wikistate.core.record import Partition, Role
from wikistate.errors import ConfigError
from wikistate.jobs.ends import FileEnd, KafkaSinkEnd, KafkaSourceEnd, ParquetEnd
from wikistate.runners.error_limit import ErrorLimit
from wikistate.runners.local.absorbing import AbsorbingRunner
from wikistate.runners.local.delivery import AtLeastOnce, ExactlyOnce, IntoFolder, NoGuarantee
from wikistate.runners.local.feeds import make_feed_source
from wikistate.runners.local.runner import LocalRunner

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wikistate.adapters.connectors.ports import Resume, Sink, Source
    from wikistate.config.model import ErrorLimitSettings, LocalRunnerSettings
    from wikistate.jobs.ends import Ends, SinkEnd, SourceEnd
    from wikistate.jobs.job import Job
    from wikistate.jobs.rdf_consumer.assembly import Consumption
    from wikistate.runners.local.delivery import Delivery
    from wikistate.telemetry.meter import Meter


def local_runner(
    job: Job,
    ends: Ends,
    settings: LocalRunnerSettings,
    meter: Meter,
    *,
    error_limit: ErrorLimitSettings | None = None,
) -> LocalRunner:
    """A runner for a job, not yet running.

    Raises:
        ConfigError: A property of a client is wrong, or the ends do not fit the guarantee.
    """
    source, delivery = connect(ends, settings)
    return LocalRunner(job, source, delivery, settings=settings, meter=meter, error_limit=ErrorLimit(error_limit))


def absorbing_runner(consumption: Consumption, settings: LocalRunnerSettings, meter: Meter) -> AbsorbingRunner:
    """A runner for a job that ends in a place which keeps the positions, not yet running.

    Raises:
        ConfigError: The ends or the place cannot be what the settings say.
    """
    job = consumption.job(_make_sink(consumption.error, STANDARD_ERROR))
    source = consumption.source
    make_source(source, resume=dict[Partition, int])  # a mistake in the settings shows before anything is opened
    return AbsorbingRunner(job, lambda resume: make_source(source, resume=resume), settings=settings, meter=meter)


async def check_consumption(consumption: Consumption) -> None:
    """Opens everything and closes it again; reads nothing, and writes nothing that stays.

    Raises:
        WikistateError: What the run would fail with at its start.
    """
    job = consumption.job(_make_sink(consumption.error, STANDARD_ERROR))
    source = make_source(consumption.source, resume=lambda: job.positions)
    try:
        await job.open()
        await (source.check() if isinstance(source, KafkaSource | FeedSource) else source.open(_nothing_was_read))
    finally:
        await source.close()
        await job.close()


async def check_ends(job: Job, ends: Ends, settings: LocalRunnerSettings) -> None:
    """Opens everything and closes it again; reads and writes no event.

    A job that runs meanwhile is not disturbed: no consumer group is joined, which would move partitions, and no
    transaction announced, which would shut out the process that uses the same transactional id just now.

    Raises:
        WikistateError: What the run would fail with at its start.
    """
    if ends.guarantee is DeliveryGuarantee.EXACTLY_ONCE and not isinstance(ends.sink, ParquetEnd):
        ends.on_one_cluster()
        ends = replace(ends, guarantee=DeliveryGuarantee.AT_LEAST_ONCE)
    source, delivery = connect(ends, settings)
    try:
        await job.open()
        await delivery.open()
        await (source.check() if isinstance(source, KafkaSource | FeedSource) else source.open(_nothing_was_read))
    finally:
        await source.close()
        await delivery.close()
        await job.close()


async def _nothing_was_read(partitions: object) -> None:
    """There is nothing to commit when partitions are revoked."""


def connect(ends: Ends, settings: LocalRunnerSettings) -> tuple[Source, Delivery]:
    """The source, and the sinks under the guarantee that was asked for.

    Raises:
        ConfigError: As `local_runner`.
    """
    if isinstance(ends.sink, ParquetEnd):
        return _into_folder(ends, ends.sink)
    if ends.guarantee is DeliveryGuarantee.EXACTLY_ONCE:
        return _exactly_once(ends, settings)
    source = make_source(ends.source)
    kind = NoGuarantee if ends.guarantee is DeliveryGuarantee.NONE else AtLeastOnce
    return source, kind(source, _make_sinks(ends))


def _exactly_once(ends: Ends, settings: LocalRunnerSettings) -> tuple[Source, Delivery]:
    source_end, sink_end, error_end = ends.on_one_cluster()
    source = _kafka_source(source_end)
    identity = transactional_id(source_end.group, settings.instance or socket.gethostname())
    producer = KafkaProducer(producer_settings(sink_end, identity))
    sinks = {Role.SINK: KafkaSink(sink_end.topic, producer), Role.ERROR: KafkaSink(error_end.topic, producer)}
    return source, ExactlyOnce(source, sinks, KafkaTransactions(producer))


def _into_folder(ends: Ends, end: ParquetEnd) -> tuple[Source, Delivery]:
    reader = ends.source.group if isinstance(ends.source, KafkaSourceEnd) else ""
    sink = ParquetSink(
        ParquetSettings(path=Path(end.path), reader=reader, roll_bytes=end.roll_bytes, roll_seconds=end.roll_seconds)
    )
    source = make_source(ends.source, resume=lambda: sink.positions)
    return source, IntoFolder(source, sink, _make_sink(ends.error, STANDARD_ERROR))


def make_source(end: SourceEnd, *, resume: Resume | None = None) -> Source:
    """The connector that reads an end; `resume` where a sink keeps its positions."""
    if isinstance(end, KafkaSourceEnd):
        return _kafka_source(end, resume=resume)
    if not isinstance(end, FileEnd):
        return make_feed_source(end, resume=resume)
    return FileSource(
        [STANDARD_INPUT if end.is_standard_stream else Path(end.path)],
        max_record_bytes=end.max_record_bytes,
        bookmark=Path(end.bookmark) if end.bookmark else None,
        resume=resume,
    )


def _kafka_source(end: KafkaSourceEnd, *, resume: Resume | None = None) -> KafkaSource:
    return KafkaSource(
        KafkaSourceSettings(
            end.bootstrap_servers,
            end.topics,
            end.group,
            start=parse_start(end.start, key="stream_manager.source.options.offsets_initializer"),
            end=parse_end(end.end, key="stream_manager.source.options.end"),
            properties=end.properties,
            partitions=(0,) if end.alone else (),
        ),
        resume=resume,
    )


def _make_sinks(ends: Ends) -> Mapping[Role, Sink]:
    match ends.sink, ends.error:
        case KafkaSinkEnd() as sink_end, KafkaSinkEnd() as error_end if sink_end.shares_producer(error_end):
            # One client instead of two: half the connections, threads and buffers.
            producer = KafkaProducer(producer_settings(sink_end))
            return {Role.SINK: KafkaSink(sink_end.topic, producer), Role.ERROR: KafkaSink(error_end.topic, producer)}
    sink = _make_sink(ends.sink, STANDARD_OUTPUT)
    if ends.error == ends.sink and not (isinstance(ends.sink, FileEnd) and ends.sink.is_standard_stream):
        # Two writers of one file would tear each other's lines.
        return {Role.SINK: sink, Role.ERROR: sink}
    return {Role.SINK: sink, Role.ERROR: _make_sink(ends.error, STANDARD_ERROR)}


def _make_sink(end: SinkEnd, standard_stream: int) -> Sink:
    match end:
        case KafkaSinkEnd():
            return KafkaSink(end.topic, KafkaProducer(producer_settings(end)))
        case FileEnd():
            return FileSink(standard_stream if end.is_standard_stream else Path(end.path))
        case ParquetEnd():  # the settings allow it as the main sink alone, which has its own delivery
            raise ConfigError(f"{end.path}: a Parquet folder cannot be an error sink.")


def producer_settings(end: KafkaSinkEnd, identity: str = "") -> KafkaProducerSettings:
    """How a Kafka end is written. `identity` is the transactional id, empty outside transactions."""
    return KafkaProducerSettings(
        end.bootstrap_servers, end.properties, key=f"{end.key}.properties", transactional_id=identity
    )
