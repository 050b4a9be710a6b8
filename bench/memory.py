"""Memory over a long run: resident size of the job during half a million events of all wikis of the sample data."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING

from tests.support.processes import Process, read_tail

from bench import children
from bench.children import Route
from bench.feed import generate_edits
from bench.figures import Figure, Target
from bench.stage import DEADLINE, small_wiki
from wikistate.errors import PartError

if TYPE_CHECKING:
    from bench.stage import Stage

BODY_BYTES = 2_048
"""Size of a body, smaller than elsewhere so that half a million events take less than a minute."""

_EVERY = 0.5  # seconds between two samples
_MIB = 1024  # KiB, the unit of the kernel, in a MiB


@dataclass(frozen=True, slots=True)
class Sample:
    """Resident size and its maximum so far in MiB, so many seconds after the start."""

    seconds: float
    resident: float
    peak: float


@dataclass(frozen=True, slots=True)
class Memory:
    """Samples of the whole run."""

    events: int
    seconds: float
    requests: float
    samples: tuple[Sample, ...]

    @property
    def quarters(self) -> tuple[float, float]:
        """Mean resident size in the first and in the last quarter of the run, without its first two seconds."""
        warm = [sample.resident for sample in self.samples if sample.seconds > 2.0] or [self.samples[-1].resident]
        size = max(1, len(warm) // 4)
        return mean(warm[:size]), mean(warm[-size:])

    def figures(self) -> list[Figure]:
        """See `Result`."""
        first, last = self.quarters
        return [
            Figure("events", self.events, ""),
            Figure("time", self.seconds, "s"),
            Figure("most resident memory", self.samples[-1].peak, "MiB", Target(at_most=200.0)),
            Figure("mean, first quarter", first, "MiB"),
            Figure("mean, last quarter", last, "MiB"),
            Figure("last quarter / first quarter", last / first, "", Target(at_most=1.1)),
            Figure("requests to the wiki", self.requests, "an event", Target(at_most=1 / 25)),
        ]


async def measure_memory(stage: Stage) -> Memory:
    """Run the job once over all wikis."""
    events = stage.sizes.memory_events
    source, sink = (
        stage.topics.create_filled("page-change", generate_edits(events, wikis=True)),
        stage.topics.create_sink("job"),
    )
    async with small_wiki(body_bytes=BODY_BYTES) as wiki:
        route = Route(stage.topics.servers, source, sink, wiki.url)
        command = children.job_command(children.kafka_endpoints(route), wiki.url)
        samples = await sample_process(Process(command, log=stage.log(sink)))
        requests = await children.count_wiki_requests(wiki) / events
    if (found := stage.topics.count(sink)) < events:
        raise PartError(f"Of {events} events only {found} were written.", hint="The others are on the error stream.")
    stage.topics.delete_all(source, sink)
    return Memory(events, samples[-1].seconds, requests, tuple(samples))


async def sample_process(process: Process, *, within: float = DEADLINE) -> list[Sample]:
    """Sample a process until its end, which must be within so many seconds.

    Raises:
        PartError: The process failed, or did not end in time.
    """
    began, samples = time.monotonic(), list[Sample]()
    while process.is_running and time.monotonic() - began < within:
        if (sample := _sample(process.pid, time.monotonic() - began)) is not None:
            samples.append(sample)
        await asyncio.sleep(_EVERY)
    if status := process.kill():
        raise PartError(f"The job ended with status {status}:\n{read_tail(process.log)}")
    return samples


def _sample(pid: int, seconds: float) -> Sample | None:
    sizes = read_sizes(pid)
    return Sample(seconds, sizes["VmRSS"], sizes["VmHWM"]) if sizes else None


def read_sizes(pid: int) -> dict[str, float]:
    """Return the resident size of a process and its peak from the kernel, in MiB; empty if it has just ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return {}
    return {
        name: int(rest.split()[0]) / _MIB
        for name, _, rest in (line.partition(":") for line in lines)
        if name in ("VmRSS", "VmHWM")
    }
