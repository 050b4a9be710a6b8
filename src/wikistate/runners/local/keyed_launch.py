"""From an assembled job that keeps state to a runner: makes the connectors, the outlet and the state."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from wikistate.adapters.connectors.files import STANDARD_ERROR, STANDARD_OUTPUT
from wikistate.runners.local.connectors import SinkFactory, check_source, make_source
from wikistate.runners.local.keyed_runner import KeyedRunner
from wikistate.runners.local.keyed_state import KeyedStateStore
from wikistate.runners.local.state_file import StateFile
from wikistate.runners.local.stream_change_sink import StreamChangeSink
from wikistate.streaming.error_limit import ErrorLimit
from wikistate.streaming.watermarks import Watermarks
from wikistate.wiring.endpoints import FileEndpoint, KafkaSourceEndpoint
from wikistate.wiring.pipeline import StreamOutputs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wikistate.config.model import ErrorLimitSettings, LocalRunnerSettings
    from wikistate.streaming.change_sink import ChangeSink
    from wikistate.streaming.ports import Sink, Source
    from wikistate.streaming.record import Role
    from wikistate.telemetry.meter import Meter
    from wikistate.wiring.endpoints import SourceEndpoint
    from wikistate.wiring.pipeline import KeyedPipeline

KeyedEvent = TypeVar("KeyedEvent")
Operation = TypeVar("Operation")
Change = TypeVar("Change")


def build_keyed_runner(
    pipeline: KeyedPipeline[KeyedEvent, Operation, Change],
    settings: LocalRunnerSettings,
    meter: Meter,
    *,
    error_limit: ErrorLimitSettings | None = None,
) -> KeyedRunner[KeyedEvent, Operation, Change]:
    """A runner, not yet running.

    Raises:
        ConfigError: A property of a client is wrong.
    """
    state = KeyedStateStore(StateFile(pipeline.state), cache_bytes=settings.state_cache_bytes)
    outlet, sinks = _build_sinks(pipeline)
    source = _build_source(pipeline.source, state)
    return KeyedRunner(
        pipeline.job,
        source if pipeline.wrap_source is None else pipeline.wrap_source(source),
        change_sink=outlet,
        sinks=sinks,
        state=state,
        watermarks=Watermarks(bound=pipeline.lateness, idleness=pipeline.idleness),
        settings=settings,
        concurrency=pipeline.concurrency,
        meter=meter,
        error_limit=ErrorLimit(error_limit),
    )


async def check_keyed_pipeline(pipeline: KeyedPipeline[KeyedEvent, Operation, Change]) -> None:
    """Opens everything but the state, which a running job holds, and closes it again; reads and writes nothing.

    Raises:
        WikistateError: What the run would fail with at its start.
    """
    outlet, sinks = _build_sinks(pipeline)
    source = make_source(pipeline.source)
    try:
        await pipeline.job.open()
        await outlet.open()
        for sink in dict.fromkeys(sinks.values()):
            await sink.open()
        await check_source(source)
    finally:
        await source.close()
        await outlet.close()
        for sink in dict.fromkeys(sinks.values()):
            await sink.close()
        await pipeline.job.close()


def _build_source(endpoint: SourceEndpoint, state: KeyedStateStore) -> Source:
    """The source, which goes on where the checkpoint says.

    Of a Kafka source as a static member of its group: else a job that was killed would be given its partitions only when
    the broker gives up on the one before. Streams that arrive by themselves keep a position of their own, which follows
    the checkpoint: they know more than offsets, and where the first run began even if it was killed at once.
    """
    match endpoint:
        case KafkaSourceEndpoint():
            held = replace(endpoint, properties={"group.instance.id": endpoint.group, **endpoint.properties})
            return make_source(held, resume=lambda: state.positions)
        case FileEndpoint():
            return make_source(endpoint, resume=lambda: state.positions)
        case _:
            return make_source(endpoint)


def _build_sinks(
    pipeline: KeyedPipeline[KeyedEvent, Operation, Change],
) -> tuple[ChangeSink[Change], Mapping[Role, Sink]]:
    made = SinkFactory()
    sinks = {role: made.make(end, STANDARD_ERROR) for role, end in pipeline.outputs.items()}
    outlet = pipeline.change_sink
    if isinstance(outlet, StreamOutputs):
        streams = {
            name: made.make(end, STANDARD_OUTPUT, partition=outlet.partition) for name, end in outlet.streams.items()
        }
        outlet = StreamChangeSink(streams, outlet.encode)
    return outlet, sinks
