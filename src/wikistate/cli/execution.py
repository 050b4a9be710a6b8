"""Drives a runner to its end: its loop, its signals, its status, its metrics. What all ways of running a job share."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

import structlog

from wikistate.cli.exits import Exit
from wikistate.cli.status import Status
from wikistate.runners.process_tuning import OBJECTS_IN_FLIGHT, gc_tuned
from wikistate.wiring.endpoints import KafkaSourceEndpoint

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    from wikistate.cli.runner_name import RunnerName
    from wikistate.config.model import Telemetry
    from wikistate.telemetry.meter import RecordingMeter
    from wikistate.wiring.endpoints import SourceEndpoint

log = structlog.get_logger()
T = TypeVar("T")


class RunOptions(NamedTuple):
    """How a job is run.

    Attributes:
        runner: What it runs on.
        create_topics: Make missing Kafka topics first.
        check: Only connect to everything.
        progress: Show a live line; None for "at a terminal".
    """

    runner: RunnerName
    create_topics: bool
    check: bool
    progress: bool | None


class Runnable(Protocol):
    """A runner."""

    async def run(self) -> None:
        """Run to the end."""

    def stop(self) -> None:
        """Read no more, finish what was read, then end."""


def report_check_passed() -> Exit:
    """What ``--check`` says when nothing is wrong."""
    print("Everything answers: the job can run.", file=sys.stderr)  # noqa: T201  (a command's voice)
    return Exit.OK


def make_status(meter: RecordingMeter, source: SourceEndpoint, *, progress: bool | None) -> Status:
    """What a person sees of a run; a live line by default at a terminal."""
    bounded = isinstance(source, KafkaSourceEndpoint) and bool(source.end)
    return Status(meter, total=None, live=sys.stderr.isatty() if progress is None else progress, bounded=bounded)


@contextlib.contextmanager
def serve_metrics(telemetry: Telemetry, meter: RecordingMeter) -> Iterator[None]:
    """Serves metrics meanwhile, where a port is set."""
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


def run_to_end(
    runner: Callable[[], Runnable],
    status: Status,
    telemetry: Telemetry,
    meter: RecordingMeter,
    *,
    objects: int = OBJECTS_IN_FLIGHT,
) -> Exit:
    """Makes a runner and drives it to its end, with metrics beside it and a summary after it. `objects`: see `run_until_done`."""
    with serve_metrics(telemetry, meter):
        end = run_async(run_until_done(runner(), status, objects=objects))
    status.summary()
    return end


async def run_until_done(runner: Runnable, status: Status, *, objects: int = OBJECTS_IN_FLIGHT) -> Exit:
    """Runs to the end, with the live line beside it and the signals wired: the first drains, the second ends at once.

    Args:
        runner: What runs.
        status: What a person sees of it.
        objects: About how many it has in hand; see `gc_tuned`.
    """
    run = asyncio.ensure_future(runner.run())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _make_signal_handler(runner, run))
    line = asyncio.ensure_future(status.refresh_until_cancelled())
    try:
        with gc_tuned(objects):
            await run
    except asyncio.CancelledError:
        return Exit.STOPPED_AT_ONCE
    finally:
        line.cancel()
        await asyncio.gather(line, return_exceptions=True)
    return Exit.OK


def _make_signal_handler(runner: Runnable, run: asyncio.Future[None]) -> Callable[[], None]:
    asked = False

    def react() -> None:
        nonlocal asked
        if asked:
            run.cancel()
        else:
            asked = True
            log.info("stop_requested")
            runner.stop()

    return react


def run_async(main: Coroutine[object, object, T]) -> T:
    """Runs a coroutine in a loop of its own, uvloop's where there is one."""
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(main)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    try:
        from uvloop import new_event_loop  # noqa: PLC0415
    except ImportError:  # not on Windows; asyncio's own loop does the same more slowly
        return asyncio.new_event_loop
    return new_event_loop
