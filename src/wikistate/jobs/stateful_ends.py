"""A job that keeps state, assembled: the job, and where it reads and writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from wikistate.adapters.connectors.ports import Source
    from wikistate.core.record import Output, Role
    from wikistate.jobs.ends import SinkEndpoint, SourceEndpoint
    from wikistate.jobs.outlet import ChangeSink
    from wikistate.jobs.stateful_job import KeyedJob

KeyedEvent = TypeVar("KeyedEvent")
Operation = TypeVar("Operation")
Change = TypeVar("Change")


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamOutputs(Generic[Change]):
    """Products that are written as events of streams.

    Attributes:
        streams: Where each stream goes, by its name; several may go to one file.
        encode: The events of a product, each with the name of its stream. What belongs together stays together.
        partition: Of each topic, the one that is written to: the order counts.
    """

    streams: Mapping[str, SinkEndpoint]
    encode: Callable[[Change], Iterable[tuple[str, Output]]]
    partition: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyedPipeline(Generic[KeyedEvent, Operation, Change]):
    """A job, not yet open, and its ends.

    Attributes:
        job: What decides.
        source: Where it reads.
        change_sink: Where its products go.
        sinks: Where its outputs go, by role.
        state: The file of its checkpoint.
        lateness: How far out of order the events of a partition may be, milliseconds.
        idleness: After how long a quiet partition no longer holds event time back, milliseconds.
        concurrency: How many operations may be performed at once.
        wrap_source: What the job puts around the source that is made of its end; nothing, for most.
    """

    job: KeyedJob[KeyedEvent, Operation, Change]
    source: SourceEndpoint
    change_sink: ChangeSink[Change] | StreamOutputs[Change]
    sinks: Mapping[Role, SinkEndpoint]
    state: Path
    lateness: int
    idleness: int
    concurrency: int
    wrap_source: Callable[[Source], Source] | None = None

    @property
    def written_endpoints(self) -> tuple[SinkEndpoint, ...]:
        """All ends that are written."""
        streams = self.change_sink.streams.values() if isinstance(self.change_sink, StreamOutputs) else ()
        return (*streams, *self.sinks.values())
