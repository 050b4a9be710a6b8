"""From an assembled job that keeps state to a runner: makes the connectors, the outlet and the state."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from wikistate.adapters.connectors.files import STANDARD_ERROR, STANDARD_OUTPUT
from wikistate.core.updater.watermarks import Watermarks
from wikistate.jobs.ends import FileEnd, KafkaSourceEnd
from wikistate.jobs.stateful_ends import Publication
from wikistate.runners.error_limit import ErrorLimit
from wikistate.runners.local.connectors import Sinks, check_source, make_source
from wikistate.runners.local.keyed_state import KeyedState
from wikistate.runners.local.state_file import StateFile
from wikistate.runners.local.stateful import StatefulRunner
from wikistate.runners.local.streams_outlet import StreamsOutlet

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wikistate.adapters.connectors.ports import Sink, Source
    from wikistate.config.model import ErrorLimitSettings, LocalRunnerSettings
    from wikistate.core.record import Role
    from wikistate.jobs.ends import SourceEnd
    from wikistate.jobs.outlet import Outlet
    from wikistate.jobs.stateful_ends import StatefulAssembled
    from wikistate.telemetry.meter import Meter

Stimulus = TypeVar("Stimulus")
Operation = TypeVar("Operation")
Product = TypeVar("Product")


def stateful_runner(
    assembled: StatefulAssembled[Stimulus, Operation, Product],
    settings: LocalRunnerSettings,
    meter: Meter,
    *,
    error_limit: ErrorLimitSettings | None = None,
) -> StatefulRunner[Stimulus, Operation, Product]:
    """A runner, not yet running.

    Raises:
        ConfigError: A property of a client is wrong.
    """
    state = KeyedState(StateFile(assembled.state), cache_bytes=settings.state_cache_bytes)
    outlet, sinks = _outlets(assembled)
    source = _source(assembled.source, state)
    return StatefulRunner(
        assembled.job,
        source if assembled.around is None else assembled.around(source),
        outlet=outlet,
        sinks=sinks,
        state=state,
        watermarks=Watermarks(bound=assembled.lateness, idleness=assembled.idleness),
        settings=settings,
        concurrency=assembled.concurrency,
        meter=meter,
        error_limit=ErrorLimit(error_limit),
    )


async def check_stateful(assembled: StatefulAssembled[Stimulus, Operation, Product]) -> None:
    """Opens everything but the state, which a running job holds, and closes it again; reads and writes nothing.

    Raises:
        WikistateError: What the run would fail with at its start.
    """
    outlet, sinks = _outlets(assembled)
    source = make_source(assembled.source)
    try:
        await assembled.job.open()
        await outlet.open()
        for sink in dict.fromkeys(sinks.values()):
            await sink.open()
        await check_source(source)
    finally:
        await source.close()
        await outlet.close()
        for sink in dict.fromkeys(sinks.values()):
            await sink.close()
        await assembled.job.close()


def _source(end: SourceEnd, state: KeyedState) -> Source:
    """The source, which goes on where the checkpoint says.

    Of a Kafka source as a static member of its group: else a job that was killed would be given its partitions only when
    the broker gives up on the one before. Streams that arrive by themselves keep a position of their own, which follows
    the checkpoint: they know more than offsets, and where the first run began even if it was killed at once.
    """
    match end:
        case KafkaSourceEnd():
            held = replace(end, properties={"group.instance.id": end.group, **end.properties})
            return make_source(held, resume=lambda: state.positions)
        case FileEnd():
            return make_source(end, resume=lambda: state.positions)
        case _:
            return make_source(end)


def _outlets(
    assembled: StatefulAssembled[Stimulus, Operation, Product],
) -> tuple[Outlet[Product], Mapping[Role, Sink]]:
    made = Sinks()
    sinks = {role: made.of(end, STANDARD_ERROR) for role, end in assembled.sinks.items()}
    outlet = assembled.outlet
    if isinstance(outlet, Publication):
        streams = {
            name: made.of(end, STANDARD_OUTPUT, partition=outlet.partition) for name, end in outlet.streams.items()
        }
        outlet = StreamsOutlet(streams, outlet.encode)
    return outlet, sinks
