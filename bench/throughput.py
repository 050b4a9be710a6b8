"""Events a second over real Kafka, in ratio to the bare loop.

Both read the same topic, query the same wiki and write to the same broker. They alternate, so that other load on the
machine affects both. The speed of a run is read from its output: the time between the first tenth and the last tenth
of the records, as the broker stamped them, so that start and end do not count.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from bench import children
from bench.children import Route
from bench.feed import generate_edits
from bench.figures import Figure, Target
from bench.stage import DEADLINE, small_wiki
from wikistate.errors import PartError

if TYPE_CHECKING:
    from bench.stage import Stage
    from wikistate.testing.wiki.process import WikiProcess

REQUESTS = 16
"""Maximum of concurrent requests: the default of the job for your own wiki."""


@dataclass(frozen=True, slots=True)
class Run:
    """Run of one program. `cpu` is in microseconds an event, of all threads with the start; `requests` is for each event."""

    rate: float
    cpu: float
    requests: float


@dataclass(frozen=True, slots=True)
class Throughput:
    """Result: the runs of the job and of the bare loop, in their order."""

    batch: int
    events: int
    job: tuple[Run, ...]
    bare: tuple[Run, ...]

    @property
    def ratio(self) -> float:
        """Median of the ratios of neighbouring runs."""
        return median(job.rate / bare.rate for job, bare in zip(self.job, self.bare, strict=True))

    @property
    def cpu_ratio(self) -> float:
        """Median of the ratios by CPU time: steadier on a busy machine, but with start and end."""
        return median(bare.cpu / job.cpu for job, bare in zip(self.job, self.bare, strict=True))

    def figures(self) -> list[Figure]:
        """See `Result`."""
        batched = self.batch > 1
        figures = [
            Figure("speed of wikistate", median(run.rate for run in self.job), "events/s"),
            Figure("speed of the bare loop", median(run.rate for run in self.bare), "events/s"),
            Figure("wikistate / bare loop", self.ratio, "", Target(at_least=0.6 if batched else 0.5)),
            Figure("CPU of wikistate", median(run.cpu for run in self.job), "µs/event"),
            Figure("CPU of the bare loop", median(run.cpu for run in self.bare), "µs/event"),
            Figure("bare loop / wikistate, by CPU", self.cpu_ratio, ""),
        ]
        if batched:
            requests = max(run.requests for run in self.job)
            figures.append(Figure("requests to the wiki", requests, "an event", Target(at_most=1 / 25)))
        return figures


async def measure_batched(stage: Stage) -> Throughput:
    """Measure with 50 revisions a request."""
    return await _measure(stage, batch=50, events=stage.sizes.batched_events)


async def measure_single(stage: Stage) -> Throughput:
    """Measure with one revision a request, which some wikis and proxies require."""
    return await _measure(stage, batch=1, events=stage.sizes.single_events)


async def _measure(stage: Stage, *, batch: int, events: int) -> Throughput:
    source = stage.topics.create_filled("page-change", generate_edits(events))
    job, bare = [], []
    async with small_wiki() as wiki:
        for _ in range(stage.sizes.runs):
            bare.append(await _run(stage, wiki, "bare", source, batch=batch, events=events))
            job.append(await _run(stage, wiki, "job", source, batch=batch, events=events))
    stage.topics.delete_all(source)
    return Throughput(batch, events, tuple(job), tuple(bare))


async def _run(stage: Stage, wiki: WikiProcess, kind: str, source: str, *, batch: int, events: int) -> Run:
    sink = stage.topics.create_sink(kind)
    route = Route(stage.topics.servers, source, sink, wiki.url)
    command = (
        children.job_command(children.kafka_endpoints(route), wiki.url, f"enrich.batch_size={batch}")
        if kind == "job"
        else children.bare_loop_command(route, batch=batch, requests=REQUESTS)
    )
    await wiki.clear_stats()
    usage = await children.run_to_end(command, log=stage.log(sink), within=DEADLINE)
    requests = await children.count_wiki_requests(wiki)
    rate = rate_of(stage, sink, events)
    stage.topics.delete_all(sink)
    return Run(rate, usage.cpu / events * 1e6, requests / events)


def rate_of(stage: Stage, sink: str, events: int) -> float:
    """Return the events a second between the first tenth and the last tenth of the records of a topic.

    Raises:
        PartError: The topic does not have all events.
    """
    if (found := stage.topics.count(sink)) < events:
        raise PartError(f"Of {events} events only {found} were written.", hint="The others are on the error stream.")
    first, last = events // 10, events * 9 // 10
    return (last - first) / (stage.topics.appended_at(sink, last) - stage.topics.appended_at(sink, first))
