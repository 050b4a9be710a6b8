"""The stage of all measurements: a broker, a folder for logs, and the sizes."""

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
    """Sizes of the measurements.

    Attributes:
        runs: Runs of each of two compared programs, which alternate.
        batched_events: Events of a run with full batches.
        single_events: Events of a run with one revision a request.
        rate: Events a second for the latency.
        latency_seconds: Duration of all turns of the latency together.
        memory_events: Events of the run for the memory.
        starts: Starts of the job for the start time.
        micro_events: Events for each part.
        farm_seconds: Seconds of virtual time in the simulated farm.
        peer_runs: Runs of each contender in the comparison with peers.
        peer_events: Events of a run of a contender.
        peer_events_few: Events of a run of a contender that would take minutes for `peer_events`.
        state_keys: Keys in the state of a job.
        updater_changes: Changes for rdf-updater.
        mutation_messages: Messages of a mutation stream that form a batch.
        seen_edits: Edits for the time until a query of the synchronised store has an edit.
        settling_changes: Changes that an embedded store gets before its memory is measured, to fill its caches.
        endured_changes: Changes that the jobs of a synchronised store process while their memory is measured.
        flink_runs: Runs of each job on Flink that only keeps state.
        bootstrap_entities: Entities of the smaller list from which a state on Flink is filled.
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
    flink_runs: int
    bootstrap_entities: int


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
    flink_runs=3,
    bootstrap_entities=1_000_000,
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
    flink_runs=1,
    bootstrap_entities=20_000,
)

BODY_BYTES = 10_240
"""Default size of the content of a revision in bytes, the order of a long article."""

DEADLINE = 240.0
"""Time limit of a measured process in seconds, also on a busy machine."""


class Stage:
    """Stage of all measurements. The broker starts at the first use of `topics`.

    Attributes:
        folder: Folder of logs and files; it is deleted afterwards.
        sizes: Sizes of the measurements.
    """

    def __init__(self, folder: Path, sizes: Sizes, stack: ExitStack) -> None:
        self.folder = folder
        self.sizes = sizes
        self._stack = stack

    @cached_property
    def topics(self) -> Topics:
        """Topics on a broker in a separate process."""
        return Topics(self._stack.enter_context(KafkaBroker(self.folder / "kafka")))

    def log(self, name: str) -> Path:
        """Return the log file of a process."""
        return self.folder / f"{name}.log"


@contextmanager
def open_stage(sizes: Sizes) -> Iterator[Stage]:
    """Set up a stage; the end of the block stops all its processes and deletes its files."""
    with TemporaryDirectory(prefix="wikistate-bench-") as folder, ExitStack() as stack:
        yield Stage(Path(folder), sizes, stack)


def small_wiki(*, body_bytes: int = BODY_BYTES) -> WikiProcess:
    """Return a wiki in a separate process, where every revision exists and has a body of this size."""
    return WikiProcess("--bench", "--body-bytes", str(body_bytes))
