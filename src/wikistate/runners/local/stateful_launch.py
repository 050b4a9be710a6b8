"""From an assembled job that keeps state to a runner: makes the connectors, the outlet and the state."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from wikistate.adapters.connectors.feed import FeedSource
from wikistate.adapters.connectors.files import STANDARD_ERROR, STANDARD_OUTPUT, FileSink
from wikistate.adapters.connectors.kafka.producer import KafkaProducer
from wikistate.adapters.connectors.kafka.sink import KafkaSink
from wikistate.adapters.connectors.kafka.source import KafkaSource
from wikistate.core.updater.watermarks import Watermarks
from wikistate.errors import ConfigError
from wikistate.jobs.ends import FileEnd, KafkaSinkEnd, KafkaSourceEnd, ParquetEnd
from wikistate.jobs.stateful_ends import Publication
from wikistate.runners.error_limit import ErrorLimit
from wikistate.runners.local.keyed_state import KeyedState
from wikistate.runners.local.launch import make_source, producer_settings
from wikistate.runners.local.state_file import StateFile
from wikistate.runners.local.stateful import StatefulRunner
from wikistate.runners.local.streams_outlet import StreamsOutlet

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet

    from wikistate.adapters.connectors.ports import Sink, Source
    from wikistate.config.model import ErrorLimitSettings, LocalRunnerSettings
    from wikistate.core.record import Partition, Role
    from wikistate.jobs.ends import SinkEnd, SourceEnd
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
        await (source.check() if isinstance(source, KafkaSource | FeedSource) else source.open(_nothing_was_read))
    finally:
        await source.close()
        await outlet.close()
        for sink in dict.fromkeys(sinks.values()):
            await sink.close()
        await assembled.job.close()


async def _nothing_was_read(partitions: AbstractSet[Partition]) -> None:
    """There is nothing to commit when partitions are revoked."""


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
    made = _Sinks()
    sinks = {role: made.of(end, STANDARD_ERROR) for role, end in assembled.sinks.items()}
    outlet = assembled.outlet
    if isinstance(outlet, Publication):
        streams = {
            name: made.of(end, STANDARD_OUTPUT, partition=outlet.partition) for name, end in outlet.streams.items()
        }
        outlet = StreamsOutlet(streams, outlet.encode)
    return outlet, sinks


class _Sinks:
    """Makes sinks: one client a cluster, one writer a file."""

    def __init__(self) -> None:
        self._producers: list[tuple[KafkaSinkEnd, KafkaProducer]] = []
        self._files: dict[tuple[str, int], Sink] = {}

    def of(self, end: SinkEnd, standard_stream: int, *, partition: int | None = None) -> Sink:
        """The sink of an end; `standard_stream` is what ``-`` stands for."""
        match end:
            case KafkaSinkEnd():
                return KafkaSink(end.topic, self._producer(end), partition=partition)
            case FileEnd():
                return self._file(end, standard_stream)
            case ParquetEnd():
                raise ConfigError(
                    f"{end.path}: this job does not write into a Parquet folder.", hint="Name a topic or a file."
                )

    def _producer(self, end: KafkaSinkEnd) -> KafkaProducer:
        for known, producer in self._producers:
            if known.shares_producer(end):
                return producer
        producer = KafkaProducer(producer_settings(end))
        self._producers.append((end, producer))
        return producer

    def _file(self, end: FileEnd, standard_stream: int) -> Sink:
        place = ("", standard_stream) if end.is_standard_stream else (end.path, 0)
        if place not in self._files:
            self._files[place] = FileSink(standard_stream if end.is_standard_stream else Path(end.path))
        return self._files[place]
