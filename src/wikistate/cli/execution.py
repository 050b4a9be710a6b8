"""The execution of a pipeline: the event loop, signals, the live status and the metrics endpoint of every run."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

import structlog

from wikistate.cli import stopping
from wikistate.cli.exits import Exit
from wikistate.cli.output import print_line
from wikistate.cli.status import Status
from wikistate.cli.summary import find_results
from wikistate.runners.failure_monitor import FailureMonitor
from wikistate.runners.local.launch import build_runner
from wikistate.runners.process_tuning import OBJECTS_IN_FLIGHT, OBJECTS_IN_TWO_BATCHES, gc_tuned, limit_malloc_arenas
from wikistate.wiring.endpoints import FileEndpoint
from wikistate.wiring.pipeline import StatelessPipeline, StorePipeline

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    from wikistate.cli.runner_name import RunnerName
    from wikistate.config.model import Configuration, Telemetry
    from wikistate.telemetry.meter import RecordingMeter
    from wikistate.wiring.pipeline import Pipeline

log = structlog.get_logger()
T = TypeVar("T")


class RunOptions(NamedTuple):
    """Options of ``wikistate run`` that are not settings.

    Attributes:
        runner: The runner.
        create_topics: Whether to create missing Kafka topics first.
        check: Whether to only open all connections.
        progress: Whether to show a live line; None shows it at a terminal.
        overwrite: Whether to replace the output files.
    """

    runner: RunnerName
    create_topics: bool
    check: bool
    progress: bool | None
    overwrite: bool = False


class Runnable(Protocol):
    """A runner."""

    async def run(self) -> None:
        """Run to the end."""

    @property
    def is_starting(self) -> bool:
        """Whether no record was read yet."""

    def stop(self) -> None:
        """Stop reading, drain what was read, then end."""


def print_check_passed() -> Exit:
    """Print that ``--check`` found no fault."""
    print_line("Check passed: all connections work.", stderr=True)
    return Exit.OK


def create_topics(pipeline: Pipeline) -> None:
    """Create the missing Kafka topics of a pipeline, for ``--create-topics``.

    Raises:
        ConfigError: A property or the name of a topic is wrong.
        SinkError: A cluster does not answer or refuses.
    """
    from wikistate.cli.topics import create_missing_topics  # noqa: PLC0415  (its client takes 40 ms to import)

    run_async(create_missing_topics(pipeline.source, *pipeline.sinks))


def run_locally(
    pipeline: Pipeline,
    configuration: Configuration,
    meter: RecordingMeter,
    *,
    rebuild: Callable[[], Pipeline],
    progress: bool | None = None,
    total: int | None = None,
) -> Exit:
    """Run a pipeline on the local runner to its end, serve its metrics meanwhile, and print a summary after it.

    Args:
        pipeline: The pipeline.
        configuration: Its settings.
        meter: The meter that the pipeline reports to.
        rebuild: Builds the pipeline again, for a store that went back in time.
        progress: Whether to show a live line; None shows it at a terminal.
        total: The number of records in the source; None if it is unknown.

    Raises:
        WikistateError: The job cannot start or cannot continue.
    """
    if isinstance(pipeline, StatelessPipeline):
        limit_malloc_arenas()
    objects = OBJECTS_IN_TWO_BATCHES if isinstance(pipeline, StorePipeline) else OBJECTS_IN_FLIGHT
    status = _make_status(meter, pipeline, progress=progress, total=total)
    with serve_metrics(configuration.telemetry, meter):
        runner = build_runner(
            rebuild, configuration.local, meter, error_limit=configuration.error_limit, pipeline=pipeline
        )
        monitor = FailureMonitor(meter, configuration.failure_alarm)
        end = run_async(run_until_done(runner, status, objects=objects, monitor=monitor))
    status.summary(find_results(pipeline, configuration))
    return Exit.MOST_FAILED if monitor.check_whole_run() is not None and end is Exit.OK else end


def _make_status(meter: RecordingMeter, pipeline: Pipeline, *, progress: bool | None, total: int | None) -> Status:
    live = sys.stderr.isatty() and not _writes_to_terminal(pipeline) if progress is None else progress
    has_state = not isinstance(pipeline, StatelessPipeline)
    return Status(meter, total=total, live=live, bounded=pipeline.source.is_bounded, has_state=has_state)


def _writes_to_terminal(pipeline: Pipeline) -> bool:
    """Return whether events are written to the terminal that would show the live line."""
    return sys.stdout.isatty() and any(
        isinstance(sink, FileEndpoint) and sink.is_standard_stream for sink in pipeline.sinks
    )


@contextlib.contextmanager
def serve_metrics(telemetry: Telemetry, meter: RecordingMeter) -> Iterator[None]:
    """Serve metrics inside the block, if a port is set."""
    if telemetry.metrics_port is None:
        yield
        return
    from wikistate.telemetry.prometheus import serve  # noqa: PLC0415  (a run without the endpoint does not pay for it)

    port, end = serve(meter, host=telemetry.metrics_host, port=telemetry.metrics_port)
    log.info("metrics_served", url=f"http://{telemetry.metrics_host}:{port}/metrics")
    try:
        yield
    finally:
        end()


async def run_until_done(
    runner: Runnable, status: Status, *, objects: int = OBJECTS_IN_FLIGHT, monitor: FailureMonitor | None = None
) -> Exit:
    """Run to the end with a live line. The first SIGTERM or SIGINT drains, the second one ends the run immediately.

    Args:
        runner: The runner.
        status: The live line.
        objects: The approximate number of objects that the run holds; see `gc_tuned`.
        monitor: Reports during the run that most events fail.
    """
    run = asyncio.ensure_future(runner.run())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _make_signal_handler(runner, run, monitor))
    beside = [asyncio.ensure_future(status.refresh_until_cancelled())]
    if monitor is not None:
        beside.append(asyncio.ensure_future(monitor.check_until_cancelled()))
    try:
        with gc_tuned(objects):
            await run
    except asyncio.CancelledError:
        return Exit.STOPPED_AT_ONCE
    finally:
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)
    return Exit.OK


def _make_signal_handler(
    runner: Runnable, run: asyncio.Future[None], monitor: FailureMonitor | None
) -> Callable[[], None]:
    is_stopping = False

    def handle() -> None:
        nonlocal is_stopping
        if is_stopping:
            stopping.end_soon(Exit.STOPPED_AT_ONCE)
            run.cancel()
            return
        is_stopping = True
        if monitor is not None:
            monitor.stop_requested = True
        log.info("stop_requested")
        if runner.is_starting:  # nothing is in flight
            stopping.end_soon(Exit.OK)
        runner.stop()

    return handle


def run_async(main: Coroutine[object, object, T]) -> T:
    """Run a coroutine in a new event loop: that of uvloop, if uvloop is installed. SIGTERM or SIGINT cancels it.

    Raises:
        SystemExit: A signal stopped it.
    """
    code: Exit | None = None

    async def run_until_stopped() -> T:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()

        def stop() -> None:
            nonlocal code
            code = stopping.stop_code()
            stopping.end_soon(code)
            if task is not None:
                task.cancel()

        if stopping.is_handling_signals():
            for number in stopping.SIGNALS:
                loop.add_signal_handler(number, stop)
        return await main

    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            return runner.run(run_until_stopped())
    except asyncio.CancelledError:
        if code is None:
            raise
        raise SystemExit(code) from None
    finally:
        stopping.install_handlers()


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    try:
        from uvloop import new_event_loop  # noqa: PLC0415
    except ImportError:  # not on Windows; the loop of asyncio does the same more slowly
        return asyncio.new_event_loop
    return new_event_loop
