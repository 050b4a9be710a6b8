"""From a pipeline to a local runner: makes the connectors, the delivery and the state, and hands them to a processor."""

from __future__ import annotations

import socket
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, assert_never

from wikistate.adapters.connectors.files import STANDARD_ERROR, STANDARD_OUTPUT
from wikistate.adapters.connectors.kafka.producer import KafkaProducer
from wikistate.adapters.connectors.kafka.settings import build_transactional_id
from wikistate.adapters.connectors.kafka.sink import KafkaSink
from wikistate.adapters.connectors.kafka.transactions import KafkaTransactions
from wikistate.config.model import DeliveryGuarantee
from wikistate.errors import ConfigError
from wikistate.runners.local.delivery import AtLeastOnce, ExactlyOnce, NoGuarantee, TableDelivery
from wikistate.runners.local.keyed_processor import KeyedProcessor
from wikistate.runners.local.keyed_state import KeyedStateStore
from wikistate.runners.local.refusals import Refusals
from wikistate.runners.local.runner import LocalRunner
from wikistate.runners.local.state_file import StateFile
from wikistate.runners.local.stateless_processor import StatelessProcessor
from wikistate.runners.local.store_processor import StoreProcessor
from wikistate.runners.local.stream_change_sink import StreamChangeSink
from wikistate.streaming.error_limit import ErrorLimit
from wikistate.streaming.record import Role
from wikistate.streaming.watermarks import Watermarks
from wikistate.wiring.connectors import (
    SinkFactory,
    check_sink,
    check_source,
    make_kafka_source,
    make_producer_settings,
    make_source,
)
from wikistate.wiring.endpoints import KafkaSinkEndpoint, ParquetEndpoint
from wikistate.wiring.pipeline import KeyedPipeline, StatelessPipeline, StorePipeline, StreamOutputs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wikistate.config.model import ErrorLimitSettings, LocalRunnerSettings
    from wikistate.runners.local.delivery import Delivery
    from wikistate.runners.local.processor import Processor
    from wikistate.streaming.change_sink import ChangeSink
    from wikistate.streaming.ports import ResumePositions, Sink, Source
    from wikistate.streaming.record import Partition
    from wikistate.telemetry.meter import Meter
    from wikistate.wiring.endpoints import Endpoints, SourceEndpoint
    from wikistate.wiring.pipeline import Pipeline


def build_runner(
    build: Callable[[], Pipeline],
    settings: LocalRunnerSettings,
    meter: Meter,
    *,
    error_limit: ErrorLimitSettings | None = None,
    pipeline: Pipeline | None = None,
) -> LocalRunner:
    """Build the runner of a pipeline; it is not running yet.

    Args:
        build: Builds the pipeline. The runner calls it again, in a thread, when the store of a keyed pipeline went
            back in time.
        settings: Bounds and intervals.
        meter: Takes the measurements.
        error_limit: Ends the run when too many events fail.
        pipeline: The pipeline of the first run, if it was built already.

    Raises:
        ConfigError: A property of a client is wrong, or the endpoints do not fit the delivery guarantee.
    """
    pipeline = pipeline or build()
    build_processor = partial(_build_processor, settings=settings, meter=meter, error_limit=error_limit)
    return LocalRunner(
        build_processor(pipeline),
        settings=settings,
        meter=meter,
        rebuild=lambda: build_processor(build()),
        resumable=pipeline.source.can_be_read_again,
    )


async def check(pipeline: Pipeline, settings: LocalRunnerSettings) -> None:
    """Open everything and close it again; read and write no event.

    A running process of the same job is not disturbed. No consumer group is joined, which would move partitions. No
    transaction is begun, which would fence the process that uses the same transactional id. No state file is opened,
    because the running process has locked it.

    Raises:
        WikistateError: The run would fail with this error at its start.
    """
    match pipeline:
        case StatelessPipeline():
            await _check_stateless(pipeline, settings)
        case KeyedPipeline():
            await _check_keyed(pipeline)
        case StorePipeline():
            await _check_store(pipeline)
        case _:
            assert_never(pipeline)


def _build_processor(
    pipeline: Pipeline, *, settings: LocalRunnerSettings, meter: Meter, error_limit: ErrorLimitSettings | None
) -> Processor:
    match pipeline:
        case StatelessPipeline():
            return _build_stateless(pipeline, settings, meter, ErrorLimit(error_limit))
        case KeyedPipeline():
            return _build_keyed(pipeline, settings, meter, ErrorLimit(error_limit))
        case StorePipeline():
            return _build_store(pipeline, settings, meter)
        case _:
            assert_never(pipeline)


def _build_stateless(
    pipeline: StatelessPipeline, settings: LocalRunnerSettings, meter: Meter, error_limit: ErrorLimit
) -> StatelessProcessor:
    committed: dict[Partition, int] = {}

    max_noted = 2 * (settings.max_uncommitted_events + settings.max_in_flight_events)
    refusals = Refusals(pipeline.job, max_noted=max_noted)

    def connect() -> tuple[Source, Delivery]:
        endpoints = _limit_batches(pipeline.endpoints, refusals.batch_bytes)
        source, delivery = _build_connectors(endpoints, settings, committed)
        return (source if pipeline.wrap_source is None else pipeline.wrap_source(source)), delivery

    source, delivery = connect()
    return StatelessProcessor(
        pipeline.job,
        source,
        delivery,
        settings=settings,
        meter=meter,
        error_limit=error_limit,
        refusals=refusals,
        reconnect=connect,
    )


def _limit_batches(endpoints: Endpoints, batch_bytes: int | None) -> Endpoints:
    """Return the endpoints with batches of at most so many bytes; see `Refusals`."""
    if batch_bytes is None:
        return endpoints
    sink, error = (
        end.with_batches_of(batch_bytes) if isinstance(end, KafkaSinkEndpoint) else end
        for end in (endpoints.sink, endpoints.error)
    )
    return replace(endpoints, sink=sink, error=error)


def _build_keyed(
    pipeline: KeyedPipeline[Any, Any, Any], settings: LocalRunnerSettings, meter: Meter, error_limit: ErrorLimit
) -> KeyedProcessor[Any, Any, Any]:
    _require_at_least_once(pipeline)
    state = KeyedStateStore(StateFile(pipeline.state, pipeline.state_owner), cache_bytes=settings.state_cache_bytes)
    change_sink, sinks = _build_keyed_sinks(pipeline)
    source = _build_keyed_source(pipeline.source, state)
    if pipeline.wrap_source is not None:
        source = pipeline.wrap_source(source)
    return KeyedProcessor(
        pipeline.job,
        source,
        change_sink=change_sink,
        sinks=sinks,
        state=state,
        watermarks=Watermarks(bound=pipeline.lateness, idleness=pipeline.idleness),
        settings=settings,
        concurrency=pipeline.concurrency,
        meter=meter,
        error_limit=error_limit,
    )


def _build_store(pipeline: StorePipeline, settings: LocalRunnerSettings, meter: Meter) -> StoreProcessor:
    job = pipeline.build_job(SinkFactory().make(pipeline.error, STANDARD_ERROR))

    def make(resume: ResumePositions) -> Source:
        return make_source(pipeline.source, resume=resume)

    return StoreProcessor(job, make, settings=settings, meter=meter)


async def _check_stateless(pipeline: StatelessPipeline, settings: LocalRunnerSettings) -> None:
    endpoints = pipeline.endpoints
    if endpoints.guarantee is DeliveryGuarantee.EXACTLY_ONCE and not isinstance(endpoints.sink, ParquetEndpoint):
        endpoints.require_single_cluster()
        endpoints = replace(endpoints, guarantee=DeliveryGuarantee.AT_LEAST_ONCE)
    source, delivery = _build_connectors(endpoints, settings, {})
    async with AsyncExitStack() as closing:
        for close in (pipeline.job.close, delivery.close, source.close):
            closing.push_async_callback(close)
        await pipeline.job.open()
        await (delivery.check() if isinstance(delivery, AtLeastOnce) else delivery.open())
        await check_source(source)


def _require_at_least_once(pipeline: KeyedPipeline[Any, Any, Any]) -> None:
    if pipeline.guarantee is not DeliveryGuarantee.AT_LEAST_ONCE:
        raise ConfigError(
            f"The local runner delivers AT_LEAST_ONCE for a job with state; {pipeline.guarantee} is not supported.",
            hint="Use AT_LEAST_ONCE: a repeated mutation keeps its meta.id, and does not change a store that has applied it."
            " Apache Flink also delivers EXACTLY_ONCE (--runner flink).",
            key="stream_manager.sink.options.delivery_guarantee",
        )


async def _check_keyed(pipeline: KeyedPipeline[Any, Any, Any]) -> None:
    _require_at_least_once(pipeline)
    change_sink, sinks = _build_keyed_sinks(pipeline)
    distinct_sinks = tuple(dict.fromkeys(sinks.values()))
    source = make_source(pipeline.source)
    async with AsyncExitStack() as closing:
        for close in (
            pipeline.job.close,
            *(sink.close for sink in reversed(distinct_sinks)),
            change_sink.close,
            source.close,
        ):
            closing.push_async_callback(close)
        await pipeline.job.open()
        await (change_sink.check() if isinstance(change_sink, StreamChangeSink) else change_sink.open())
        for sink in distinct_sinks:
            await check_sink(sink)
        await check_source(source)


async def _check_store(pipeline: StorePipeline) -> None:
    job = pipeline.build_job(SinkFactory().make(pipeline.error, STANDARD_ERROR))
    source = make_source(pipeline.source, resume=lambda: job.positions)
    async with AsyncExitStack() as closing:
        for close in (job.close, source.close):
            closing.push_async_callback(close)
        await job.open()
        await check_source(source)


def _build_connectors(
    endpoints: Endpoints, settings: LocalRunnerSettings, committed: dict[Partition, int]
) -> tuple[Source, Delivery]:
    """Build the source, and the sinks under the delivery guarantee.

    Args:
        endpoints: The endpoints.
        settings: Names the transactional id.
        committed: The positions that this run has committed, at which a file without a bookmark is read again.
    """
    if isinstance(endpoints.sink, ParquetEndpoint):
        return _build_table_delivery(endpoints, endpoints.sink)
    if endpoints.guarantee is DeliveryGuarantee.EXACTLY_ONCE:
        return _build_exactly_once(endpoints, settings)
    keeps_positions = bool(endpoints.source.consumer_group) or endpoints.source.capabilities.local_position
    source = make_source(endpoints.source, resume=None if keeps_positions else lambda: committed)
    delivery = NoGuarantee if endpoints.guarantee is DeliveryGuarantee.NONE else AtLeastOnce
    factory = SinkFactory()
    sinks = {
        Role.SINK: factory.make(endpoints.sink, STANDARD_OUTPUT),
        Role.ERROR: factory.make(endpoints.error, STANDARD_ERROR),
    }
    return source, delivery(source, sinks, committed)


def _build_exactly_once(endpoints: Endpoints, settings: LocalRunnerSettings) -> tuple[Source, Delivery]:
    source_endpoint, sink_endpoint, error_endpoint = endpoints.require_single_cluster()
    source = make_kafka_source(source_endpoint)
    identity = build_transactional_id(source_endpoint.group, settings.instance or socket.gethostname())
    producer = KafkaProducer(make_producer_settings(sink_endpoint, identity))
    sinks = {
        Role.SINK: KafkaSink(sink_endpoint.topic, producer),
        Role.ERROR: KafkaSink(error_endpoint.topic, producer),
    }
    return source, ExactlyOnce(source, sinks, KafkaTransactions(producer))


def _build_table_delivery(endpoints: Endpoints, sink_endpoint: ParquetEndpoint) -> tuple[Source, Delivery]:
    sink = sink_endpoint.build_table_sink(endpoints.source.consumer_group)
    source = make_source(endpoints.source, resume=lambda: sink.positions)
    return source, TableDelivery(source, sink, SinkFactory().make(endpoints.error, STANDARD_ERROR))


def _build_keyed_source(endpoint: SourceEndpoint, state: KeyedStateStore) -> Source:
    """Build the source, which resumes at the checkpoint.

    A push source stores its resume position itself, which follows the checkpoint: it holds more than offsets, and the
    start of the first run even if that was killed at once.
    """
    resume = None if endpoint.capabilities.local_position else lambda: state.positions
    return make_source(endpoint.for_checkpoint(), resume=resume)


def _build_keyed_sinks(pipeline: KeyedPipeline[Any, Any, Any]) -> tuple[ChangeSink[Any], Mapping[Role, Sink]]:
    factory = SinkFactory()
    sinks = {role: factory.make(endpoint, STANDARD_ERROR) for role, endpoint in pipeline.outputs.items()}
    outputs = pipeline.change_sink
    if not isinstance(outputs, StreamOutputs):
        return outputs, sinks
    streams = {
        name: factory.make(endpoint, STANDARD_OUTPUT, partition=outputs.partition)
        for name, endpoint in outputs.streams.items()
    }
    return StreamChangeSink(streams, outputs.encode), sinks
