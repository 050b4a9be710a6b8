"""content-history-reconcile compared with page-content-change: the same events, bodies and wiki, alternately.

One page in twenty is a redirect, whose target is queried as well. A separate run has the request rate that is planned
for the public job; it measures memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from tests.support.processes import Process

from bench import children, memory, throughput
from bench.children import Route
from bench.feed import generate_edits
from bench.figures import Figure, Target
from bench.stage import BODY_BYTES, DEADLINE
from wikistate.errors import PartError
from wikistate.jobs import content_history_reconcile, page_content_change
from wikistate.testing.wiki.process import WikiProcess

if TYPE_CHECKING:
    from bench.stage import Stage
    from bench.throughput import Run

JOBS = (page_content_change.NAME, content_history_reconcile.NAME)

REDIRECTS_EVERY = 20
"""Number of pages for each redirect."""

REQUESTS_AN_HOUR = 100_000
"""Planned request rate of the public job (T368787)."""

PACED_IN_FLIGHT = 250
"""Events in flight of the run with this rate: one full request is in progress and the others wait, five in all."""

_HOUR = 3600
_MB_IN_MIB = 1_000_000 / (1 << 20)


@dataclass(frozen=True, slots=True)
class Paced:
    """Run at `REQUESTS_AN_HOUR`. `seconds` is the time of the whole run, `peak` is in MiB."""

    events: int
    seconds: float
    requests: int
    peak: float


@dataclass(frozen=True, slots=True)
class Reconcile:
    """Result: the runs of both jobs in their order, and the run with the planned rate."""

    events: int
    change: tuple[Run, ...]
    reconcile: tuple[Run, ...]
    paced: Paced

    @property
    def ratio(self) -> float:
        """Median of the ratios of neighbouring runs."""
        pairs = zip(self.reconcile, self.change, strict=True)
        return median(reconcile.rate / change.rate for reconcile, change in pairs)

    def figures(self) -> list[Figure]:
        """See `Result`."""
        speed = median(run.rate for run in self.reconcile)
        requests = max(run.requests for run in self.reconcile)
        return [
            Figure("speed of page-content-change", median(run.rate for run in self.change), "events/s"),
            Figure("speed of content-history-reconcile", speed, "events/s"),
            Figure("reconcile / change", self.ratio, "", Target(at_least=0.8)),
            Figure("CPU of page-content-change", median(run.cpu for run in self.change), "µs/event"),
            Figure("CPU of content-history-reconcile", median(run.cpu for run in self.reconcile), "µs/event"),
            Figure("requests to the wiki, redirects included", requests, "an event", Target(at_most=1 / 20)),
            Figure("requests an hour at this speed", speed * requests * _HOUR, ""),
            Figure("events an hour at 100,000 requests", REQUESTS_AN_HOUR / requests, ""),
            Figure("memory at 100,000 requests an hour", self.paced.peak, "MiB", Target(at_most=150 * _MB_IN_MIB)),
            Figure("requests an hour of that run", self.paced.requests / self.paced.seconds * _HOUR, ""),
        ]


async def measure_reconcile(stage: Stage) -> Reconcile:
    """Run both jobs alternately, then reconcile at the planned rate."""
    events = stage.sizes.batched_events
    source = stage.topics.create_filled("page-change", generate_edits(events))
    change, reconcile = list[throughput.Run](), list[throughput.Run]()
    async with _wiki() as wiki:
        for _ in range(stage.sizes.runs):
            change.append(await _run(stage, wiki, JOBS[0], source, events))
            reconcile.append(await _run(stage, wiki, JOBS[1], source, events))
        paced = await _paced(stage, wiki, source, events)
    stage.topics.delete_all(source)
    return Reconcile(events, tuple(change), tuple(reconcile), paced)


def _wiki() -> WikiProcess:
    return WikiProcess("--bench", "--body-bytes", str(BODY_BYTES), "--redirects-every", str(REDIRECTS_EVERY))


async def _run(stage: Stage, wiki: WikiProcess, name: str, source: str, events: int) -> Run:
    sink = stage.topics.create_sink(name)
    route = Route(stage.topics.servers, source, sink, wiki.url)
    await wiki.clear_stats()
    command = children.job_command(children.kafka_endpoints(route), wiki.url, name=name)
    usage = await children.run_to_end(command, log=stage.log(sink), within=DEADLINE)
    requests = (await wiki.stats())["requests"]
    rate = throughput.rate_of(stage, sink, events)
    stage.topics.delete_all(sink)
    return throughput.Run(rate, usage.cpu / events * 1e6, requests / events)


async def _paced(stage: Stage, wiki: WikiProcess, source: str, events: int) -> Paced:
    sink = stage.topics.create_sink("paced")
    route = Route(stage.topics.servers, source, sink, wiki.url)
    await wiki.clear_stats()
    pace = f"farms.own.rate={REQUESTS_AN_HOUR / _HOUR:.2f}", f"local.max_in_flight_events={PACED_IN_FLIGHT}"
    command = children.job_command(children.kafka_endpoints(route), wiki.url, *pace, name=JOBS[1])
    samples = await memory.sample_process(Process(command, log=stage.log(sink)))
    requests = (await wiki.stats())["requests"]
    if (found := stage.topics.count(sink)) < events:
        raise PartError(f"Of {events} events only {found} were written.", hint="The others are on the error stream.")
    stage.topics.delete_all(sink)
    return Paced(events, samples[-1].seconds, requests, samples[-1].peak)
