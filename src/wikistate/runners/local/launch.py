"""From a job and its ends to a local runner: makes the connectors and the delivery, and hands them over."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wikistate.adapters.connectors.files import STANDARD_ERROR, STANDARD_OUTPUT
from wikistate.adapters.connectors.kafka.producer import KafkaProducer
from wikistate.adapters.connectors.kafka.settings import build_transactional_id
from wikistate.adapters.connectors.kafka.sink import KafkaSink
from wikistate.adapters.connectors.kafka.transactions import KafkaTransactions
from wikistate.adapters.connectors.parquet import ParquetSettings, ParquetSink
from wikistate.config.model import DeliveryGuarantee
from wikistate.errors import RewoundError
from wikistate.runners.local.connectors import (
    SinkFactory,
    check_source,
    make_kafka_source,
    make_producer_settings,
    make_source,
)
from wikistate.runners.local.delivery import AtLeastOnce, ExactlyOnce, NoGuarantee, TableDelivery
from wikistate.runners.local.runner import LocalRunner
from wikistate.runners.local.store_runner import StoreRunner
from wikistate.streaming.error_limit import ErrorLimit
from wikistate.streaming.record import Partition, Role
from wikistate.wiring.endpoints import KafkaSourceEndpoint, ParquetEndpoint
from wikistate.wiring.pipeline import StatelessPipeline, StorePipeline

if TYPE_CHECKING:
    from collections.abc import Callable

    from wikistate.config.model import ErrorLimitSettings, LocalRunnerSettings
    from wikistate.runners.local.delivery import Delivery
    from wikistate.streaming.job import Job
    from wikistate.streaming.ports import Source
    from wikistate.telemetry.meter import Meter
    from wikistate.wiring.endpoints import Endpoints
    from wikistate.wiring.pipeline import Pipeline


def build_local_runner(
    job: Job,
    endpoints: Endpoints,
    settings: LocalRunnerSettings,
    meter: Meter,
    *,
    error_limit: ErrorLimitSettings | None = None,
) -> LocalRunner:
    """A runner for a job, not yet running.

    Raises:
        ConfigError: A property of a client is wrong, or the ends do not fit the guarantee.
    """
    source, delivery = build_connectors(endpoints, settings)
    return LocalRunner(job, source, delivery, settings=settings, meter=meter, error_limit=ErrorLimit(error_limit))


def build_store_runner(pipeline: StorePipeline, settings: LocalRunnerSettings, meter: Meter) -> StoreRunner:
    """A runner for a job that ends in a place which keeps the positions, not yet running.

    Raises:
        ConfigError: The ends or the place cannot be what the settings say.
    """
    job = pipeline.build_job(SinkFactory().make(pipeline.error, STANDARD_ERROR))
    source = pipeline.source
    make_source(source, resume=dict[Partition, int])  # a mistake in the settings shows before anything is opened
    return StoreRunner(job, lambda resume: make_source(source, resume=resume), settings=settings, meter=meter)


async def check_store_pipeline(pipeline: StorePipeline) -> None:
    """Opens everything and closes it again; reads nothing, and writes nothing that stays.

    Raises:
        WikistateError: What the run would fail with at its start.
    """
    job = pipeline.build_job(SinkFactory().make(pipeline.error, STANDARD_ERROR))
    source = make_source(pipeline.source, resume=lambda: job.positions)
    try:
        await job.open()
        await check_source(source)
    finally:
        await source.close()
        await job.close()


async def check_endpoints(job: Job, endpoints: Endpoints, settings: LocalRunnerSettings) -> None:
    """Opens everything and closes it again; reads and writes no event.

    A job that runs meanwhile is not disturbed: no consumer group is joined, which would move partitions, and no
    transaction announced, which would shut out the process that uses the same transactional id just now.

    Raises:
        WikistateError: What the run would fail with at its start.
    """
    if endpoints.guarantee is DeliveryGuarantee.EXACTLY_ONCE and not isinstance(endpoints.sink, ParquetEndpoint):
        endpoints.require_single_cluster()
        endpoints = replace(endpoints, guarantee=DeliveryGuarantee.AT_LEAST_ONCE)
    source, delivery = build_connectors(endpoints, settings)
    try:
        await job.open()
        await delivery.open()
        await check_source(source)
    finally:
        await source.close()
        await delivery.close()
        await job.close()


def build_connectors(endpoints: Endpoints, settings: LocalRunnerSettings) -> tuple[Source, Delivery]:
    """The source, and the sinks under the guarantee that was asked for.

    Raises:
        ConfigError: As `build_local_runner`.
    """
    if isinstance(endpoints.sink, ParquetEndpoint):
        return _build_table_delivery(endpoints, endpoints.sink)
    if endpoints.guarantee is DeliveryGuarantee.EXACTLY_ONCE:
        return _build_exactly_once(endpoints, settings)
    source = make_source(endpoints.source)
    kind = NoGuarantee if endpoints.guarantee is DeliveryGuarantee.NONE else AtLeastOnce
    made = SinkFactory()
    sinks = {
        Role.SINK: made.make(endpoints.sink, STANDARD_OUTPUT),
        Role.ERROR: made.make(endpoints.error, STANDARD_ERROR),
    }
    return source, kind(source, sinks)


def _build_exactly_once(endpoints: Endpoints, settings: LocalRunnerSettings) -> tuple[Source, Delivery]:
    source_end, sink_end, error_end = endpoints.require_single_cluster()
    source = make_kafka_source(source_end)
    identity = build_transactional_id(source_end.group, settings.instance or socket.gethostname())
    producer = KafkaProducer(make_producer_settings(sink_end, identity))
    sinks = {Role.SINK: KafkaSink(sink_end.topic, producer), Role.ERROR: KafkaSink(error_end.topic, producer)}
    return source, ExactlyOnce(source, sinks, KafkaTransactions(producer))


def _build_table_delivery(endpoints: Endpoints, sink_endpoint: ParquetEndpoint) -> tuple[Source, Delivery]:
    reader = endpoints.source.group if isinstance(endpoints.source, KafkaSourceEndpoint) else ""
    sink = ParquetSink(
        ParquetSettings(
            path=Path(sink_endpoint.path),
            reader=reader,
            roll_bytes=sink_endpoint.roll_bytes,
            roll_seconds=sink_endpoint.roll_seconds,
        )
    )
    source = make_source(endpoints.source, resume=lambda: sink.positions)
    return source, TableDelivery(source, sink, SinkFactory().make(endpoints.error, STANDARD_ERROR))


class _RebuildingRunner:
    """Interim: builds a keyed pipeline again when its store went back in time."""

    def __init__(self, build: Callable[[Pipeline], Any], pipeline: Pipeline, rebuild: Callable[[], Pipeline]) -> None:
        self._build, self._rebuild = build, rebuild
        self._pipeline = pipeline
        self._runner: Any = build(pipeline)
        self._is_stopping = False

    async def run(self) -> None:
        while True:
            try:
                await self._runner.run()
                return  # noqa: TRY300
            except RewoundError:
                if self._is_stopping:
                    return
                self._runner = self._build(await asyncio.to_thread(self._rebuild))

    def stop(self) -> None:
        self._is_stopping = True
        self._runner.stop()


def build_runner(
    build: Callable[[], Pipeline],
    settings: LocalRunnerSettings,
    meter: Meter,
    *,
    error_limit: ErrorLimitSettings | None = None,
    pipeline: Pipeline | None = None,
) -> Any:
    """Interim."""
    from wikistate.runners.local.keyed_launch import build_keyed_runner  # noqa: PLC0415

    def make(each: Pipeline) -> Any:
        if isinstance(each, StatelessPipeline):
            source, delivery = build_connectors(each.endpoints, settings)
            wrapped = each.wrap_source(source) if each.wrap_source else source
            return LocalRunner(
                each.job, wrapped, delivery, settings=settings, meter=meter, error_limit=ErrorLimit(error_limit)
            )
        if isinstance(each, StorePipeline):
            return build_store_runner(each, settings, meter)
        return build_keyed_runner(each, settings, meter, error_limit=error_limit)

    return _RebuildingRunner(make, pipeline or build(), build)


async def check(pipeline: Pipeline, settings: LocalRunnerSettings) -> None:
    """Interim."""
    from wikistate.runners.local.keyed_launch import check_keyed_pipeline  # noqa: PLC0415

    if isinstance(pipeline, StatelessPipeline):
        await check_endpoints(pipeline.job, pipeline.endpoints, settings)
    elif isinstance(pipeline, StorePipeline):
        await check_store_pipeline(pipeline)
    else:
        await check_keyed_pipeline(pipeline)
