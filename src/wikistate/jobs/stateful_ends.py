"""A job that keeps state, assembled: the job, and where it reads and writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from wikistate.adapters.connectors.ports import Source
    from wikistate.core.record import Output, Role
    from wikistate.jobs.ends import SinkEnd, SourceEnd
    from wikistate.jobs.outlet import Outlet
    from wikistate.jobs.stateful_job import StatefulJob

Stimulus = TypeVar("Stimulus")
Operation = TypeVar("Operation")
Product = TypeVar("Product")


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication(Generic[Product]):
    """Products that are written as events of streams.

    Attributes:
        streams: Where each stream goes, by its name; several may go to one file.
        encode: The events of a product, each with the name of its stream. What belongs together stays together.
        partition: Of each topic, the one that is written to: the order counts.
    """

    streams: Mapping[str, SinkEnd]
    encode: Callable[[Product], Iterable[tuple[str, Output]]]
    partition: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class StatefulAssembled(Generic[Stimulus, Operation, Product]):
    """A job, not yet open, and its ends.

    Attributes:
        job: What decides.
        source: Where it reads.
        outlet: Where its products go.
        sinks: Where its outputs go, by role.
        state: The file of its checkpoint.
        lateness: How far out of order the events of a partition may be, milliseconds.
        idleness: After how long a quiet partition no longer holds event time back, milliseconds.
        concurrency: How many operations may be performed at once.
        around: What the job puts around the source that is made of its end; nothing, for most.
    """

    job: StatefulJob[Stimulus, Operation, Product]
    source: SourceEnd
    outlet: Outlet[Product] | Publication[Product]
    sinks: Mapping[Role, SinkEnd]
    state: Path
    lateness: int
    idleness: int
    concurrency: int
    around: Callable[[Source], Source] | None = None

    @property
    def written(self) -> tuple[SinkEnd, ...]:
        """All ends that are written."""
        streams = self.outlet.streams.values() if isinstance(self.outlet, Publication) else ()
        return (*streams, *self.sinks.values())
