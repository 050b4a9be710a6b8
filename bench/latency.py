"""Latency of an event at a moderate rate, compared with the bare path: consume, one fetch, produce.

* **wikistate** and **bare path**, end to end: from passing the source event to a Kafka producer until its enriched event
  arrives at a Kafka consumer. Both clients are in this process, with one clock. Both paths pass Kafka twice, with the
  same settings of their clients.
* **the wiki alone**: a request for one revision on an open connection on an idle machine.
* **wikistate less the wiki**: end to end less the median of the wiki alone. It contains two passes through Kafka.
* **wikistate less the bare path**: percentile by percentile. It is the latency of the work of wikistate itself.
"""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import asdict, dataclass
from itertools import islice
from threading import Event, Thread
from typing import TYPE_CHECKING

import aiohttp
from tests.support.processes import Process
from yarl import URL

from bench import children
from bench.children import Route
from bench.feed import FIRST_REVISION, generate_edits
from bench.figures import Figure, Percentiles, Target, compute_percentiles, median_percentiles
from bench.stage import small_wiki
from wikistate.adapters.mediawiki.action_api import build_revisions_query
from wikistate.errors import PartError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bench.feed import Edit
    from bench.stage import Stage
    from wikistate.testing.wiki.process import WikiProcess

WARM_UP = 100
"""Events before the measured ones: then connections are open and code is warm."""

TURNS = 3
"""Number of turns of each path. The median of each percentile counts, so that other load on the machine has little effect."""

_ARRIVAL = 60.0  # time limit of all events in seconds, also on a busy machine
_QUESTIONS = 300
_REVISION = re.compile(rb'"rev_id":(\d+)')


@dataclass(frozen=True, slots=True)
class Latency:
    """Latencies in milliseconds."""

    rate: int
    events: int
    job: Percentiles
    bare: Percentiles
    wiki: Percentiles

    def figures(self) -> list[Figure]:
        """See `Result`."""
        figures = [
            Figure(f"{name}, {percentile}", value, "ms")
            for name, found in (("wikistate", self.job), ("bare path", self.bare), ("the wiki alone", self.wiki))
            for percentile, value in asdict(found).items()
        ]
        target = Target(at_most=20.0)
        figures += [
            Figure("wikistate less the wiki, p99", self.job.p99 - self.wiki.p50, "ms", target),
            Figure("wikistate less the bare path, p50", self.job.p50 - self.bare.p50, "ms"),
            Figure("wikistate less the bare path, p99", self.job.p99 - self.bare.p99, "ms", target),
        ]
        return figures


async def measure_latency(stage: Stage) -> Latency:
    """Run the job and the bare path alternately."""
    count = WARM_UP + round(stage.sizes.rate * stage.sizes.latency_seconds / TURNS)
    job, bare = list[Percentiles](), list[Percentiles]()
    async with small_wiki() as wiki:
        alone = await _ask_alone(wiki)
        for _ in range(TURNS):
            bare.append(compute_percentiles(await _run(stage, wiki, "bare", count)))
            job.append(compute_percentiles(await _run(stage, wiki, "job", count)))
    return Latency(
        stage.sizes.rate, TURNS * (count - WARM_UP), median_percentiles(job), median_percentiles(bare), alone
    )


async def _run(stage: Stage, wiki: WikiProcess, kind: str, count: int) -> Sequence[float]:
    source, sink = stage.topics.create("page-change"), stage.topics.create_sink(kind)
    route = Route(stage.topics.servers, source, sink, wiki.url)
    command = (
        children.job_command(children.kafka_endpoints(route, end=""), wiki.url)
        if kind == "job"
        else children.bare_loop_command(route, batch=1, requests=16, endless=True)
    )
    process = Process(command, log=stage.log(sink))
    try:
        return await asyncio.to_thread(_offer, stage, route, count)
    finally:
        process.stop()
        stage.topics.delete_all(source, sink)


def _offer(stage: Stage, route: Route, count: int) -> Sequence[float]:
    """Produce events at a steady rate and return their latencies in milliseconds, without the warm-up."""
    arrivals = Arrivals(stage, route.sink, count)
    producer, sent = stage.topics.make_producer(linger=0), list[float]()
    feed = generate_edits(count)
    for edit in islice(feed, WARM_UP):
        producer.produce(route.source, edit.value, edit.key)
        sent.append(time.perf_counter())
    arrivals.wait_for(WARM_UP)
    for edit in _paced(feed, stage.sizes.rate):
        sent.append(time.perf_counter())
        producer.produce(route.source, edit.value, edit.key)
        producer.poll(0)
    producer.flush()
    arrivals.wait_for(count)
    arrivals.end()
    return [(arrivals.at[FIRST_REVISION + number] - at) * 1000 for number, at in enumerate(sent)][WARM_UP:]


def _paced(feed: Iterator[Edit], rate: int) -> Iterator[Edit]:
    due = time.perf_counter()
    for edit in feed:
        due += 1 / rate
        time.sleep(max(0.0, due - time.perf_counter()))
        yield edit


class Arrivals:
    """Recorder of the arrival times of enriched events, in a separate thread.

    Attributes:
        at: Seconds of `time.perf_counter` by revision id.
    """

    def __init__(self, stage: Stage, topic: str, count: int) -> None:
        self.at: dict[int, float] = {}
        self._ended = Event()
        self._count = count
        self._consumer = stage.topics.open_consumer(topic)
        self._thread = Thread(target=self._follow, daemon=True)
        self._thread.start()

    def _follow(self) -> None:
        while not self._ended.is_set():
            message = self._consumer.poll(0.1)
            if message is not None and message.error() is None:
                now = time.perf_counter()
                self.at[_revision(message.value() or b"")] = now

    def wait_for(self, count: int) -> None:
        """Wait until so many events have arrived.

        Raises:
            PartError: They did not arrive in time.
        """
        deadline = time.monotonic() + _ARRIVAL
        while len(self.at) < count:
            if time.monotonic() > deadline:
                raise PartError(f"Of {count} events {len(self.at)} arrived within {_ARRIVAL:g} s.")
            time.sleep(0.01)

    def end(self) -> None:
        """Stop the recorder."""
        self._ended.set()
        self._thread.join()
        self._consumer.close()


def _revision(value: bytes) -> int:
    found = _REVISION.search(value)
    return int(found[1]) if found else 0


async def _ask_alone(wiki: WikiProcess) -> Percentiles:
    times = []
    async with aiohttp.ClientSession() as session:
        for number in range(_QUESTIONS):
            query = build_revisions_query([FIRST_REVISION + number], {"maxlag": "5"})
            began = time.perf_counter()
            async with session.get(URL(f"{wiki.url}/w/api.php?{query}", encoded=True)) as response:
                await response.read()
            times.append((time.perf_counter() - began) * 1000)
    return compute_percentiles(times)
