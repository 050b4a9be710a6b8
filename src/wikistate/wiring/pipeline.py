"""A pipeline: a job that is not open yet, the endpoints that it reads and writes, and its limits.

`Pipeline` is a closed union with one class for each kind of job. A runner, the command line and the operator's tools
match on the kind; they know no job by name.

====================  ==============================  ===============================================
kind                  job                             what survives a crash
====================  ==============================  ===============================================
`StatelessPipeline`   `wikistate.streaming.job`       the committed positions of the source
`KeyedPipeline`       `wikistate.streaming.keyed_job` a checkpoint: keyed state, timers and positions
`StorePipeline`       `wikistate.streaming.store_job` the positions that the triple store holds
====================  ==============================  ===============================================
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from wikistate.config.model import DeliveryGuarantee
    from wikistate.streaming.change_sink import ChangeSink
    from wikistate.streaming.job import Job
    from wikistate.streaming.keyed_job import KeyedJob
    from wikistate.streaming.ports import Sink, Source
    from wikistate.streaming.record import Output, Role
    from wikistate.streaming.store_job import StoreJob
    from wikistate.wiring.endpoints import Endpoints, SinkEndpoint, SourceEndpoint

KeyedEvent = TypeVar("KeyedEvent")
Operation = TypeVar("Operation")
Change = TypeVar("Change")


@dataclass(frozen=True, slots=True, kw_only=True)
class StatelessPipeline:
    """A job without state.

    Attributes:
        job: The job.
        endpoints: The source, the sinks and the delivery guarantee.
        wrap_source: Wraps the source that is built from its endpoint; None for most jobs.
    """

    job: Job
    endpoints: Endpoints
    wrap_source: Callable[[Source], Source] | None = None

    @property
    def source(self) -> SourceEndpoint:
        """The endpoint that is read."""
        return self.endpoints.source

    @property
    def guarantee(self) -> DeliveryGuarantee:
        """The delivery guarantee."""
        return self.endpoints.guarantee

    @property
    def sinks(self) -> tuple[SinkEndpoint, ...]:
        """All endpoints that are written."""
        return (self.endpoints.sink, self.endpoints.error)


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamOutputs(Generic[Change]):
    """A change sink that writes each change as events of streams.

    Attributes:
        streams: The endpoint of each stream, by the name of the stream; several streams may go to one file.
        encode: Encodes a change as events, each with the name of its stream. The events of a change stay together.
        partition: The partition of each topic that is written: the order counts.
    """

    streams: Mapping[str, SinkEndpoint]
    encode: Callable[[Change], Iterable[tuple[str, Output]]]
    partition: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyedPipeline(Generic[KeyedEvent, Operation, Change]):
    """A job with keyed state and timers.

    Attributes:
        job: The job.
        source: The endpoint that is read.
        change_sink: The sink of the job's changes.
        outputs: The endpoints of the job's outputs, by role.
        state: The file of the checkpoint.
        state_owner: The job and the wiki whose state the file holds.
        lateness: The largest delay of an event behind later events of its partition, milliseconds.
        idleness: The time after which a quiet partition no longer holds event time back, milliseconds.
        concurrency: The most operations at once, all keys together.
        guarantee: The delivery guarantee.
        wrap_source: Wraps the source that is built from its endpoint; None for most jobs.
        time_fields: The field of the event time, by the title of the schema; empty if the source has no such events.
    """

    job: KeyedJob[KeyedEvent, Operation, Change]
    source: SourceEndpoint
    change_sink: ChangeSink[Change] | StreamOutputs[Change]
    outputs: Mapping[Role, SinkEndpoint]
    state: Path
    lateness: int
    idleness: int
    concurrency: int
    guarantee: DeliveryGuarantee
    state_owner: str = ""
    wrap_source: Callable[[Source], Source] | None = None
    time_fields: Mapping[str, str] = field(default_factory=dict)

    @property
    def stream_outputs(self) -> StreamOutputs[Change]:
        """The streams of changes.

        Raises:
            TypeError: The job writes its changes elsewhere.
        """
        if not isinstance(self.change_sink, StreamOutputs):
            raise TypeError("The job does not write its changes to streams.")
        return self.change_sink

    @property
    def sinks(self) -> tuple[SinkEndpoint, ...]:
        """All endpoints that are written."""
        streams = self.change_sink.streams.values() if isinstance(self.change_sink, StreamOutputs) else ()
        return (*streams, *self.outputs.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class StorePipeline:
    """A job that ends in a store, which keeps the positions of the source with its data.

    Attributes:
        source: The endpoint that is read.
        error: The endpoint of error events.
        build_job: Builds the job over the sink of error events. Raises `ConfigError` when the settings of the store
            are wrong.
    """

    source: SourceEndpoint
    error: SinkEndpoint
    build_job: Callable[[Sink], StoreJob]

    @property
    def sinks(self) -> tuple[SinkEndpoint, ...]:
        """All endpoints that are written; the store is not one of them."""
        return (self.error,)


Pipeline: TypeAlias = "StatelessPipeline | KeyedPipeline[Any, Any, Any] | StorePipeline"

FlinkPipeline: TypeAlias = "StatelessPipeline | KeyedPipeline[Any, Any, Any]"
"""A pipeline that Flink can run. Of the keyed ones these are the pipelines with `KeyedPipeline.stream_outputs`."""
