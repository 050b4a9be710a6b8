"""Where the time of the job's loop goes: ``python -m bench profile``.

The job runs in this process, and a timer looks a thousand times a second which function the loop's thread is in. That
costs about one per cent, where a tracing profiler doubles the price of every call and so shows another program. Time
spent in C (parsing, validating, sending) counts for the Python line that called it. Samples in the loop itself are
time in which there was nothing to do, in which the kernel ran something else, or in which the loop's own C code ran.
"""

from __future__ import annotations

import signal
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bench.children import Route, kafka_endpoints, wiki_setting
from bench.feed import generate_edits
from bench.stage import small_wiki
from wikistate.cli.settings import CliSettings, load_configuration
from wikistate.jobs.page_content_change import NAME
from wikistate.runners.local.launch import build_local_runner
from wikistate.runners.process_tuning import gc_tuned
from wikistate.telemetry.logs import configure_logs
from wikistate.telemetry.meter import RecordingMeter
from wikistate.wiring.registry import assemble_stateless, find_job

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from bench.stage import Stage
    from wikistate.runners.local.runner import LocalRunner

INTERVAL = 0.001
"""Seconds between two samples."""

SHOWN = 45
"""Lines of each table."""


class StackSamples:
    """What was seen.

    Attributes:
        total: How many samples.
        inside: By function: samples with it anywhere on the stack.
        itself: By function: samples with it on top.
        lines: The same by line.
    """

    def __init__(self) -> None:
        self.total = 0
        self.inside: Counter[str] = Counter()
        self.itself: Counter[str] = Counter()
        self.lines: Counter[str] = Counter()

    def take(self, _: int, frame: FrameType | None) -> None:
        """One sample; a handler of `signal.signal`."""
        if frame is None:
            return
        self.total += 1
        top = _name(frame)
        self.itself[top] += 1
        self.lines[f"{top}:{frame.f_lineno}"] += 1
        self.inside.update(_stack(frame))

    def tables(self) -> str:
        """For people."""
        return "\n\n".join(
            _table(title, counts, self.total)
            for title, counts in (
                ("Itself, with the C functions that it calls", self.itself),
                ("Itself, by line", self.lines),
                ("With everything that it calls", self.inside),
            )
        )


def _stack(frame: FrameType | None) -> set[str]:
    names = set()
    while frame is not None:
        names.add(_name(frame))
        frame = frame.f_back
    return names


def _name(frame: FrameType) -> str:
    return f"{frame.f_globals.get('__name__', '?')}:{frame.f_code.co_qualname}"


def _table(title: str, counts: Counter[str], total: int) -> str:
    rows = [f"{count / total:7.1%}  {name}" for name, count in counts.most_common(SHOWN)]
    return "\n".join([title, "-" * len(title), *rows])


@contextmanager
def sample_stacks() -> Iterator[StackSamples]:
    """Samples this thread meanwhile."""
    samples = StackSamples()
    before = signal.signal(signal.SIGALRM, samples.take)
    signal.setitimer(signal.ITIMER_REAL, INTERVAL, INTERVAL)
    try:
        yield samples
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)


async def profile(stage: Stage) -> StackSamples:
    """The job over Kafka with full batches, in this process."""
    events = stage.sizes.batched_events
    source, sink = stage.topics.create_filled("page-change", generate_edits(events)), stage.topics.create_sink("job")
    async with small_wiki() as wiki:
        runner = _runner(Route(stage.topics.servers, source, sink, wiki.url))
        with gc_tuned(), sample_stacks() as samples:
            await runner.run()
    stage.topics.delete_all(source, sink)
    return samples


def _runner(route: Route) -> LocalRunner:
    """What ``wikistate run`` makes of the same ends."""
    ends, meter = kafka_endpoints(route), RecordingMeter()
    settings = (wiki_setting(route.wiki), "telemetry.log_level=warning")
    flags = CliSettings(source=ends.source, sink=ends.sink, error_sink=ends.errors, assignments=settings)
    configuration = load_configuration(NAME, flags).configuration
    configure_logs(configuration.telemetry, job_name=NAME)
    pipeline = assemble_stateless(find_job(NAME), configuration, meter)
    job, resolved = pipeline.job, pipeline.endpoints
    return build_local_runner(job, resolved, configuration.local, meter)
