"""What the measurements share: a broker, a folder for logs, and how much of everything."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from tests.support.broker import KafkaBroker

from bench.topics import Topics
from wikistate.testing.wiki.process import WikiProcess

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How much is measured.

    Attributes:
        runs: Of each of two things that are compared; they take turns.
        batched_events: In a run with full batches.
        single_events: In a run with one revision a request.
        rate: Events a second that are offered where latency is measured.
        latency_seconds: For how long, all turns together.
        memory_events: In the run whose memory is watched.
        starts: How often the job is started where the start is measured.
        micro_events: How many events each part is timed with.
        farm_seconds: Of virtual time, in the simulated farm.
        peer_runs: Of each contender in the comparison with peers.
        peer_events: In a run of it.
        peer_events_few: In a run of a contender that would take minutes for those.
        state_keys: How many keys a job's state has.
        updater_changes: How many changes rdf-updater follows.
        mutation_messages: Of a mutation stream that a batch is made of.
        seen_edits: How many edits are waited for until a query of a store in step sees them.
        settling_changes: How many an embedded store takes before its memory is watched: so many fill its caches.
        endured_changes: How many the jobs that keep a store in step follow while their memory is watched.
    """

    runs: int
    batched_events: int
    single_events: int
    rate: int
    latency_seconds: float
    memory_events: int
    starts: int
    micro_events: int
    farm_seconds: float
    peer_runs: int
    peer_events: int
    peer_events_few: int
    state_keys: int
    updater_changes: int
    mutation_messages: int
    seen_edits: int
    settling_changes: int
    endured_changes: int


FULL = Sizes(
    runs=5,
    batched_events=60_000,
    single_events=12_000,
    rate=200,
    latency_seconds=20.0,
    memory_events=500_000,
    starts=5,
    micro_events=5_000,
    farm_seconds=600.0,
    peer_runs=3,
    peer_events=60_000,
    peer_events_few=12_000,
    state_keys=10_000_000,
    updater_changes=3_000,
    mutation_messages=50_000,
    seen_edits=60,
    settling_changes=300_000,
    endured_changes=200_000,
)
QUICK = Sizes(
    runs=1,
    batched_events=10_000,
    single_events=2_000,
    rate=200,
    latency_seconds=3.0,
    memory_events=20_000,
    starts=1,
    micro_events=500,
    farm_seconds=120.0,
    peer_runs=1,
    peer_events=15_000,
    peer_events_few=5_000,
    state_keys=200_000,
    updater_changes=300,
    mutation_messages=1_000,
    seen_edits=8,
    settling_changes=1_000,
    endured_changes=4_000,
)

BODY_BYTES = 10_240
"""Of each revision's content, where nothing else is said: the order of a long article."""

DEADLINE = 240.0
"""Seconds within which a process that is measured must have ended, also on a busy machine."""


class Stage:
    """Set up once for all measurements. The broker starts when the first of them asks for topics.

    Attributes:
        folder: For logs and files; gone afterwards.
        sizes: How much of everything.
    """

    def __init__(self, folder: Path, sizes: Sizes, stack: ExitStack) -> None:
        self.folder = folder
        self.sizes = sizes
        self._stack = stack

    @cached_property
    def topics(self) -> Topics:
        """On a broker in a process of its own."""
        return Topics(self._stack.enter_context(KafkaBroker(self.folder / "kafka")))

    def log(self, name: str) -> Path:
        """Where a process writes what it has to say."""
        return self.folder / f"{name}.log"


@contextmanager
def open_stage(sizes: Sizes) -> Iterator[Stage]:
    """Ends whatever was started on it, and leaves nothing behind."""
    with TemporaryDirectory(prefix="wikistate-bench-") as folder, ExitStack() as stack:
        yield Stage(Path(folder), sizes, stack)


def small_wiki(*, body_bytes: int = BODY_BYTES) -> WikiProcess:
    """A wiki in a process of its own, where every revision exists and has a body of this size."""
    return WikiProcess("--bench", "--body-bytes", str(body_bytes))
