"""From a job and its ends to a local runner: makes the connectors and the delivery, and hands them over."""

from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from wikistate.adapters.connectors.files import STANDARD_ERROR, STANDARD_OUTPUT
from wikistate.adapters.connectors.kafka.producer import KafkaProducer
from wikistate.adapters.connectors.kafka.settings import build_transactional_id
from wikistate.adapters.connectors.kafka.sink import KafkaSink
from wikistate.adapters.connectors.kafka.transactions import KafkaTransactions
from wikistate.adapters.connectors.parquet import ParquetSettings, ParquetSink
from wikistate.config.model import DeliveryGuarantee
from wikistate.core.record import Partition, Role
from wikistate.jobs.ends import KafkaSourceEnd, ParquetEnd
from wikistate.runners.error_limit import ErrorLimit
from wikistate.runners.local.absorbing import AbsorbingRunner
from wikistate.runners.local.connectors import Sinks, check_source, kafka_source, make_source, producer_settings
from wikistate.runners.local.delivery import AtLeastOnce, ExactlyOnce, IntoFolder, NoGuarantee
from wikistate.runners.local.runner import LocalRunner

if TYPE_CHECKING:
    from wikistate.adapters.connectors.ports import Source
    from wikistate.config.model import ErrorLimitSettings, LocalRunnerSettings
    from wikistate.jobs.ends import Ends
    from wikistate.jobs.job import Job
    from wikistate.jobs.rdf_consumer.assembly import StorePipeline
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


def absorbing_runner(consumption: StorePipeline, settings: LocalRunnerSettings, meter: Meter) -> AbsorbingRunner:
    """A runner for a job that ends in a place which keeps the positions, not yet running.

    Raises:
        ConfigError: The ends or the place cannot be what the settings say.
    """
    job = consumption.build_job(Sinks().of(consumption.error, STANDARD_ERROR))
    source = consumption.source
    make_source(source, resume=dict[Partition, int])  # a mistake in the settings shows before anything is opened
    return AbsorbingRunner(job, lambda resume: make_source(source, resume=resume), settings=settings, meter=meter)


async def check_consumption(consumption: StorePipeline) -> None:
    """Opens everything and closes it again; reads nothing, and writes nothing that stays.

    Raises:
        WikistateError: What the run would fail with at its start.
    """
    job = consumption.build_job(Sinks().of(consumption.error, STANDARD_ERROR))
    source = make_source(consumption.source, resume=lambda: job.positions)
    try:
        await job.open()
        await check_source(source)
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
        await check_source(source)
    finally:
        await source.close()
        await delivery.close()
        await job.close()


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
    made = Sinks()
    sinks = {Role.SINK: made.of(ends.sink, STANDARD_OUTPUT), Role.ERROR: made.of(ends.error, STANDARD_ERROR)}
    return source, kind(source, sinks)


def _exactly_once(ends: Ends, settings: LocalRunnerSettings) -> tuple[Source, Delivery]:
    source_end, sink_end, error_end = ends.on_one_cluster()
    source = kafka_source(source_end)
    identity = build_transactional_id(source_end.group, settings.instance or socket.gethostname())
    producer = KafkaProducer(producer_settings(sink_end, identity))
    sinks = {Role.SINK: KafkaSink(sink_end.topic, producer), Role.ERROR: KafkaSink(error_end.topic, producer)}
    return source, ExactlyOnce(source, sinks, KafkaTransactions(producer))


def _into_folder(ends: Ends, end: ParquetEnd) -> tuple[Source, Delivery]:
    reader = ends.source.group if isinstance(ends.source, KafkaSourceEnd) else ""
    sink = ParquetSink(
        ParquetSettings(path=Path(end.path), reader=reader, roll_bytes=end.roll_bytes, roll_seconds=end.roll_seconds)
    )
    source = make_source(ends.source, resume=lambda: sink.positions)
    return source, IntoFolder(source, sink, Sinks().of(ends.error, STANDARD_ERROR))
