"""``python -m bench profile``: the time of the event loop of the job by function.

The job runs in this process, and a timer samples the stack of the loop thread a thousand times a second. That costs
about one per cent, while a tracing profiler doubles the cost of every call and so distorts the result. Time in C
(parsing, validating, sending) counts for the calling Python line. Samples in the loop itself are idle time, time in
which the kernel ran something else, or time in the C code of the loop.
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
from wikistate.runners.local.launch import build_runner
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
    """Samples of the stack.

    Attributes:
        total: Number of samples.
        inside: Samples by function, with the function anywhere on the stack.
        itself: Samples by function, with the function on top of the stack.
        lines: Samples by line, with the line on top of the stack.
    """

    def __init__(self) -> None:
        self.total = 0
        self.inside: Counter[str] = Counter()
        self.itself: Counter[str] = Counter()
        self.lines: Counter[str] = Counter()

    def take(self, _: int, frame: FrameType | None) -> None:
        """Take one sample; a handler for `signal.signal`."""
        if frame is None:
            return
        self.total += 1
        top = _name(frame)
        self.itself[top] += 1
        self.lines[f"{top}:{frame.f_lineno}"] += 1
        self.inside.update(_stack(frame))

    def tables(self) -> str:
        """Return human-readable tables."""
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
    """Sample the stack of this thread during the block."""
    samples = StackSamples()
    before = signal.signal(signal.SIGALRM, samples.take)
    signal.setitimer(signal.ITIMER_REAL, INTERVAL, INTERVAL)
    try:
        yield samples
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)


async def profile(stage: Stage) -> StackSamples:
    """Run the job over Kafka with full batches in this process, and sample it."""
    events = stage.sizes.batched_events
    source, sink = stage.topics.create_filled("page-change", generate_edits(events)), stage.topics.create_sink("job")
    async with small_wiki() as wiki:
        runner = _runner(Route(stage.topics.servers, source, sink, wiki.url))
        with gc_tuned(), sample_stacks() as samples:
            await runner.run()
    stage.topics.delete_all(source, sink)
    return samples


def _runner(route: Route) -> LocalRunner:
    """Build the runner of ``wikistate run`` for these endpoints."""
    endpoints, meter = kafka_endpoints(route), RecordingMeter()
    settings = (wiki_setting(route.wiki), "telemetry.log_level=warning")
    flags = CliSettings(source=endpoints.source, sink=endpoints.sink, error_sink=endpoints.errors, assignments=settings)
    configuration = load_configuration(NAME, flags).configuration
    configure_logs(configuration.telemetry, job_name=NAME)
    pipeline = assemble_stateless(find_job(NAME), configuration, meter)
    return build_runner(lambda: pipeline, configuration.local, meter)
